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
local objects = require "lunula.saving.objects"
local deserialize = require "lunula.models.deserialize"
require "lunula.models"   -- whose classes a text names

local config = {}

function config.is_model(object)
  return declare.is(object, "layer") and object.get_layer ~= nil
end

-- ---- writing -----------------------------------------------------------------------------------

local function nothing() return setmetatable({}, { __jsontype = "object" }) end

-- Closures that a model was compiled with have no place in a text; the model has.
local function without_closures(record, what)
  if next(record.compile_config) == nil then return record end
  local ok, problem = json_path.try(objects.serialize_keras_object, record.compile_config)
  if ok then
    record.compile_config = problem
    return record
  end
  warn.say("%s leaves out what the model was compiled with: %s", what,
    tostring(problem))
  record.compile_config = nothing()
  return record
end

local function write(model, what, with_compile, indent)
  local record = records.in_full(declare.serialize(model))
  if with_compile then record = without_closures(record, what)
  else record.compile_config = nothing() end
  return json.of_objects(record, indent)
end

-- The text of a model for the function `what` that the user called.
function config.text(model, what, with_compile, indent)
  return json_path.reading(what, write, model, what, with_compile, indent)
end

-- The text of the model: its layers, their calls, what it was compiled with. Options: indent (a
-- number of spaces, for many lines), custom_objects (names of functions).
function config.to_json(model, options)
  options = options_of.read("to_json", options, { "indent", "custom_objects" })
  local indent = options_of.count("to_json", "indent", options.indent, 0)
  return declare.with_custom_objects(options.custom_objects, config.text, model, "to_json", true,
    indent)
end

-- ---- reading -----------------------------------------------------------------------------------

local function read(record)
  local model = deserialize.layer(keras2.modernised(record))
  if not config.is_model(model) then
    core.raise("the text describes the layer \"%s\" (%s); a model is wanted (layers.deserialize "
      .. "reads layers)", model.name, declare.class_of(model).name)
  end
  return model
end

-- The model of a record, for the function `what` that the user called.
function config.model(record, what, custom_objects)
  return json_path.reading(what, declare.with_custom_objects, custom_objects, declare.sharing,
    read, record)
end

-- The model that a text describes, with new weights. custom_objects: classes and functions by name,
-- or {custom_objects = {…}}.
function config.model_from_json(text, custom_objects)
  if type(text) ~= "string" then
    core.raise("model_from_json takes the text of a model, got %s", declare.show(text))
  end
  local record, problem = json.decode(text)
  if record == nil then core.raise("model_from_json: this is no JSON: %s", problem) end
  return config.model(record, "model_from_json", custom_objects)
end

return config
