-- CutMix: a rectangle of every image comes from another one of its batch.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local mixing = require "lunula.layers.preprocessing.image_preprocessing.mixing"
local rectangles = require "lunula.layers.preprocessing.image_preprocessing.rectangles"

return layer "CutMix" {
  parent = image.Layer,
  doc = "in training a rectangle from another image of the batch, labels mixed by its area; its "
    .. "size is drawn from Beta(factor, factor)",
  args = {
    { "factor", image.factor(0, 1), default = 1.0 },
    { "seed", kinds.seed },
    image.data_format,
  },
  draw = function (self, images)
    local alpha = image.uniform(self, {}, self.factor[1], self.factor[2]) + 1e-6
    local side = ops.sqrt(1 - mixing.weights(self, images, alpha))
    local rectangle = rectangles.draw(self, images, side, side)
    return { order = mixing.order(self, images), mask = rectangles.mask(images, rectangle),
      weight = rectangles.outside(images, rectangle) }
  end,
  transform = function (_, images, draw)
    return ops.where(draw.mask, ops.take(images, draw.order, 0), images)
  end,
  transform_labels = function (_, labels, draw)
    return mixing.mixed(labels, draw.order, draw.weight)
  end,
  moves_pixels = true,
  without_boxes = "puts parts of images together",
}
