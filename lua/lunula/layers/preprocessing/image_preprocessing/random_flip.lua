-- RandomFlip: every second image, by chance, is turned left to right, upside down, or both.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local formats = require "lunula.utils.bounding_boxes.formats"

local modes = kinds.one_of { "horizontal", "vertical", "horizontal_and_vertical" }
local axes = { horizontal = { 2 }, vertical = { 1 }, horizontal_and_vertical = { 1, 2 } }

return layer "RandomFlip" {
  parent = image.Layer,
  doc = "in training flips half of the images",
  args = {
    { "mode", modes, default = "horizontal_and_vertical" },
    { "seed", kinds.seed },
    image.data_format,
  },
  moves_pixels = true,
  -- One draw serves both axes.
  draw = function (self, images)
    return ops.less_equal(image.over_pixels(image.one_per_image(self, images, 0, 1)), 0.5)
  end,
  move_boxes = function (self, boxes, flipped, images)
    local height, width = tools.size(images, 1), tools.size(images, 2)
    local x1, y1, x2, y2 = formats.columns(boxes)
    if self.mode ~= "vertical" then x1, x2 = width - x2, width - x1 end
    if self.mode ~= "horizontal" then y1, y2 = height - y2, height - y1 end
    return ops.where(ops.squeeze(flipped, 3), formats.joined(x1, y1, x2, y2), boxes)
  end,
  transform = function (self, images, flipped)
    return ops.where(flipped, ops.flip(images, axes[self.mode]), images)
  end,
}
