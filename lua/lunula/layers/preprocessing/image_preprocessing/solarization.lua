-- Solarization: what is bright becomes dark.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

-- {lower, upper}; a number alone is the upper end.
local share = {
  name = "a number from 0 to 1 or a list of two",
  check = function (value)
    if type(value) == "number" then value = { 0, value } end
    if type(value) ~= "table" or #value ~= 2 then return nil end
    local a, b = kinds.fraction.check(value[1]), kinds.fraction.check(value[2])
    return a and b and { math.min(a, b), math.max(a, b) } or nil
  end,
}

-- Keras takes the lower end for a byte and the upper one for a share of 255.
local function bytes(self, images, factor)
  return image.over_pixels(image.one_per_image(self, images, factor[1], factor[2] * 255))
end

return layer "Solarization" {
  parent = image.Layer,
  doc = "in training adds a random amount, then inverts values that are not below a threshold",
  args = {
    { "addition_factor", share, default = 0.0,
      doc = "what is added first, as a part of the range of values" },
    { "threshold_factor", share, default = 0.0,
      doc = "above what values are inverted, as a part of their range" },
    { "value_range", image.value_range, default = { 0, 255 } },
    { "seed", kinds.seed },
    { "data_format", kinds.data_format, keyword = true },
  },
  draw = function (self, images)
    return { addition = bytes(self, images, self.addition_factor),
      threshold = bytes(self, images, self.threshold_factor) }
  end,
  transform = function (self, images, draw)
    local x = image.rescale(images, self.value_range, { 0, 255 })
    x = ops.clip(x + draw.addition, 0, 255)
    x = ops.where(ops.less(x, draw.threshold), x, 255 - x)
    return image.rescale(x, { 0, 255 }, self.value_range)
  end,
}
