-- RandomSaturation: the colours of every image made paler or stronger.

local config = require "lunula.ops.config"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

return layer "RandomSaturation" {
  parent = image.Layer,
  doc = "in training from grey (factor 0) over unchanged (0.5) to full colours (1)",
  args = image.colour_args(-1),
  draw = function (self, images)
    local f = image.drawn_factor(self, images)
    return f / (1 - f + config.epsilon())
  end,
  transform = function (self, images, draw)
    local h, s, v = ops.split(ops.image.rgb_to_hsv(images, "channels_last"), 3, 3)
    return ops.image.hsv_to_rgb(ops.concatenate({ h, image.clip(self, s * draw), v }, 3),
      "channels_last")
  end,
}
