-- RandomColorDegeneration: every image drawn some way towards grey.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

return layer "RandomColorDegeneration" {
  parent = image.Layer,
  doc = "in training x + f * (grey - x), f drawn for each image from factor",
  args = {
    { "factor", image.factor(-1, 1), required = true },
    { "value_range", image.value_range, default = { 0, 255 } },
    image.data_format,
    { "seed", kinds.seed },
  },
  draw = function (self, images)
    return image.over_pixels(image.one_per_image(self, images, self.factor[1], self.factor[2]))
  end,
  transform = function (self, images, draw)
    local grey = ops.image.rgb_to_grayscale(images, "channels_last")
    return image.clip(self, images + draw * (grey - images))
  end,
}
