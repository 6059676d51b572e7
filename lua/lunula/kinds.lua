-- The kinds of argument: what a declared argument may be, how it is normalised, and how it is
-- written to a config.
--
-- A kind is {name = "a positive integer", check = function(value, context) -> normalised | nil,
-- wanted, problem, serialise = function(value) -> plain data, record = function(plain data,
-- config) -> what Keras's files hold instead, absent = function() -> what stands for None, none =
-- true where an argument of it may be None whatever its default ("default" where None means that),
-- takes_false where false is a value and not None}. `wanted` says what was expected where the
-- kind's name does not; `problem` is a whole sentence. Kinds know nothing of classes.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local declare = require "lunula.declare"

local kinds = {}
local None = core.None

local function is_object(value)
  return type(value) == "table" and not declare.is_plain(value)
end

local function callable(value)
  if type(value) == "function" then return true end
  local metatable = getmetatable(value)
  return type(metatable) == "table" and metatable.__call ~= nil
end

-- 64.0 counts as 64: 128/2 is a float in Lua.
local function integer(value)
  return type(value) == "number" and math.tointeger(value) or nil
end

local function number(value)
  return type(value) == "number" and value == value and value or nil
end

local function define(name, check, more)
  local kind = more or {}
  kind.name, kind.check = name, check
  return kind
end

-- ---- plain values -----------------------------------------------------------------------------

kinds.any = define("anything", function(value) return value end,
  { takes_false = true, none = true })

-- None is neither true nor false, and as good as false.
kinds.boolean = define("true or false", function(value)
  if type(value) == "boolean" then return value end
end, { takes_false = true, none = true })

kinds.integer = define("an integer", integer)

kinds.positive = define("a positive integer", function(value)
  local n = integer(value)
  return n and n > 0 and n or nil
end)

kinds.count = define("an integer, 0 or more", function(value)
  local n = integer(value)
  return n and n >= 0 and n or nil
end)

kinds.number = define("a number", number)

kinds.non_negative = define("a number, 0 or more", function(value)
  local n = number(value)
  return n and n >= 0 and n < math.huge and n or nil
end)

kinds.positive_number = define("a number above 0", function(value)
  return number(value) and value > 0 and value or nil
end)

kinds.fraction = define("a number from 0 to 1", function(value)
  local n = number(value)
  return n and n >= 0 and n <= 1 and n or nil
end)

kinds.string = define("a string", function(value)
  return type(value) == "string" and value or nil
end)

-- None leaves the name to its owner.
kinds.name = define("a string", kinds.string.check, { none = "default" })

kinds.callable = define("a function", function(value)
  return callable(value) and value or nil
end, { serialise = function(value)
  return declare.class_of(value) and declare.serialize(value) or value
end })

kinds.table = define("a table", function(value)
  return type(value) == "table" and value or nil
end)

-- One of the given strings.
function kinds.one_of(list)
  local quoted = {}
  for i, word in ipairs(list) do quoted[i] = declare.show(word) end
  local name = "one of " .. table.concat(quoted, ", ")
  return define(name, function(value)
    for _, word in ipairs(list) do
      if value == word then return value end
    end
    if type(value) == "string" then
      local lower = value:lower()
      for _, word in ipairs(list) do
        if type(word) == "string" and word:lower() == lower then return word end
      end
      local best = declare.nearest(value, list)
      if best then return nil, name .. (' (did you mean "%s"?)'):format(best) end
    end
  end)
end

-- What either kind takes, the first that does.
function kinds.either(first, second)
  local function chosen(value)
    return first.check(value, {}) ~= nil and first or second
  end
  return define(first.name .. " or " .. second.name, function(value, context)
    local normalised = first.check(value, context)
    if normalised ~= nil then return normalised end
    local wanted, problem
    normalised, wanted, problem = second.check(value, context)
    return normalised, nil, type(value) == "string" and (problem or wanted) or nil
  end, {
    takes_false = first.takes_false or second.takes_false,
    serialise = function(value)
      local kind = chosen(value)
      return kind.serialise and kind.serialise(value) or value
    end,
  })
end

-- ---- lists ------------------------------------------------------------------------------------

-- Names in the place of a list, which would be an empty one; the n is table.pack's.
local function has_names_alone(t)
  if declare.length(t) > 0 then return false end
  for key in pairs(t) do
    if key ~= "n" then return true end
  end
  return false
end

local function all(list, element, context)
  local result = {}
  for i = 1, declare.length(list) do
    local value = list[i]
    if value == None then value = false end
    result[i] = element.check(value, context)
    if result[i] == nil then return nil end
  end
  return result
end

local function serialise_all(element)
  return function(list)
    local result = {}
    for i, value in ipairs(list) do
      result[i] = element.serialise and element.serialise(value) or value
    end
    return result
  end
end

function kinds.list_of(element)
  return define("a list of " .. element.name:gsub("^an? ", "") .. "s", function(value, context)
    if type(value) ~= "table" or is_object(value) or has_names_alone(value) then return nil end
    return all(value, element, context)
  end, { serialise = serialise_all(element) })
end

-- A list of n, or one value that stands for all of them: strides=2 is strides={2, 2}.
function kinds.tuple_of(n, element)
  element = element or kinds.positive
  local name = ("%s or a list of %d"):format(element.name, n)
  return define(name, function(value, context)
    if type(value) == "table" and not is_object(value) then
      return declare.length(value) == n and all(value, element, context) or nil
    end
    local one = element.check(value, context)
    if one == nil then return nil end
    local list = {}
    for i = 1, n do list[i] = one end
    return list
  end, { serialise = serialise_all(element) })
end

local function size(value)
  if value == false or value == None then return false end
  local n = integer(value)
  if n == -1 then return -1 end
  return n and n >= 0 and n or nil
end

-- Sizes; false where unknown. A bare number is a shape of one axis.
local function check_shape(value)
  if type(value) == "number" then value = { value } end
  if type(value) ~= "table" or is_object(value) or has_names_alone(value) then return nil end
  local result = {}
  for i = 1, declare.length(value) do
    result[i] = size(value[i])
    if result[i] == nil then return nil end
  end
  return result
end

kinds.shape = define("a shape, as {28, 28, 1} or, where a size is unknown, {false, 3}", check_shape)

kinds.axis = define("an axis number", integer)

-- One axis or a list of them; the list stays a list.
kinds.axes = define("an axis number or a list of them", function(value)
  if type(value) == "number" then return integer(value) end
  if type(value) ~= "table" or is_object(value) or declare.length(value) == 0 then return nil end
  return all(value, kinds.axis)
end)

-- ---- tensors and their types ------------------------------------------------------------------

local dtypes = {
  "float32", "int32", "bool", "float16", "bfloat16", "float64", "int8", "uint8", "int64",
}

local named_type = kinds.one_of(dtypes)

-- The name of a type, or a dtype policy as Keras's files write it.
local function type_name(value)
  if type(value) == "table" and not is_object(value) and type(value.config) == "table" then
    return value.config.name
  end
  return value == "int" and "int32" or value
end

kinds.dtype = define(named_type.name, function(value)
  return named_type.check(type_name(value))
end)

-- The type a layer computes in. Only float32 computes; saying so beats ignoring the wish.
kinds.policy = define("a dtype policy", function(value)
  local name = type_name(value)
  if name == "float32" then return name end
  if type(name) ~= "string" then return nil end
  return nil, nil, ('layers compute in float32, the policy %s is not supported '
    .. "(float16, bfloat16 and float64 are types to store tensors in)"):format(declare.show(name))
end, {
  none = "default",
  record = function(name)
    if type(name) ~= "string" then return name end
    return setmetatable({ module = "keras", class_name = "DTypePolicy", config = { name = name } },
      { __jsonorder = { "module", "class_name", "config", "registered_name" } })
  end,
})

-- A number, a nested table of numbers, or a tensor.
kinds.values = define("a number, a table of numbers or a tensor", function(value)
  if type(value) == "number" or core.is_tensor(value) then return value end
  return type(value) == "table" and not is_object(value) and value or nil
end, { serialise = function(value)
  return core.is_tensor(value) and value:totable() or value
end })

-- ---- objects ----------------------------------------------------------------------------------

-- A function has no config. It stays as it is: a clone keeps it, and a file holds its name.
local function serialise_object(value)
  return declare.class_of(value) and declare.serialize(value) or value
end

-- An object of a declared kind: by name, config, class or itself; or a function, where that can do
-- what an object does.
function kinds.object(kind, name, functions_too)
  return define(name or "a " .. kind, function(value)
    local object, problem = declare.find(kind, value)
    local fits = functions_too or type(object) ~= "function"
    if object == nil or not fits then return nil, nil, problem end
    return object
  end, { serialise = serialise_object })
end

kinds.initializer = kinds.object("initializer", "an initializer", true)
kinds.regularizer = kinds.object("regularizer", nil, true)
kinds.constraint = kinds.object("constraint", nil, true)

kinds.activation = kinds.object("activation", "an activation", true)

-- Weights have an initializer of their own, and activations one that does nothing.
for _, kind in ipairs { kinds.initializer, kinds.regularizer, kinds.constraint, kinds.activation }
do
  kind.none = true
end

function kinds.activation.serialise(value)
  return declare.home("activation").serialize(value)
end

-- Activations with options that Keras has as layers. Any other one is nothing that Keras knows: it
-- shall refuse it, and not take its own for it.
local as_layers = { relu = "ReLU", leaky_relu = "LeakyReLU", elu = "ELU", softmax = "Softmax" }

local function record_with_options(value)
  local layer = as_layers[value.class_name]
  return setmetatable({
    module = layer and "keras.layers", class_name = layer or value.class_name,
    config = value.config, registered_name = not layer and value.class_name or nil,
  }, { __jsonorder = { "module", "class_name", "config", "registered_name" } })
end

-- What is no name of ours is that of a user's function.
function kinds.activation.record(value)
  local known = declare.registry("activation")
  if type(value) == "string" then
    return known[value] and value or declare.function_record(value)
  elseif declare.is_plain(value) and known[value.class_name] then
    return record_with_options(value)
  end
  return value
end

function kinds.activation.absent()
  return declare.home("activation").linear
end

kinds.layer = define("a layer", function(value)
  if declare.is(value, "layer") then return value end
  if type(value) ~= "table" or is_object(value) then return nil end
  local object, problem = declare.find("layer", value)
  if object == nil then return nil, nil, problem end
  return object
end, { serialise = serialise_object })

-- A seed is an integer; nil means a fresh one.
kinds.seed = define("an integer", integer)

kinds.data_format = kinds.one_of { "channels_last", "channels_first" }
kinds.data_format.absent, kinds.data_format.none = config.image_data_format, true

-- An option of Keras that is not here: naming it is an error, leaving it out (None) is not.
function kinds.unsupported(reason)
  return define("not supported", function() return nil, nil, "not supported: " .. reason end)
end

kinds.int, kinds.num, kinds.bool, kinds.str, kinds.fn =
  kinds.integer, kinds.number, kinds.boolean, kinds.string, kinds.callable

-- The names that may stand for a kind in a declaration: { "units", "positive" }.
function kinds.names()
  local names = {}
  for name, kind in pairs(kinds) do
    if type(kind) == "table" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

return kinds
