-- What MixUp and CutMix share: another order of the batch, and weights from a beta distribution.

local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"

local mixing = {}

-- The numbers of the images in random order.
function mixing.order(self, images)
  local number = ops.squeeze(ops.iota_like(image.per_image(images), 0), 1)
  return random.shuffle(number, 0, self.generator)
end

-- Weights of Beta(alpha, alpha), one an image: (b, 1).
function mixing.weights(self, images, alpha)
  return random.beta(image.per_image(images), alpha, alpha, nil, self.generator)
end

-- x and, of the rest of the weight, what stands in its place in the other order.
function mixing.mixed(x, order, weight)
  x = ops.cast(x, "float32")
  return weight * x + (1 - weight) * ops.take(x, order, 0)
end

return mixing
