-- RandomBrightness: every image made lighter or darker by an amount of its own.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

return layer "RandomBrightness" {
  parent = image.Layer,
  doc = "in training adds a random part of the value range to each image",
  args = {
    { "factor", image.factor(-1, 1), required = true, spread = true },
    { "value_range", image.value_range, default = { 0, 255 } },
    { "seed", kinds.seed },
    { "data_format", kinds.data_format, keyword = true },
  },
  draw = image.drawn_factor,
  transform = function (self, images, draw)
    local low, high = self.value_range[1], self.value_range[2]
    return ops.clip(images + draw * (high - low), low, high)
  end,
}
