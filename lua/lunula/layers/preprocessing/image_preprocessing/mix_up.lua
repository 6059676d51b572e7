-- MixUp: every image mixed with another one of its batch, and its label with that one's.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local mixing = require "lunula.layers.preprocessing.image_preprocessing.mixing"

return layer "MixUp" {
  parent = image.Layer,
  doc = "in training w * x + (1 - w) * another image of the batch, w from Beta(alpha, alpha); "
    .. "labels and masks likewise",
  args = {
    { "alpha", kinds.positive_number, default = 0.2 },
    image.data_format,
    { "seed", kinds.seed },
  },
  draw = function (self, images)
    return { order = mixing.order(self, images),
      weight = mixing.weights(self, images, self.alpha) }
  end,
  transform = function (_, images, draw)
    return mixing.mixed(images, draw.order, image.over_pixels(draw.weight))
  end,
  transform_labels = function (_, labels, draw)
    return mixing.mixed(labels, draw.order, draw.weight)
  end,
  -- Those of both images.
  transform_boxes = function (_, boxes, labels, draw)
    local function both(x) return ops.concatenate({ x, ops.take(x, draw.order, 0) }, 1) end
    return both(boxes), both(labels)
  end,
  -- Shares of class numbers, as Keras gives them.
  transform_masks = function (_, masks, draw)
    return mixing.mixed(masks, draw.order, image.over_pixels(draw.weight))
  end,
}
