-- RandomSaturation: the colours of every image made paler or stronger.

local config = require "lunula.ops.config"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

return layer "RandomSaturation" {
  parent = image.Layer,
  doc = "in training from grey (factor 0) over unchanged (0.5) to full colours (1)",
  args = {
    { "factor", image.factor(-1, 1), required = true },
    { "value_range", image.value_range, default = { 0, 255 } },
    image.data_format,
    { "seed", kinds.seed },
  },
  draw = function (self, images)
    local f = image.one_per_image(self, images, self.factor[1], self.factor[2])
    return image.over_pixels(f / (1 - f + config.epsilon()))
  end,
  transform = function (self, images, draw)
    local h, s, v = ops.split(ops.image.rgb_to_hsv(images, "channels_last"), 3, 3)
    return ops.image.hsv_to_rgb(ops.concatenate({ h, image.clip(self, s * draw), v }, 3),
      "channels_last")
  end,
}
