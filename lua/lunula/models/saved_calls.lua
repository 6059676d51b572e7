-- The calls of layers as files tell them: {args = […], kwargs = {…}}, in which tensors are told by
-- {"layer", node, tensor}; and as Keras 2 told them. Layers are not known here.

local core = require "lunula.core"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"

local records = {}

local None = core.None

-- ---- reading with care -------------------------------------------------------------------------

function records.object(value, what)
  if type(value) ~= "table" then
    core.raise("%s is an object, got %s", what, declare.show(value))
  end
  return value
end

-- The object without what is None; an error unless it is one, and for names that nobody knows.
function records.fields(value, what, known)
  records.object(value, what)
  local copy, names = {}, {}
  for _, name in ipairs(known) do names[name] = true end
  for _, name in ipairs(nest.keys(value)) do
    if not names[name] and value[name] ~= None and value[name] ~= false then
      core.raise('%s has an unknown field "%s"%s', what, tostring(name),
        declare.suggestion(tostring(name), known))
    end
    if value[name] ~= None then copy[name] = value[name] end
  end
  return copy
end

function records.list(value, what)
  if type(value) ~= "table" or #value == 0 and next(value) ~= nil then
    core.raise("%s is wanted, got %s", what, declare.show(value))
  end
  return value
end

-- ---- tensors and options -----------------------------------------------------------------------

-- {"layer", 0, 0}, as opposed to a list of such. Keras 2 puts options behind.
function records.is_history(x)
  return type(x) == "table" and type(x[1]) == "string" and math.tointeger(x[2]) ~= nil
    and math.tointeger(x[3]) ~= nil
end

local function tensor_record(history)
  return { class_name = "__keras_tensor__", config = { keras_history = history } }
end

-- Arguments in Keras 2's hand: {"layer", 0, 0} alone is a tensor too.
function records.modern_value(value)
  if records.is_history(value) then return tensor_record(value) end
  if type(value) ~= "table" or value.class_name ~= nil then return value end
  local copy = {}
  for key, inner in pairs(value) do copy[key] = records.modern_value(inner) end
  return setmetatable(copy, getmetatable(value))
end

local modern_value = records.modern_value

-- A call of Keras 2, {{"layer", node, tensor, {options}}, …}, as {args =, kwargs =}.
local function modern(node)
  if node.args ~= nil or node.kwargs ~= nil then
    return records.fields(node, "a call", { "args", "kwargs" })
  end
  if records.is_history(node) then node = { node } end
  local first, kwargs = {}, {}
  for key, entry in pairs(node) do
    first[key] = modern_value(entry)
    local options = records.is_history(entry) and entry[4]
    for name, value in pairs(type(options) == "table" and options or {}) do
      kwargs[name] = modern_value(value)
    end
  end
  return { args = { #first == 1 and first[1] or first }, kwargs = kwargs }
end

local function history_of(value)
  local given = value.class_name == "__keras_tensor__" and value.config
  if not given then return nil end
  if type(given) ~= "table" or not records.is_history(given.keras_history) then
    core.raise("a tensor is told by {\"layer\", node, tensor}, got %s", declare.show(given))
  end
  return given.keras_history
end

-- visit(history) for every tensor that a call takes.
function records.each_history(value, visit)
  if type(value) ~= "table" then return end
  local history = history_of(value)
  if history then return visit(history) end
  for _, key in ipairs(nest.keys(value)) do records.each_history(value[key], visit) end
end

local function something(x)
  if x ~= None then return x end
end

local constants = {
  __tensor__ = function(given)
    return core.tensor(given.value, { dtype = something(given.dtype) })
  end,
  __ellipsis__ = function() return "..." end,
  __tuple__ = function(given) return given end,
  __slice__ = function(given)
    return {
      start = something(given.start), stop = something(given.stop),
      step = something(given.step),
    }
  end,
}
constants.__numpy__ = constants.__tensor__

-- What a call was given, with tensor_at(history) for tensors. A function of Lua has no defaults:
-- None is nil to it, and in a list `false`.
function records.decode(value, tensor_at)
  if type(value) ~= "table" then return value end
  local history = history_of(value)
  if history then return tensor_at(history) end
  local constant = constants[value.class_name]
  if constant then
    return constant(records.object(value.config or value.items or {}, value.class_name))
  end
  if type(value.class_name) == "string" then
    core.raise('a call cannot be given "%s"', value.class_name)
  end
  local copy = {}
  for key, inner in pairs(value) do
    if inner ~= None then
      copy[key] = records.decode(inner, tensor_at)
    elseif math.type(key) then
      copy[key] = false
    end
  end
  return copy
end

-- ---- calls -------------------------------------------------------------------------------------

-- {args =, kwargs =, legacy = whether Keras 2 wrote it}.
function records.read(node)
  if type(node) ~= "table" then
    core.raise("a call is wanted, got %s", declare.show(node))
  end
  local said = modern(node)
  local call = {
    args = records.list(said.args or {}, "a list of arguments"),
    kwargs = records.object(said.kwargs or {}, "kwargs"),
    legacy = node.args == nil and node.kwargs == nil,
  }
  records.each_history(call.args, function () end)
  records.each_history(call.kwargs, function () end)
  return call
end

return records
