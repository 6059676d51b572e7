-- Models as text: to_json and model_from_json, in Keras 3's format, and from Keras 2's too.
--
-- A text holds names and numbers, no code. What a user made, classes and functions, is given by
-- name for each reading and each writing.

local core = require "lunula.core"
local declare = require "lunula.declare"
local records = require "lunula.records"
local options_of = require "lunula.utils.options"
local json_path = require "lunula.json_path"
local warn = require "lunula.utils.warn"
local json = require "lunula.saving.json"
local keras2 = require "lunula.saving.keras2"
local revive = require "lunula.models.revive"

local saving = {}

-- ---- writing -----------------------------------------------------------------------------------

local record_order = { __jsonorder = { "class_name", "config" } }

local function tensor_record(tensor)
  local value = tensor:totable()
  if tensor.dtype == "bool" and tensor.rank > 0 then setmetatable(value, json.booleans) end
  return setmetatable({
    class_name = "__tensor__", config = { value = value, dtype = tensor.dtype },
  }, record_order)
end

local function function_record(fn)
  local record = declare.function_record(fn)
  if record == fn then
    core.raise("a Lua function without a name cannot be written; give it one: "
      .. "to_json{custom_objects = {my_function = …}}")
  end
  return record
end

-- A layer that is told twice is one layer: its records bear the same number.
local function note(layer, record, seen)
  local first = seen[layer]
  if not first then
    seen[layer] = record
    return
  end
  if not first.shared_object_id then
    seen.count = (seen.count or 0) + 1
    first.shared_object_id = seen.count
  end
  record.shared_object_id = first.shared_object_id
end

-- Objects, tensors and functions in what a get_config returned, as Keras writes them. `seen`: the
-- records of layers so far.
local function plain(value, seen)
  if type(value) == "function" then return function_record(value) end
  if core.is_tensor(value) then return tensor_record(core.is_variable(value) and value.value
    or value) end
  if declare.class_of(value) then return plain(declare.serialize(value), seen) end
  if type(value) ~= "table" then return value end
  local object = (getmetatable(value) or {}).describes
  value = records.in_full(value)
  local copy = setmetatable({}, getmetatable(value))
  for _, key in ipairs(json.fields(value)) do
    local step = type(key) == "number" and json_path.element(key) or "." .. tostring(key)
    copy[key] = json_path.at(step, plain, value[key], seen)
  end
  if object and declare.is(object, "layer") then note(object, copy, seen) end
  return copy
end

-- Closures that a model was compiled with have no place in a text; the model has.
local function without_closures(record)
  local ok, problem = pcall(plain, record.compile_config, {})
  if ok then return record end
  warn.say("to_json leaves out what the model was compiled with: %s",
    type(problem) == "table" and problem.text or tostring(problem))
  record.compile_config = setmetatable({}, { __jsontype = "object" })
  return record
end

local function write(model, indent)
  local record = without_closures(records.in_full(declare.serialize(model)))
  return json.encode(plain(record, {}), indent)
end

-- The text of the model: its layers, their calls, what it was compiled with. Options: indent (a
-- number of spaces, for many lines), custom_objects (names of functions).
function saving.to_json(model, options)
  options = options_of.read("to_json", options, { "indent", "custom_objects" })
  return json_path.reading("to_json", declare.with_custom_objects, options.custom_objects, write,
    model, options.indent)
end

-- ---- reading -----------------------------------------------------------------------------------

local function is_model(object)
  return declare.is(object, "layer") and object.get_layer ~= nil
end

local function read(record)
  local model = revive.layer(keras2.modernised(record))
  if not is_model(model) then
    core.raise("the text describes the layer \"%s\" (%s); a model is wanted (layers.deserialize "
      .. "reads layers)", model.name, declare.class_of(model).name)
  end
  return model
end

-- The model that a text describes, with new weights. custom_objects: classes and functions by name,
-- or {custom_objects = {…}}.
function saving.model_from_json(text, custom_objects)
  if type(text) ~= "string" then
    core.raise("model_from_json takes the text of a model, got %s", declare.show(text))
  end
  local record, problem = json.decode(text)
  if record == nil then core.raise("model_from_json: this is no JSON: %s", problem) end
  return json_path.reading("model_from_json", declare.with_custom_objects, custom_objects,
    declare.sharing, read, record)
end

return saving
