-- RandomGrayscale: some images lose their colours.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

return layer "RandomGrayscale" {
  parent = image.Layer,
  doc = "in training makes images grey, each with the chance `factor`; the channels stay",
  args = {
    { "factor", kinds.fraction, default = 0.5 },
    image.data_format,
    { "seed", kinds.seed },
  },
  draw = function (self, images)
    return image.over_pixels(image.one_per_image(self, images, 0, 1)):less(self.factor)
  end,
  transform = function (_, images, chosen)
    return ops.where(chosen, ops.image.rgb_to_grayscale(images, "channels_last"), images)
  end,
}
