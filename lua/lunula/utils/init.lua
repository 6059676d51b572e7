-- k.utils: tools that are not layers.

local core = require "lunula.core"
local batch = require "lunula.utils.batch"
local data = require "lunula.utils.data"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local options = require "lunula.utils.options"
local verbosity = require "lunula.utils.verbosity"

local utils = {
  to_categorical = data.to_categorical,
  normalize = data.normalize,
  pad_sequences = data.pad_sequences,
  split = data.split,
  enable_interactive_logging = verbosity.enable_interactive_logging,
  disable_interactive_logging = verbosity.disable_interactive_logging,
  is_interactive_logging_enabled = verbosity.is_interactive_logging_enabled,
  pack_x_y_sample_weight = batch.pack, unpack_x_y_sample_weight = batch.unpack,
}

-- Everything random that follows is decided by the number: weights, dropout, shuffling.
function utils.set_random_seed(seed)
  local number = math.type(seed) and math.tointeger(seed)
  if not number then core.raise("set_random_seed takes a whole number, got %s", tostring(seed)) end
  core.seed(number)
end

local function images(name)
  return require "lunula.utils.sister"("images", function() return require "lunula.images" end,
    name .. ": PNG and JPEG")[name]
end

-- Functions of other files, by what finds them: the file is loaded when one is called.
local elsewhere = {
  plot_model = function() return require("lunula.utils.pictures.plot_model").plot_model end,
  model_to_dot = function() return require("lunula.utils.pictures.plot_model").model_to_dot end,
  plot_history = function() return require("lunula.utils.pictures.plot_history").plot_history end,
  plot_images = function() return require("lunula.utils.pictures.plot_images").plot_images end,

  img_to_array = function() return require("lunula.utils.image").img_to_array end,
  array_to_img = function() return require("lunula.utils.image").array_to_img end,
  load_img = function() return images "load_img" end,
  save_img = function() return images "save_img" end,
  image_dataset_from_directory = function() return images "image_dataset_from_directory" end,

  PyDataset = function() return require "lunula.data.py_dataset" end,
  timeseries_dataset_from_array = function() return require "lunula.data.timeseries" end,
  split_dataset = function() return require "lunula.data.split" end,
  text_dataset_from_directory = function() return require "lunula.data.texts" end,
  load_npy = function() return require("lunula.data.npy").load end,
  save_npy = function() return require("lunula.data.npy").save end,
  load_csv = function() return require "lunula.data.csv" end,
  load_idx = function() return require "lunula.data.idx" end,

  is_keras_tensor = function() return require("lunula.models.ktensor").is end,
}

-- What keras.utils has of keras.saving.
for _, name in ipairs { "get_custom_objects", "custom_object_scope", "register_keras_serializable",
  "get_registered_name", "get_registered_object", "serialize_keras_object",
  "deserialize_keras_object" } do
  elsewhere[name] = function() return require("lunula.saving.objects")[name] end
end

for name, find in pairs(elsewhere) do
  utils[name] = function(...) return find()(...) end
end

-- Old names.
utils.Sequence = utils.PyDataset
utils.CustomObjectScope = utils.custom_object_scope

-- Counting of layer names begins again.
function utils.clear_session()
  require("lunula.layers.base.names").reset()
end

-- The name of a dtype as k.tensor takes it; that of floats for none.
function utils.standardize_dtype(dtype)
  if dtype == nil or dtype == core.None then return "float32" end
  local name, wanted = kinds.dtype.check(dtype)
  if not name then
    core.raise("standardize_dtype: %s is no dtype; it is %s", declare.show(dtype),
      wanted or kinds.dtype.name)
  end
  return name
end

function utils.Progbar(given)
  local o = options.read("Progbar", given, { "target", "verbose", "unit" })
  o.target = options.count("Progbar", "target", o.target)
  o.verbose = verbosity.read("Progbar", o.verbose, 1)
  return require("lunula.utils.progbar").new(o)
end

-- What is loaded when it is first asked for.
local late = { FeatureSpace = "lunula.features", bounding_boxes = "lunula.utils.bounding_boxes" }

return setmetatable(utils, {
  __index = function (_, name)
    if late[name] == nil then return nil end
    utils[name] = require(late[name])
    return utils[name]
  end,
  __pairs = function ()
    for name in pairs(late) do utils[name] = require(late[name]) end
    return next, utils, nil
  end,
})
