-- CenterCrop: the middle of every image. Where an image is too small, its middle part of the same
-- proportions is enlarged.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local formats = require "lunula.utils.bounding_boxes.formats"

-- The middle window along an axis, and how much the image lacks there. What is lacking is filled
-- with zeros, so that there is a window even where the size is known only when it runs.
local function window(images, axis, count)
  local size = tools.size(images, axis)
  local lack = tools.max(count - size, 0)
  images = tools.pad(images, axis, 0, lack, 0)
  return tools.part(images, axis, tools.max(size - count, 0) // 2, count), lack
end

return layer "CenterCrop" {
  parent = image.Layer,
  doc = "the middle window of height and width; smaller images are enlarged",
  args = {
    { "height", kinds.positive, required = true },
    { "width", kinds.positive, required = true },
    image.data_format,
  },
  random = false, moves_pixels = true,
  move_boxes = function (self, boxes, _, images)
    local h, w = tools.size(images, 1), tools.size(images, 2)
    local crop_h = tools.max(tools.min(h, w * self.height // self.width), 1)
    local crop_w = tools.max(tools.min(w, h * self.width // self.height), 1)
    local lack = tools.max(self.height - h, 0) + tools.max(self.width - w, 0)
    local function size(own, crop)
      if tools.is_known(lack) then return lack > 0 and crop or own end
      return ops.where(ops.less(0, lack), crop, own)
    end
    local tall, wide = size(self.height, crop_h), size(self.width, crop_w)
    local left, top = (w - wide) // 2, (h - tall) // 2
    return formats.mapped(boxes, function (x, y)
      return (x - left) * self.width / wide, (y - top) * self.height / tall
    end), self.height, self.width
  end,
  transform = function (self, images, _, interpolation)
    images = tools.cast(images, "float32")
    local rows, lack_h = window(images, 1, self.height)
    local middle, lack_w = window(rows, 2, self.width)
    local lack = lack_h + lack_w
    if lack == 0 then return middle end
    return tools.choose(lack, ops.image.resize(images, { self.height, self.width },
      interpolation or "bilinear", false, true, false, "constant", 0, "channels_last"), middle)
  end,
}
