-- AutoContrast: every channel of an image stretched over the whole range.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

return layer "AutoContrast" {
  parent = image.Layer,
  doc = "stretches each channel so that its least value is the lowest and its most the highest",
  args = {
    { "value_range", image.value_range, default = { 0, 255 } },
    { "data_format", kinds.data_format, keyword = true },
  },
  random = false,
  computes = "float32",
  transform = function (self, images)
    local x = image.rescale(images, self.value_range, { 0, 255 })
    local low = ops.min(x, { 1, 2 }, true)
    local scale = 255 / (ops.max(x, { 1, 2 }, true) - low)
    x = ops.clip(x * scale - low * scale, 0, 255)
    x = image.rescale(x, { 0, 255 }, self.value_range)
    return ops.where(ops.isnan(x), images, x)   -- a channel of one value has no range
  end,
}
