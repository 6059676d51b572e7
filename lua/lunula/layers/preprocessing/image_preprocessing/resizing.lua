-- Resizing: images in another size, of the same type as before.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local limits = { uint8 = { 0, 255 }, int8 = { -128, 127 } }

-- Floats as whole numbers that the type can hold.
local function saturated(x, dtype)
  if tools.is_float { dtype = dtype } then return tools.cast(x, dtype) end
  x = ops.round(x)
  local range = limits[dtype]
  if range then x = ops.clip(x, range[1], range[2]) end
  return tools.cast(x, dtype)
end

return layer "Resizing" {
  parent = image.Layer,
  doc = "images of height and width, by interpolation",
  args = {
    { "height", kinds.positive, required = true },
    { "width", kinds.positive, required = true },
    { "interpolation",
      kinds.one_of { "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5" },
      default = "bilinear" },
    { "crop_to_aspect_ratio", kinds.boolean, default = false },
    { "pad_to_aspect_ratio", kinds.boolean, default = false },
    { "fill_mode", kinds.one_of { "constant" }, default = "constant" },
    { "fill_value", kinds.number, default = 0.0 },
    { "antialias", kinds.boolean, default = false, none = "default" },
    image.data_format,
    { "dtype", kinds.dtype, keyword = true, default = "float32", none = "default" },
  },
  random = false, moves_pixels = true,
  init = function (self)
    if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio then
      core.raise("Resizing: crop_to_aspect_ratio or pad_to_aspect_ratio, not both")
    end
  end,
  transform = function (self, images, _, interpolation)
    local y = ops.image.resize(tools.cast(images, "float32"), { self.height, self.width },
      interpolation, self.antialias, self.crop_to_aspect_ratio, self.pad_to_aspect_ratio,
      self.fill_mode, self.fill_value, "channels_last")
    return saturated(y, images.dtype)
  end,
}
