-- Resizing: images in another size, of the same type as before.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local formats = require "lunula.utils.bounding_boxes.formats"

local limits = { uint8 = { 0, 255 }, int8 = { -128, 127 } }

-- Floats as whole numbers that the type can hold.
local function saturated(x, dtype)
  if tools.is_float { dtype = dtype } then return tools.cast(x, dtype) end
  x = ops.round(x)
  local range = limits[dtype]
  if range then x = ops.clip(x, range[1], range[2]) end
  return tools.cast(x, dtype)
end

-- How boxes go along with images of h by w: the scales, and the way to the right and down.
local function scaled(self, h, w)
  local scale_x, scale_y = self.width / w, self.height / h
  if not (self.crop_to_aspect_ratio or self.pad_to_aspect_ratio) then
    return scale_x, scale_y, 0, 0
  end
  local either = self.pad_to_aspect_ratio and tools.min or tools.max
  local scale = either(scale_x, scale_y)
  if self.pad_to_aspect_ratio then
    return scale, scale, (self.width - w * scale) // 2, (self.height - h * scale) // 2
  end
  return scale, scale, -((w * scale - self.width) // 2), -((h * scale - self.height) // 2)
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
  -- Boxes of nothing but 0 or -1 are padding and become 0.
  move_boxes = function (self, boxes, _, images)
    local scale_x, scale_y, right, down = scaled(self, tools.size(images, 1),
      tools.size(images, 2))
    local moved = formats.mapped(boxes, function (x, y)
      return x * scale_x + right, y * scale_y + down
    end)
    local padding = ops.logical_or(ops.all(ops.equal(boxes, -1), -1, true),
      ops.all(ops.equal(boxes, 0), -1, true))
    return ops.where(padding, 0, moved), self.height, self.width
  end,
  transform = function (self, images, _, interpolation)
    local y = ops.image.resize(tools.cast(images, "float32"), { self.height, self.width },
      interpolation, self.antialias, self.crop_to_aspect_ratio, self.pad_to_aspect_ratio,
      self.fill_mode, self.fill_value, "channels_last")
    return saturated(y, images.dtype)
  end,
}
