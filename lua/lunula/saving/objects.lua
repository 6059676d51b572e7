-- Objects as Keras's files hold them, and back: k.saving.serialize_keras_object and its kin.
--
-- A file holds names and numbers, no code. What a user made, classes and functions, is known by a
-- name: one that was registered for good, or one that is given for a while (custom_objects).

local core = require "lunula.core"
local declare = require "lunula.declare"
local records = require "lunula.records"
local json_path = require "lunula.json_path"
local json = require "lunula.saving.json"
local deserialize = require "lunula.models.deserialize"

local objects = {}

-- ---- names -------------------------------------------------------------------------------------

-- register_keras_serializable(package, name)(x): files say "package>name" for a class or a function
-- from now on. A class bears its own name, if none is given.
function objects.register_keras_serializable(package, name)
  for _, given in ipairs { package or "Custom", name or "name" } do
    if type(given) ~= "string" then
      core.raise("register_keras_serializable takes a package and a name, got %s",
        declare.show(given))
    end
  end
  return function (value)
    if not declare.is_class(value) and type(value) ~= "function" then
      core.raise("register_keras_serializable(package)(Class): a class or a function is wanted, "
        .. "got %s", declare.show(value))
    end
    local own = name or declare.is_class(value) and value.name
      or core.raise("register_keras_serializable: a function needs a name: "
        .. 'register_keras_serializable("package", "name")(fn)')
    declare.register_for_good(value, (package or "Custom") .. ">" .. own, own)
    return value
  end
end

-- The name that files say for a class or a function; nil for a function without one.
function objects.get_registered_name(value)
  return declare.name_of(value) or declare.is_class(value) and value.name or nil
end

-- What a name stands for among what was registered or given, or nil.
function objects.get_registered_object(name, custom_objects)
  if type(name) ~= "string" then
    core.raise("get_registered_object takes a name, got %s", declare.show(name))
  end
  if custom_objects ~= nil and type(custom_objects) ~= "table" then
    core.raise("custom_objects is a table of classes and functions by name, got %s",
      declare.show(custom_objects))
  end
  local found = declare.custom_object(name)
  if found == nil and custom_objects then found = custom_objects[name] end
  return found
end

objects.get_custom_objects = declare.custom_objects

-- local _ <close> = custom_object_scope{…}: the names hold until the end of the block. With a
-- function they hold while it runs: custom_object_scope({…}, fn, …) returns what fn returns.
function objects.custom_object_scope(names, fn, ...)
  if fn == nil then return declare.custom_object_scope(names) end
  if type(fn) ~= "function" then
    core.raise("custom_object_scope: a function is wanted, got %s", declare.show(fn))
  end
  return declare.with_custom_objects(names, fn, ...)
end

-- ---- writing -----------------------------------------------------------------------------------

local record_order = { __jsonorder = { "class_name", "config" } }

local function tensor_record(tensor)
  local value = tensor.rank == 0 and tensor:item() or tensor:totable()
  if tensor.dtype == "bool" and tensor.rank > 0 then setmetatable(value, json.booleans) end
  return setmetatable({
    class_name = "__tensor__", config = { value = value, dtype = tensor.dtype },
  }, record_order)
end

local function function_record(fn)
  local record = declare.function_record(fn)
  if record == fn then
    core.raise("a Lua function without a name cannot be written; give it one in custom_objects, "
      .. "or by register_keras_serializable")
  end
  return record
end

-- What stands in a file for an object, a tensor, a function or a record of declare.serialize: data
-- in which there may be such again; and the object, if it is a layer.
local function told(value)
  if type(value) == "table" then
    local metatable = getmetatable(value)
    if not metatable then return value end
    if rawget(metatable, "class") then
      value = declare.serialize(value)
      metatable = getmetatable(value)
    end
    local object = rawget(metatable, "describes")
    if not object then return value end
    return records.in_full(value), declare.is(object, "layer") and object or nil
  end
  if type(value) == "function" then return function_record(value) end
  if not core.is_tensor(value) then return value end
  return tensor_record(core.is_variable(value) and value.value or value)
end

-- A layer that is told twice is one layer: its records bear the same number. seen: by layer, where
-- its first record may still get it; give(place, number) does that.
local function number_of(seen, layer, place, give)
  local first = seen[layer]
  if not first then
    seen[layer] = { place = place }
    return nil
  end
  if not first.number then
    seen.count = (seen.count or 0) + 1
    first.number = seen.count
    give(first.place, first.number)
  end
  return first.number
end

local function give_to_record(record, number) record.shared_object_id = number end

local function plain(value, seen)
  local object
  value, object = told(value)
  if type(value) ~= "table" then return value end
  local copy = setmetatable({}, getmetatable(value))
  for _, key in ipairs(json.fields(value)) do
    local inner = value[key]
    if math.type(inner) or type(inner) == "string" or type(inner) == "boolean" then
      copy[key] = inner
    else
      copy[key] = json_path.at(json_path.step(key), plain, inner, seen)
    end
  end
  if object then copy.shared_object_id = number_of(seen, object, copy, give_to_record) end
  return copy
end

-- An object, or data with objects inside, as plain data.
function objects.serialize_keras_object(value)
  return plain(value, {})
end

-- The text of the same. It stands with the writer, since what is in `objects` is k.saving's.
function json.of_objects(value, indent)
  local seen = {}
  return json.encode(value, indent, { read = told, note = function (object, out, between)
    local name = between .. '"shared_object_id": '
    local place = #out + 1
    out[place] = ""
    local number = number_of(seen, object, place, function (first, told_number)
      out[first] = name .. told_number
    end)
    if number then out[place] = name .. number end
  end })
end

-- ---- reading -----------------------------------------------------------------------------------

-- "keras.layers" and "keras.src.layers.core" say the kind.
local kind_of_module = {
  layers = "layer", optimizers = "optimizer", losses = "loss", metrics = "metric",
  initializers = "initializer", regularizers = "regularizer", constraints = "constraint",
  callbacks = "callback", activations = "activation",
}

local kinds = { "layer", "optimizer", "loss", "metric", "initializer", "regularizer", "constraint",
  "schedule", "callback" }

local function candidates(record)
  local module = type(record.module) == "string" and record.module or ""
  if module:find "schedules" then return { "schedule" } end
  local kind = kind_of_module[module:match "^keras%.src%.(%w+)" or module:match "^keras%.(%w+)"]
  if kind == "optimizer" then return { kind, "optimizer_map" } end
  return kind and { kind } or kinds
end

local function one_of(list, record)
  for _, kind in ipairs(list) do
    if kind == "schedule" then declare.home "optimizer" end   -- they come with the optimizers
    if declare.knows(kind, record) then
      return kind == "layer" and deserialize.layer(record) or declare.get(kind, record)
    end
  end
end

local function read_function(record)
  local name = record.config
  local found = type(name) == "string" and declare.custom_object(name)
  if not found then
    core.raise('no function is known by the name "%s"; give it in custom_objects',
      tostring(name))
  end
  return found
end

local read

local function read_record(record)
  if record.class_name == "function" then return read_function(record) end
  if record.class_name == "__tensor__" or record.class_name == "__numpy__" then
    local config = type(record.config) == "table" and record.config or {}
    return core.tensor(config.value, { dtype = config.dtype })
  end
  local found = one_of(candidates(record), record)
  if found == nil then
    core.raise('no class is known by the name "%s"; a class of your own is given in '
      .. "custom_objects, or registered by register_keras_serializable",
      tostring(record.registered_name or record.class_name))
  end
  return found
end

function read(value)
  if not declare.is_plain(value) then return value end
  if type(value.class_name) == "string" then return read_record(value) end
  local copy = setmetatable({}, getmetatable(value))
  for key, inner in pairs(value) do copy[key] = read(inner) end
  return copy
end

-- The object that {class_name =, config =, …} describes; data with such inside is data with objects
-- inside.
function objects.deserialize_keras_object(config, custom_objects)
  if type(config) ~= "table" then
    core.raise("deserialize_keras_object takes what serialize_keras_object gave, got %s",
      declare.show(config))
  end
  return json_path.reading("deserialize_keras_object", declare.with_custom_objects, custom_objects,
    declare.sharing, read, config)
end

return objects
