-- k.utils.image_dataset_from_directory: folders of images as batches, with their labels.
--
-- Which files, their labels and their order are what lunula.data.folders makes of the directory;
-- here is how the files of one batch become a tensor: all at once, by the threads of lunula.

local core = require "lunula.core"
local arguments = require "lunula.images.arguments"
local config = require "lunula.ops.config"
local files = require "lunula.images.core"
local folders = require "lunula.data.folders"

local NAME <const> = "image_dataset_from_directory"

local own = { "color_mode", "image_size", "interpolation", "crop_to_aspect_ratio",
  "pad_to_aspect_ratio", "data_format" }

-- Keras's list. Of these we read only some, and say so before the first batch is wanted: without
-- them the labels and the order would be others.
local endings = { ".bmp", ".gif", ".jpeg", ".jpg", ".png" }

local interpolations = { "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5",
  "gaussian", "mitchellcubic" }
local croppable = { "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5" }

local function check_files(dataset)
  for _, path in ipairs(dataset and dataset.file_paths or {}) do
    local ending = path:lower():match "%.(%a+)$"
    if ending == "bmp" or ending == "gif" then
      core.raise("%s: %s: PNG and JPEG are read, %s is not; convert it, or move it elsewhere", NAME,
        path, ending:upper())
    end
  end
end

local function read(directory, given)
  local o = folders.read(NAME, directory, given, own)
  o.channels = arguments.channels(NAME, o.color_mode)
  local size = o.image_size or 256
  if type(size) == "number" then size = { size, size } end
  o.height, o.width = arguments.size(NAME, "image_size", size)
  o.interpolation = arguments.one_of(NAME, "interpolation", o.interpolation or "bilinear",
    interpolations)
  o.data_format = config.layout(o.data_format)
  if o.crop_to_aspect_ratio and o.pad_to_aspect_ratio then
    core.raise("%s: crop_to_aspect_ratio or pad_to_aspect_ratio, not both", NAME)
  end
  if o.crop_to_aspect_ratio then
    arguments.one_of(NAME, "interpolation with crop_to_aspect_ratio", o.interpolation, croppable)
  end
  return o
end

-- ("folder", { image_size = { 256, 256 }, … }) -> a dataset, or two for subset = "both"
return function(directory, given)
  local o = read(directory, given)
  local one, other = folders.datasets(o, endings, function(paths)
    local images, path, problem = files.batch(paths, o.height, o.width, o.channels,
      o.interpolation, o.crop_to_aspect_ratio, o.pad_to_aspect_ratio,
      o.data_format == "channels_first")
    return images or core.raise("%s: %s: %s", NAME, path, problem)
  end)
  check_files(one)
  check_files(other)
  return one, other
end
