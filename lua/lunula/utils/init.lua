-- k.utils: tools that are not layers.

local core = require "lunula.core"
local batch = require "lunula.utils.batch"
local data = require "lunula.utils.data"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
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

-- What keras.utils has of keras.saving.
for _, name in ipairs { "get_custom_objects", "custom_object_scope", "register_keras_serializable",
  "get_registered_name", "get_registered_object", "serialize_keras_object",
  "deserialize_keras_object" } do
  utils[name] = function (...) return require("lunula.saving.objects")[name](...) end
end

-- Pictures: plot_model(model, "m.svg", {show_shapes = true}) and the like.
function utils.plot_model(...)
  return require("lunula.utils.pictures.plot_model").plot_model(...)
end

function utils.model_to_dot(...)
  return require("lunula.utils.pictures.plot_model").model_to_dot(...)
end

function utils.plot_history(...)
  return require("lunula.utils.pictures.plot_history").plot_history(...)
end

function utils.plot_images(...)
  return require("lunula.utils.pictures.plot_images").plot_images(...)
end

-- Images: img_to_array(img, { data_format =, dtype = }), array_to_img(x, { scale = true, … }).
function utils.img_to_array(img, given)
  return require("lunula.utils.image").img_to_array(img, given)
end

function utils.array_to_img(x, given)
  return require("lunula.utils.image").array_to_img(x, given)
end

local function images(name)
  return require "lunula.utils.sister"("images", function() return require "lunula.images" end,
    name .. ": PNG and JPEG")[name]
end

-- load_img("x.jpg", { color_mode = "rgb", target_size = { 32, 32 }, … }) -> an image.
function utils.load_img(path, given)
  return images "load_img"(path, given)
end

-- save_img("x.png", x, { scale = true, … })
function utils.save_img(path, x, given)
  return images "save_img"(path, x, given)
end

-- Images in folders as batches of one size; the folder that a file is in names its class.
function utils.image_dataset_from_directory(directory, given)
  return images "image_dataset_from_directory"(directory, given)
end

-- Batches by their number, in a class of one's own. Sequence is its old name.
function utils.PyDataset(name)
  return require "lunula.data.py_dataset"(name)
end
utils.Sequence = utils.PyDataset

-- Windows of a series as batches: (data, targets or nil, { sequence_length =, … }).
function utils.timeseries_dataset_from_array(series, targets, given)
  return require "lunula.data.timeseries"(series, targets, given)
end

-- A left and a right part of a dataset, a tensor or a list of tensors: { left_size = 0.8 }.
function utils.split_dataset(dataset, given)
  return require "lunula.data.split"(dataset, given)
end

-- Text files as batches of strings; the folder that a file is in names its class.
function utils.text_dataset_from_directory(directory, given)
  return require "lunula.data.texts"(directory, given)
end

-- load_npy "x.npy" -> a tensor, load_npy "x.npz" -> tensors by name; save_npy("x.npy", tensor).
function utils.load_npy(path)
  return require("lunula.data.npy").load(path)
end

function utils.save_npy(path, tensor)
  return require("lunula.data.npy").save(path, tensor)
end

-- load_csv("x.csv", { … }) -> the columns of a table as tensors by name, and the list of names.
function utils.load_csv(path, given)
  return require "lunula.data.csv"(path, given)
end

-- load_idx "train-images-idx3-ubyte" -> a tensor; also of a .gz file.
function utils.load_idx(path)
  return require "lunula.data.idx"(path)
end

function utils.is_keras_tensor(x)
  return require("lunula.models.ktensor").is(x)
end

-- Counting of layer names begins again.
function utils.clear_session()
  require("lunula.layers.base.names").reset()
end

utils.CustomObjectScope = utils.custom_object_scope

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
  if given ~= nil and type(given) ~= "table" then
    core.raise("Progbar: the options must be a table, as {target = 10}, got %s", type(given))
  end
  return require("lunula.utils.progbar").new(given or {})
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
