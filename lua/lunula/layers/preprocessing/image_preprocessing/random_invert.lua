-- RandomInvert: some images become their negatives.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

return layer "RandomInvert" {
  parent = image.Layer,
  doc = "in training turns images into their negatives, each with a chance drawn from factor",
  args = {
    { "factor", image.factor(0, 1), default = 1.0 },
    { "value_range", image.value_range, default = { 0, 255 } },
    { "seed", kinds.seed },
    image.data_format,
  },
  draw = function (self, images)
    return image.chosen(self, images, self.factor)
  end,
  transform = function (self, images, chosen)
    return ops.where(chosen, self.value_range[2] - images, images)
  end,
}
