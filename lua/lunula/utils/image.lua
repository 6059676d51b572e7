-- Images as tensors and back: k.utils.img_to_array and array_to_img, as in Keras's image_utils.
--
-- What is a picture of PIL's there is a tensor here: (height, width, channels) of uint8, with 1
-- channel for gray, 3 for colours, 4 for colours and alpha; int32 where gray goes beyond 255.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local ops = require "lunula.ops"
local options = require "lunula.utils.options"

local image = {}

local function tensor_of(name, x)
  if core.is_variable(x) then x = x.value end
  if type(x) == "table" then x = core.tensor(x) end
  if not core.is_tensor(x) then
    core.raise("%s takes a tensor or a table of numbers, got %s", name, type(x))
  end
  return x
end

local function type_of(dtype) return dtype or config.floatx() end

-- img_to_array(img, { data_format =, dtype = }): the numbers of an image as floats.
function image.img_to_array(img, given)
  local o = options.read("img_to_array", given, { "data_format", "dtype" })
  local x = tensor_of("img_to_array", img)
  if x.rank == 2 then x = ops.expand_dims(x, -1) end
  if x.rank ~= 3 then
    core.raise("img_to_array: an image is (height, width, channels), got %s", tostring(x.shape))
  end
  x = ops.cast(x, type_of(o.dtype))
  return config.layout(o.data_format) == "channels_first" and ops.transpose(x, { 2, 0, 1 }) or x
end

-- From 0 to 255.
local function scaled(x)
  x = x - ops.min(x)
  local most = ops.max(x):item()
  if most ~= 0 then x = x / most end
  return x * 255
end

-- array_to_img(x, { data_format =, scale = true, dtype = }): numbers as an image. Unless scale is
-- false the least becomes 0 and the greatest 255.
function image.array_to_img(x, given)
  local o = options.read("array_to_img", given, { "data_format", "scale", "dtype" })
  x = tensor_of("array_to_img", x)
  if x.rank ~= 3 then
    core.raise("array_to_img: one image has 3 axes, got %s", tostring(x.shape))
  end
  x = ops.cast(x, type_of(o.dtype))
  if config.layout(o.data_format) == "channels_first" then x = ops.transpose(x, { 1, 2, 0 }) end
  local channels = x.shape[3]
  if channels ~= 1 and channels ~= 3 and channels ~= 4 or x.size == 0 then
    core.raise("array_to_img: an image has 1, 3 or 4 channels and some pixels, got %s; for "
      .. "channels first say data_format = \"channels_first\"", tostring(x.shape))
  end
  if not given or o.scale or given.scale == nil then x = scaled(x) end
  local is_wide = channels == 1 and ops.max(x):item() > 255
  return ops.cast(x, is_wide and "int32" or "uint8")
end

-- Where the largest part of `have` starts that fits, and how long it is.
local function middle(have, other, wanted, other_wanted)
  local part = math.max(math.min(have, other * wanted // other_wanted), 1)
  return (have - part) // 2, part
end

-- smart_resize(x, { height, width }, { interpolation =, data_format = }): the largest part in the
-- middle of an image, or of a batch, that has the form of the size, resized.
function image.smart_resize(x, size, given)
  local o = options.read("smart_resize", given, { "interpolation", "data_format" })
  x = tensor_of("smart_resize", x)
  local is_size = type(size) == "table" and #size == 2
    and math.type(size[1]) == "integer" and math.type(size[2]) == "integer"
  if not is_size or size[1] < 1 or size[2] < 1 then
    core.raise("smart_resize: size must be {height, width}, two positive integers")
  end
  if x.rank < 3 or x.rank > 4 then
    core.raise("smart_resize: an image is (height, width, channels), or a batch of such, got %s",
      tostring(x.shape))
  end
  local layout = config.layout(o.data_format or "channels_last")
  local at = layout == "channels_last" and x.rank - 2 or x.rank - 1
  local starts, sizes = {}, {}
  for i = 1, x.rank do starts[i], sizes[i] = 0, x.shape[i] end
  local height, width = sizes[at], sizes[at + 1]
  starts[at], sizes[at] = middle(height, width, size[1], size[2])
  starts[at + 1], sizes[at + 1] = middle(width, height, size[2], size[1])
  return ops.image.resize(ops.slice(x, starts, sizes), size, {
    interpolation = o.interpolation or "bilinear", data_format = layout,
  })
end

return image
