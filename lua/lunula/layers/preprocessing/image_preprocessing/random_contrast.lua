-- RandomContrast: in every image each channel is drawn away from its mean.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

return layer "RandomContrast" {
  parent = image.Layer,
  doc = "in training (x - mean) * f + mean for each channel, f from 1 - lower to 1 + upper",
  args = {
    { "factor", image.factor(0, 1), required = true, spread = true },
    { "value_range", image.value_range, default = { 0, 255 } },
    { "seed", kinds.seed },
    { "data_format", kinds.data_format, keyword = true },
  },
  draw = function (self, images)
    local lower, upper = 1 - self.factor[1], 1 + self.factor[2]
    return image.over_pixels(image.one_per_image(self, images, lower, upper))
  end,
  transform = function (self, images, draw)
    local mean = ops.mean(images, { 1, 2 }, true)
    return ops.clip((images - mean) * draw + mean, self.value_range[1], self.value_range[2])
  end,
}
