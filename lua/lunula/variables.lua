-- k.Variable(value): a value of one's own that training or a script changes, beside those that
-- layers make by add_weight.

local core = require "lunula.core"
local declare = require "lunula.declare"
local initializers = require "lunula.initializers"
local names = require "lunula.layers.base.names"
local ops = require "lunula.ops"
local options_of = require "lunula.utils.options"
require "lunula.constraints.attached"   -- v.constraint
require "lunula.utils.paths"            -- v.path

local variables = {}

local known = { "shape", "dtype", "trainable", "name" }

-- The value, the options, and these as they were given: there false is no None.
local function read(...)
  local first, second = ...
  local count = select("#", ...)
  if count == 1 and declare.only_names(first) then
    local given = {}
    for key, value in pairs(first) do given[key] = value end
    first, given.initializer = given.initializer, nil
    return first, options_of.read("Variable", given, known), given
  end
  if count > 2 then
    core.raise("Variable takes a value and one table of options: Variable(0, { name = \"v\" })")
  end
  if type(second) == "table" and #second > 0 and not declare.only_names(second) then
    second = { shape = second }
  end
  return first, options_of.read("Variable", second, known), second
end

-- What makes the value once its shape is known, or nil.
local function maker(value)
  if type(value) == "string" then return initializers.get(value) end
  local is_made = type(value) == "function" or declare.is(value, "initializer")
  if is_made then return value end
  return declare.is_class(value) and value() or nil
end

local function first_value(value, said)
  if value == nil then
    core.raise("Variable takes its value, or an initializer and a shape: Variable(0), "
      .. "Variable(\"zeros\", { shape = {2, 3} })")
  end
  local make = maker(value)
  if not make then return ops.convert_to_tensor(value, said.dtype) end
  if type(said.shape) ~= "table" then
    core.raise("Variable: an initializer makes any shape; say which: Variable(%s, { shape = "
      .. "{2, 3} })", type(value) == "string" and declare.show(value) or "initializer")
  end
  return make(said.shape, said.dtype or "float32")
end

local function checked_name(name)
  if name == nil then return names.unique "variable" end
  if type(name) ~= "string" or name == "" or name:find "/" then
    core.raise("Variable: name must be a string without a slash, got %s", declare.show(name))
  end
  return name
end

-- Variable(value, { shape =, dtype =, trainable =, name = }), Variable("zeros", {2, 3}) or
-- everything by name, Variable { initializer = "zeros", shape = {2, 3} }.
function variables.Variable(...)
  local value, said, given = read(...)
  local trainable = given and given.trainable
  if trainable ~= nil and type(trainable) ~= "boolean" then
    core.raise("Variable: trainable must be true or false, got %s", declare.show(trainable))
  end
  local name = checked_name(said.name)
  return core.variable {
    value = core.untraced(first_value, value, said), name = name, trainable = trainable,
  }
end

return variables
