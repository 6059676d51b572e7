-- MultiOptimizer: each variable has the optimizer that a map, or a function, says for it.
--
-- An OptimizerMap knows optimizers by the paths of variables, or by regular expressions of Python
-- that fit whole paths.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local base = require "lunula.optimizers.optimizer"
local holder = require "lunula.optimizers.holder"
local paths = require "lunula.utils.paths"
local regex = require "lunula.utils.regex"

local Optimizer = base.Optimizer

-- Why it cannot be one of several, or nil.
local function problem_of(optimizer)
  if not declare.is(optimizer, "optimizer") then
    return "must be an optimizer, got " .. declare.show(optimizer)
  end
  return optimizer.held and "cannot be a " .. declare.class_of(optimizer).name or nil
end

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- ---- the map -----------------------------------------------------------------------------------

local table_kind = { name = "a table of optimizers by paths", none = true }

function table_kind.check(value)
  if not declare.is_plain(value) then return nil end
  local map = {}
  for key, given in pairs(value) do
    if type(key) ~= "string" then return nil end
    local found, problem = declare.find("optimizer", given)
    if found == nil then return nil, nil, problem end
    map[key] = found
  end
  return map
end

function table_kind.serialise(map)
  local config = setmetatable({}, { __jsonorder = sorted_keys(map), __jsontype = "object" })
  for key, inner in pairs(map) do config[key] = declare.serialize(inner) end
  return config
end

local function find(self, path)
  local map, found = self.optimizer_map, nil
  if map[path] then return map[path] end
  for _, pattern in ipairs(sorted_keys(map)) do
    if regex.search("^(" .. pattern .. ")$", path) then
      if found then core.raise("OptimizerMap: several patterns fit \"%s\"", path) end
      found = map[pattern]
    end
  end
  return found or self.default_optimizer
end

local OptimizerMap

local function put(self, path, optimizer)
  if OptimizerMap.by_name[path] then return rawset(self, path, optimizer) end
  local map = self.optimizer_map
  if type(path) ~= "string" then
    core.raise("OptimizerMap: a path is a string, got %s", declare.show(path))
  elseif optimizer ~= nil and map[path] then
    core.raise("OptimizerMap: there is already an optimizer for \"%s\"; set it to nil before", path)
  end
  local problem = optimizer ~= nil and problem_of(optimizer)
  if problem then core.raise("OptimizerMap: the optimizer of \"%s\" %s", path, problem) end
  map[path] = optimizer
end

-- map["encoder/.*"] = optimizer; map[path] and map(variable) are the optimizer for it. A word
-- without a slash may be any field that objects are asked for: it is only looked up.
OptimizerMap = declare.class {
  kind = "optimizer_map", name = "OptimizerMap",
  doc = "Optimizers by the paths of variables, or by expressions that fit them.",
  args = {
    { "default_optimizer", kinds.object("optimizer", "an optimizer"), required = true,
      doc = "for variables that nothing in the map fits" },
    { "optimizer_map", table_kind, doc = "optimizers by the path of a variable, or by a regular "
      .. "expression of Python that fits the whole of it" },
  },
  finish = function(self)
    if not rawget(self, "optimizer_map") then rawset(self, "optimizer_map", {}) end
  end,
  __index = function(self, key)
    local value = OptimizerMap[key]
    if value ~= nil or OptimizerMap.by_name[key] or type(key) ~= "string" then return value end
    if key:find("/", 1, true) then return find(self, key) end
    return rawget(self, "optimizer_map")[key]
  end,
  __newindex = put,
  __call = function(self, variable)
    if not core.is_variable(variable) then
      core.raise("OptimizerMap: a variable is wanted, got %s", declare.show(variable))
    end
    return find(self, paths.of(variable))
  end,
  __len = function(self) return #sorted_keys(self.optimizer_map) end,
  __pairs = function(self) return next, self.optimizer_map end,
}

-- ---- the optimizer -----------------------------------------------------------------------------

local chooser = { name = "an OptimizerMap or a function of a variable" }

function chooser.check(value)
  if type(value) == "function" or declare.is(value, "optimizer_map") then return value end
  if declare.is_plain(value) and value.class_name then
    local map, problem = declare.find("optimizer_map", value)
    return map, nil, problem
  end
end

function chooser.serialise(value)
  return type(value) == "function" and value or declare.serialize(value)
end

local function no_rate()
  core.raise("MultiOptimizer has no learning_rate; those of its optimizers have")
end

-- One of its optimizers, once.
local function add(self, inner)
  for _, known in ipairs(self.optimizers) do
    if known == inner then return inner end
  end
  inner.loss_scale_factor = self.loss_scale_factor
  self.optimizers[#self.optimizers + 1] = inner
  self:hold(inner)
  return inner
end

local function choose(self, variable)
  local inner = self.optimizer_map(variable)
  local problem = problem_of(inner)
  if problem then
    core.raise("MultiOptimizer: the optimizer of \"%s\" %s", paths.of(variable), problem)
  end
  self.chosen[variable] = add(self, inner)
  self.trained[#self.trained + 1] = variable
end

local function start(self)
  Optimizer.finish(self)
  self.optimizers, self.chosen, self.trained = {}, {}, {}
  local map = self.optimizer_map
  if type(map) == "function" then return end
  for _, path in ipairs(sorted_keys(map.optimizer_map)) do add(self, map.optimizer_map[path]) end
  add(self, map.default_optimizer)
end

holder {
  name = "MultiOptimizer", aliases = { "multioptimizer" },
  doc = "Each variable has the optimizer that a map, or a function, says for it.",
  args = {
    { "optimizer_map", chooser, required = true,
      doc = "says the optimizer of each variable" },
    { "loss_scale_factor", kinds.number, field = "_loss_scale_factor" },
    { "name", kinds.name },
  },
  getters = {
    learning_rate = no_rate,
    loss_scale_factor = function(self) return rawget(self, "_loss_scale_factor") end,
  },
  __newindex = function(self, key, value)
    if key == "learning_rate" then no_rate() end
    if key == "iterations" then return self._iterations:assign(value) end
    if key ~= "loss_scale_factor" then return rawset(self, key, value) end
    rawset(self, "_loss_scale_factor", value)
    for _, inner in ipairs(self.optimizers) do inner.loss_scale_factor = value end
  end,
  finish = start,
  held = function(self) return self.optimizers end,
  in_charge_of = function(self, variable) return self.chosen[variable] end,
  build = function(self, variables)
    Optimizer.build(self, variables)
    for _, variable in ipairs(variables) do
      if not self.chosen[variable] then choose(self, variable) end
    end
    for _, inner in ipairs(self.optimizers) do
      local theirs = self:trained_by(inner, variables)
      if #theirs > 0 then inner:build(theirs) end
    end
  end,
  step_along = function(self, grads, variables, gate)
    for _, inner in ipairs(self.optimizers) do
      local some_grads, some = {}, {}
      for i, variable in ipairs(variables) do
        if self.chosen[variable] == inner then
          some_grads[#some + 1], some[#some + 1] = grads[i], variable
        end
      end
      if #some > 0 then inner:step_along(some_grads, some, gate) end
    end
    local count = self._iterations
    count:assign(gate and ops.where(gate, count + 1, count) or count + 1)
  end,
  finalize_variable_values = function(self, variables)
    for _, inner in ipairs(self.optimizers) do
      inner:finalize_variable_values(self:trained_by(inner, variables))
    end
  end,
}

return OptimizerMap
