-- The types of features that a FeatureSpace has: the layer of each, and what it gives.

local core = require "lunula.core"
local declare = require "lunula.declare"
local layers = require "lunula.layers"
local options = require "lunula.utils.options"

local kinds = { by_name = {}, doors = {} }

local Feature, Cross = {}, {}

function kinds.is_feature(value) return getmetatable(value) == Feature end

function kinds.is_cross(value) return getmetatable(value) == Cross end

-- Options by name, or in their order: { 5, output_mode = "int" }.
local function read(what, given, names)
  if given ~= nil and not declare.is_plain(given) then given = { given } end
  local said = {}
  for key, value in pairs(given or {}) do
    local name = math.type(key) == "integer" and names[key] or key
    said[name] = value
  end
  return options.read("FeatureSpace." .. what, said, names)
end

local function check_mode(what, mode, modes)
  for _, known in ipairs(modes) do
    if mode == known then return mode end
  end
  core.raise("FeatureSpace.%s: output_mode must be \"%s\", got %s", what,
    table.concat(modes, '" or "'), declare.show(mode))
end

local function feature(dtype, preprocessor, output_mode)
  return setmetatable({ dtype = dtype, preprocessor = preprocessor, output_mode = output_mode },
    Feature)
end

-- A type: its options, what is given to its layer by them, dtype, class, the mode unless said, and
-- what it takes from the FeatureSpace when it is called by its name alone.
local function add(what, names, dtype, class, mode, from_space)
  names[#names + 1] = "name"
  if mode ~= "float" then names[#names + 1] = "output_mode" end
  local function make(given)
    local o = read(what, given, names)
    local config = {}
    for _, name in ipairs(names) do
      if name ~= "output_mode" then config[name] = o[name] end
    end
    config.name = o.name and o.name .. "_preprocessor"
    local chosen = mode == "float" and mode
      or check_mode(what, o.output_mode or mode, { "int", "one_hot" })
    return feature(dtype, layers[class](config), chosen)
  end
  kinds.doors[what] = make
  kinds.by_name[what] = function(name, space)
    return make { name = name, num_bins = from_space and space[from_space] or nil }
  end
end

add("float", {}, "float32", "Identity", "float")
add("float_rescaled", { "scale", "offset" }, "float32", "Rescaling", "float")
add("float_normalized", {}, "float32", "Normalization", "float")
add("float_discretized", { "num_bins", "bin_boundaries" }, "float32", "Discretization", "one_hot",
  "num_discretization_bins")
add("integer_categorical", { "max_tokens", "num_oov_indices" }, "int32", "IntegerLookup",
  "one_hot")
add("string_categorical", { "max_tokens", "num_oov_indices" }, "string", "StringLookup",
  "one_hot")
add("string_hashed", { "num_bins" }, "string", "Hashing", "one_hot", "hashing_dim")
add("integer_hashed", { "num_bins" }, "int32", "Hashing", "one_hot", "hashing_dim")

-- feature { dtype =, preprocessor = a layer, output_mode = }
function kinds.doors.feature(given)
  local o = read("feature", given, { "dtype", "preprocessor", "output_mode" })
  if not (o.dtype and o.preprocessor) then
    core.raise "FeatureSpace.feature: dtype and preprocessor are wanted"
  end
  return feature(o.dtype, o.preprocessor,
    check_mode("feature", o.output_mode, { "int", "one_hot", "float" }))
end

-- cross { { "a", "b" }, 32, output_mode = "one_hot" }
function kinds.cross(given)
  local o = read("cross", given, { "feature_names", "crossing_dim", "output_mode" })
  if type(o.feature_names) ~= "table" or #o.feature_names < 2 then
    core.raise("FeatureSpace.cross: feature_names must be a list of two or more, got %s",
      declare.show(o.feature_names))
  end
  local names = {}
  for i, name in ipairs(o.feature_names) do names[i] = tostring(name) end
  local dim = options.count("FeatureSpace.cross", "crossing_dim", o.crossing_dim)
  if not dim then core.raise "FeatureSpace.cross: crossing_dim is missing" end
  return setmetatable({ feature_names = names, crossing_dim = dim,
    output_mode = check_mode("cross", o.output_mode or "one_hot", { "int", "one_hot" }),
    name = table.concat(names, "_X_") }, Cross)
end
kinds.doors.cross = kinds.cross

-- ---- what a layer knows ------------------------------------------------------------------------

local function is(layer, ...)
  for _, name in ipairs { ... } do
    if layer.class_name == name then return true end
  end
end

-- Must the layer see data first? One that was given what it needs must not.
function kinds.wants_data(layer)
  if is(layer, "Normalization") then return layer.input_mean == nil end
  if is(layer, "Discretization") then return layer.num_bins ~= nil end
  if is(layer, "IntegerLookup", "StringLookup", "TextVectorization") then
    return layer._vocabulary == nil
  end
  return type(layer.adapt) == "function"
end

-- How many numbers it gives, nil where that is not known.
function kinds.depth(layer)
  if is(layer, "IntegerLookup", "StringLookup") then return layer:vocabulary_size() end
  if is(layer, "CategoryEncoding") then return layer.num_tokens end
  if is(layer, "Discretization") then
    return layer.num_bins or layer.bin_boundaries and #layer.bin_boundaries + 1
  end
  if is(layer, "HashedCrossing", "Hashing") then return layer.num_bins end
end

-- ---- config, with what was adapted -------------------------------------------------------------

local function state_of(layer)
  if is(layer, "Normalization") and layer.input_mean == nil and layer.built then
    return { mean = layer.mean.value:totable(), variance = layer.variance.value:totable() }
  end
  if is(layer, "IntegerLookup", "StringLookup") and #layer.tokens > 0 then
    return { vocabulary = layer:get_vocabulary(false) }
  end
  if is(layer, "Discretization") and layer.num_bins then
    return { bin_boundaries = layer.bin_boundaries }
  end
  return {}
end

local function restore(layer, state)
  if state.mean then
    layer:build { false, #state.mean }
    layer.mean:assign(core.tensor(state.mean))
    layer.variance:assign(core.tensor(state.variance))
  elseif state.vocabulary then
    layer:set_vocabulary(state.vocabulary)
  elseif state.bin_boundaries then
    layer.bin_boundaries = state.bin_boundaries
  end
end

function kinds.config_of(value)
  return { dtype = value.dtype, output_mode = value.output_mode,
    preprocessor = layers.serialize(value.preprocessor), state = state_of(value.preprocessor) }
end

function kinds.of_config(config)
  local layer = layers.deserialize(config.preprocessor)
  restore(layer, config.state)
  return feature(config.dtype, layer, config.output_mode)
end

return kinds
