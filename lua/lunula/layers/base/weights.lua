-- The weights of a layer: made as their names promise, listed in Keras's order, read and set.
--
-- A weight called "kernel" finds the layer's kernel_initializer, kernel_regularizer and
-- kernel_constraint. Variables carry no such fields, so what goes with them is kept beside them.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local tools = require "lunula.ops.tools"
local attached = require "lunula.constraints.attached"
local context = require "lunula.layers.base.context"
local hooks = require "lunula.layers.base.hooks"
local tracking = require "lunula.layers.base.tracking"
local paths = require "lunula.utils.paths"

local weights = {}

local facts = setmetatable({}, { __mode = "k" })

-- {layer=, regularizer=} of a variable; empty for one that no layer made.
function weights.facts(variable)
  return facts[variable] or {}
end

core.variable_field("regularizer", function (variable)
  return weights.facts(variable).regularizer
end)

local shape_text = tools.shape_text

-- ---- making -----------------------------------------------------------------------------------

local options = {
  "name", "shape", "initializer", "regularizer", "constraint", "trainable", "dtype", "autocast",
  "aggregation", "overwrite_with_gradient",
}
local known = {}
for _, option in ipairs(options) do known[option] = true end

-- add_weight{name=, shape=, …}; Keras 2's add_weight("kernel", {3, 4}, {…}) too.
local function read(self, first, shape, more)
  local given = first
  if type(first) == "string" then
    given = { name = first, shape = shape }
    if more ~= nil and type(more) ~= "table" then
      core.raise("add_weight: the options must be a table, got %s", type(more))
    end
    for key, value in pairs(more or {}) do given[key] = value end
  end
  if not declare.is_plain(given) then
    core.raise('add_weight takes a table: add_weight{name = "kernel", shape = {3, 4}}')
  end
  if given.name ~= nil and type(given.name) ~= "string" then
    core.raise("add_weight: name must be a string, got %s", declare.show(given.name))
  end
  for key in pairs(given) do
    if not known[key] then
      core.raise('add_weight: unknown option "%s"%s', tostring(key),
        declare.suggestion(key, options))
    end
  end
  if self.built and not self._building then
    core.raise('add_weight: the layer is built already; weights are made in init or in build')
  end
  return given
end

local function check_shape(name, shape)
  local sizes = kinds.shape.check(shape == nil and {} or shape)
  if not sizes then core.raise('weight "%s": shape must be a table of sizes, got %s', name,
    declare.show(shape)) end
  for _, size in ipairs(sizes) do
    if not size or size < 0 then
      core.raise('weight "%s" needs known sizes, its shape would be %s: give the input a known '
        .. "size on that axis", name, shape_text(sizes))
    end
  end
  return sizes
end

-- An option of the call, else the layer's own field of that name.
local function companion(self, given, name, role)
  local value = given[role]
  if value == nil and name then value = self[name .. "_" .. role] end
  if value == nil or value == false then return nil end
  local object, problem = declare.find(role, value)
  if object == nil then core.raise('weight "%s": %s', name, problem) end
  return object
end

local leaves_unset = false

-- fn(…), in which weights are made as zeros: they will be read from a file.
function weights.unset(fn, ...)
  leaves_unset = true
  local _ <close> = setmetatable({}, { __close = function () leaves_unset = false end })
  return fn(...)
end

local function first_value(self, given, name, shape, dtype)
  local initializer = companion(self, given, name, "initializer")
    or declare.get("initializer", dtype == "float32" and "glorot_uniform" or "zeros")
  local value = initializer(shape, dtype)
  if not core.is_tensor(value) then value = core.tensor(value, { dtype = dtype }) end
  if value.dtype ~= dtype then value = core.ops.cast(value, dtype) end
  local made = value.shape
  if shape_text(made) ~= shape_text(shape) then
    core.raise('weight "%s": the initializer made shape %s, wanted %s', name, shape_text(made),
      shape_text(shape))
  end
  return value
end

function weights.add(self, ...)
  local given = read(self, ...)
  local name = given.name or ("weight_%d"):format(#self._trainables + #self._others)
  local shape = check_shape(name, given.shape)
  local dtype = given.dtype or "float32"
  local trainable = given.trainable ~= false
  local value = not leaves_unset and core.untraced(first_value, self, given, name, shape, dtype)
    or nil
  local variable = core.variable { value = value, shape = shape, dtype = dtype, name = name,
    trainable = trainable }
  facts[variable] = {
    layer = self,
    regularizer = companion(self, given, name, "regularizer"),
  }
  attached.set(variable, companion(self, given, name, "constraint"))
  paths.set(variable, context.path(self) .. "/" .. name)
  local list = trainable and self._trainables or self._others
  list[#list + 1] = variable
  if given.name and self[name] == nil then self[name] = variable end
  return variable
end

-- ---- listing ----------------------------------------------------------------------------------

-- Variables that were put into fields without add_weight join the list that fits them, for good.
local function adopt(self)
  local listed = {}
  for _, list in ipairs { self._trainables, self._others } do
    for _, variable in ipairs(list) do listed[variable] = true end
  end
  tracking.each(self, function (object, what)
    if what == "variable" and not listed[object] then
      listed[object] = true
      local list = object.trainable and self._trainables or self._others
      list[#list + 1] = object
    end
  end)
end

-- Own trainable ones, own others, then those of the layers inside; each once. Whether a weight
-- counts as trainable here was settled when it was made, so freezing does not change the order.
function weights.all(self)
  local list, seen = {}, {}
  local function take(variables)
    for _, variable in ipairs(variables) do
      if not seen[variable] then
        seen[variable] = true
        list[#list + 1] = variable
      end
    end
  end
  adopt(self)
  take(self._trainables)
  take(self._others)
  for _, layer in ipairs(self:tracked_layers()) do take(layer.weights) end
  return list
end

local function chosen(self, trainable)
  local list = {}
  for _, variable in ipairs(self.weights) do
    if (self._trainable and variable.trainable) == trainable then list[#list + 1] = variable end
  end
  return list
end

function weights.trainable(self) return chosen(self, true) end
function weights.non_trainable(self) return chosen(self, false) end

-- Freezing reaches every layer inside. A weight that was made non-trainable stays so.
function weights.set_trainable(self, value)
  if type(value) ~= "boolean" then
    core.raise('layer "%s": trainable must be true or false, got %s', tostring(self.name),
      declare.show(value))
  end
  rawset(self, "_trainable", value)
  adopt(self)
  for _, variable in ipairs(self._trainables) do variable.trainable = value end
  for _, layer in ipairs(self:tracked_layers()) do layer.trainable = value end
end

-- ---- values -----------------------------------------------------------------------------------

function weights.get(self)
  hooks.check_method(self, "layer", "get_weights")
  local values = {}
  for i, variable in ipairs(self.weights) do values[i] = variable.value end
  return declare.list(values)
end

local function described(variables)
  local words = {}
  for i, variable in ipairs(variables) do
    words[i] = variable.name .. " " .. shape_text(variable.shape)
  end
  return table.concat(words, ", ")
end

function weights.set(self, values)
  local _ <close> = core.enter(self.name, declare.class_of(self).name)
  local variables = self.weights
  if type(values) ~= "table" then
    core.raise("set_weights takes a list of tensors, got %s", declare.show(values))
  end
  if #values ~= #variables then
    core.raise("set_weights: the layer has %d weights%s, got %d%s", #variables,
      #variables > 0 and " (" .. described(variables) .. ")" or "", #values,
      self.built and "" or "; it is not built yet")
  end
  local tensors = {}
  for i, variable in ipairs(variables) do
    local value = values[i]
    if not core.is_tensor(value) then value = core.tensor(value, { dtype = variable.dtype }) end
    if shape_text(value.shape) ~= shape_text(variable.shape) then
      core.raise('set_weights: weight %d, "%s", has shape %s, got %s', i, variable.name,
        shape_text(variable.shape), shape_text(value.shape))
    end
    tensors[i] = value
  end
  for i, variable in ipairs(variables) do variable:assign(tensors[i]) end
end

function weights.count(self)
  hooks.check_method(self, "layer", "count_params")
  local variables = self.weights
  if not self.built and #variables == 0 then
    core.raise('count_params: layer "%s" is not built; call it on data or on an Input, '
      .. "or build it with an input shape", self.name)
  end
  local count = 0
  for _, variable in ipairs(variables) do count = count + variable.size end
  return count
end

return weights
