-- RandomColorDegeneration: every image drawn some way towards grey.

local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

return layer "RandomColorDegeneration" {
  parent = image.Layer,
  doc = "in training x + f * (grey - x), f drawn for each image from factor",
  args = image.colour_args(-1),
  draw = image.drawn_factor,
  transform = function (self, images, draw)
    local grey = ops.image.rgb_to_grayscale(images, "channels_last")
    return image.clip(self, images + draw * (grey - images))
  end,
}
