-- RandomPosterization: fewer bits for each colour.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

local BITS = 8

local factor = image.factor(1, BITS)
local bits = {
  name = "a whole number from 1 to 8 or a list of two",
  check = function (value)
    local ends = factor.check(value)
    return ends and ends[1] % 1 == 0 and ends[2] % 1 == 0 and ends or nil
  end,
}

return layer "RandomPosterization" {
  parent = image.Layer,
  doc = "in training keeps only the highest bits of each value: factor says how many of 8",
  args = {
    { "factor", bits, required = true },
    { "value_range", image.value_range, default = { 0, 255 } },
    image.data_format,
    { "seed", kinds.seed },
  },
  -- What a kept step is worth: 2^(bits dropped). The larger end of factor is not drawn.
  draw = function (self, images)
    local least, most = self.factor[1], self.factor[2]
    if least == most then return 2.0 ^ (BITS - least) end
    local kept = ops.floor(image.one_per_image(self, images, least, most))
    return image.over_pixels(ops.power(2.0, BITS - kept))
  end,
  transform = function (self, images, step)
    local bytes = ops.floor(image.rescale(images, self.value_range, { 0, 255 }))
    return image.rescale(ops.floor(bytes / step) * step, { 0, 255 }, self.value_range)
  end,
}
