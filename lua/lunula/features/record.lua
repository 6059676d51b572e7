-- A FeatureSpace as it stands in Keras's files, and what makes it again.

local core = require "lunula.core"
local declare = require "lunula.declare"
local deserialize = require "lunula.models.deserialize"
local feature_kinds = require "lunula.features.kinds"
local json = require "lunula.saving.json"
local json_path = require "lunula.json_path"
local records = require "lunula.records"
local saved_calls = require "lunula.models.saved_calls"

local record = {}

local MODULE <const> = "keras.src.layers.preprocessing.feature_space"
local fields = { "module", "class_name", "config", "registered_name" }

local at, object, list_of = json_path.at, saved_calls.object, saved_calls.list

-- ---- writing -----------------------------------------------------------------------------------

local function entry(class_name, config)
  return setmetatable({ module = MODULE, class_name = class_name, config = config,
    registered_name = class_name }, { __jsonorder = fields })
end

-- What a plain number goes through is a class of its own there, which works with every backend.
local function preprocessor(layer)
  if layer.class_name ~= "Identity" then return layer end
  local told = records.in_full(declare.serialize(layer))
  told.module, told.class_name, told.registered_name = MODULE, "TFDIdentity", "TFDIdentity"
  return told
end

-- With the layers themselves in it, which json.of_objects writes.
function record.of(space)
  local features, built = setmetatable({}, json.object), setmetatable({}, json.object)
  for name, feature in pairs(space.features) do
    local layer = feature.preprocessor
    features[name] = entry("Feature", { dtype = feature.dtype, preprocessor = preprocessor(layer),
      output_mode = feature.output_mode })
    built[name] = layer.get_build_config and layer:get_build_config()
      or setmetatable({}, json.object)
  end
  local crosses = setmetatable({}, json.booleans)
  for i, cross in ipairs(space.crosses) do
    crosses[i] = entry("Cross", { feature_names = cross.feature_names,
      crossing_dim = cross.crossing_dim, output_mode = cross.output_mode })
  end
  local config = { features = features, output_mode = space.output_mode, crosses = crosses,
    crossing_dim = space.crossing_dim, hashing_dim = space.hashing_dim,
    num_discretization_bins = space.num_discretization_bins }
  return setmetatable({ module = "keras.utils", class_name = "FeatureSpace", config = config,
    build_config = built },
    { __jsonorder = { "module", "class_name", "config", "registered_name", "build_config" } })
end

-- ---- reading -----------------------------------------------------------------------------------

-- The config of an entry of a class.
local function config_of(value, class_name)
  if object(value, "a " .. class_name).class_name ~= class_name then
    core.raise("a %s is wanted, got %s", class_name, declare.show(value.class_name))
  end
  return at(".config", object, value.config, "the config of a " .. class_name)
end

local function read_layer(told)
  if object(told, "a layer").class_name == "TFDIdentity" then
    local plain = {}
    for key, value in pairs(told) do plain[key] = value end
    plain.module, plain.class_name, plain.registered_name = "keras.layers", "Identity", nil
    told = plain
  end
  return deserialize.layer(told)
end

local function read_feature(value)
  local config = config_of(value, "Feature")
  return feature_kinds.doors.feature { dtype = config.dtype, output_mode = config.output_mode,
    preprocessor = at(".config.preprocessor", read_layer, config.preprocessor) }
end

local function read_cross(value)
  local config = config_of(value, "Cross")
  return feature_kinds.cross { feature_names = config.feature_names,
    crossing_dim = config.crossing_dim, output_mode = config.output_mode }
end

-- The options of the FeatureSpace that a record describes.
function record.options(value)
  local config = config_of(value, "FeatureSpace")
  local given = { features = {}, crosses = {} }
  for _, name in ipairs { "output_mode", "crossing_dim", "hashing_dim",
    "num_discretization_bins" } do
    given[name] = config[name]
  end
  local features = object(config.features, "a table of features")
  for _, name in ipairs(json.fields(features)) do
    given.features[name] = at(".config.features." .. name, read_feature, features[name])
  end
  for i, told in ipairs(list_of(config.crosses or {}, "a list of crosses")) do
    given.crosses[i] = at(".config.crosses" .. json_path.element(i), read_cross, told)
  end
  return given
end

return record
