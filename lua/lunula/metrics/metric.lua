-- What a metric is: Variables that update_state adds to and result reads.
--
-- Because the state is Variables and every update an op, the same code runs eagerly, and inside a
-- traced train step where the updates become part of the plan. Users declare their own with
-- k.metric "Name" {…}.

local core = require "lunula.core"
local ops = require "lunula.ops"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local declaration_of = require "lunula.utils.declaration"

local metric = { classes = {}, functions = {} }

-- They compute in float32, whatever they are told.
metric.dtype = { "dtype", kinds.string, default = "float32", none = "default" }

local Metric = declare.class {
  kind = "metric",
  name = "Metric",
  doc = "A number that is watched while training: update_state adds samples, result tells, "
    .. "reset_state forgets.",
  args = { metric.dtype, { "name", kinds.name } },
  prepare = function(self)
    self.variables = declare.list {}
  end,

  -- metric(y_true, y_pred, sample_weight): adds the samples and returns the result so far.
  __call = function(self, ...)
    self:update_state(...)
    return self:result()
  end,
}

local function filled(shape, value)
  if type(value) ~= "number" then return declare.get("initializer", value)(shape, "float32") end
  if #shape == 0 then return core.tensor(value, { dtype = "float32" }) end
  return ops.full(shape, value, "float32")
end

local weight_options = { "name", "shape", "initializer", "dtype" }

local function read_weight(self, given)
  for key in pairs(given) do
    local known = false
    for _, name in ipairs(weight_options) do known = known or key == name end
    if not known then
      core.raise('metric %s: add_weight: unknown option "%s"%s', self.name, tostring(key),
        declare.suggestion(key, weight_options))
    end
  end
  if given.dtype ~= nil and given.dtype ~= "float32" then
    core.raise("metric %s: add_weight: states are float32, got %s", self.name,
      declare.show(given.dtype))
  end
  local name = given.name or ("variable_%d"):format(#self.variables)
  return name, given.shape, given.initializer
end

-- A state Variable of the shape, zeros at first and after reset_state. Called with a name, a shape
-- and a number or an initializer, or with {name =, shape =, initializer =}.
function Metric:add_variable(name, shape, initial)
  if declare.is_plain(name) then name, shape, initial = read_weight(self, name) end
  if type(name) ~= "string" then
    core.raise("metric %s: add_weight: name must be a string, got %s", self.name,
      declare.show(name))
  end
  initial = initial or 0
  local value = core.untraced(filled, shape or {}, initial)
  local variable = core.variable { value = value, name = self.name .. "/" .. name,
    trainable = false }
  self.variables[#self.variables + 1] = variable
  self.initial = self.initial or {}
  self.initial[variable] = value
  local given = self.waiting and self.waiting[name]
  if given then core.untraced(variable.assign, variable, given) end
  return variable
end

Metric.add_weight = Metric.add_variable

-- A state from a file, for a variable that is made with the first samples.
function Metric:await(name, value)
  self.waiting = self.waiting or {}
  self.waiting[name] = value
end

function Metric:reset_state()
  self.waiting = nil
  for _, variable in ipairs(self.variables) do variable:assign(self.initial[variable]) end
end

for _, name in ipairs { "update_state", "result", "reset_state" } do
  local absent = "stateless_" .. name
  Metric[absent] = declare.absent(absent, ("its state is in it: metric:%s(…)"):format(name))
end

function Metric:update_state()
  core.raise("metric %s has no update_state", self.name)
end

function Metric:result()
  core.raise("metric %s has no result", self.name)
end

local function plain(result)
  if declare.is_plain(result) then
    local list = {}
    for name, value in pairs(result) do list[name] = plain(value) end
    return list
  end
  if not core.is_tensor(result) then return result end
  if core.is_variable(result) then result = result.value end
  return result.rank == 0 and result:item() or result:totable()
end

-- The result as a plain number or table.
function Metric:read() return plain(self:result()) end

metric.Metric = Metric

-- Own arguments, then name and dtype where the class did not place them.
function metric.args(own, default_name)
  local args, seen = {}, {}
  for i, arg in ipairs(own or {}) do
    args[i], seen[arg[1]] = arg, true
  end
  for _, arg in ipairs { { "name", kinds.name, default = default_name },
    metric.dtype } do
    if not seen[arg[1]] then args[#args + 1] = arg end
  end
  return args
end

-- Declares a metric class: metric.declare "AUC" {parent=, args=, …}. default_name: its name when
-- none is given.
function metric.declare(name)
  return function(declaration)
    declaration.kind, declaration.name = "metric", name
    declaration.parent = declaration.parent or Metric
    declaration.args = metric.args(declaration.args, declaration.default_name
      or declare.snake_case(name))
    declaration.default_name = nil
    local aliases = declaration.aliases or {}
    declaration.aliases = table.move(aliases, 1, #aliases, 2, { declare.snake_case(name) })
    local class = declare.class(declaration)
    metric.classes[#metric.classes + 1] = class
    return class
  end
end

-- k.metric "Name" {…}: a user's.
function metric.door(name)
  declaration_of.name("metric", name, "update_state")
  return function(given)
    return metric.declare(name)(declaration_of.check("metric", name, given, {
      base = Metric, hooks = { "update_state", "result", "reset_state" },
      needed = { "update_state", "result" },
    }))
  end
end

return metric
