-- RandomShear: every image slanted along one axis or both.

local layer = require "lunula.layers.base"
local affine = require "lunula.layers.preprocessing.image_preprocessing.affine"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"

-- A number from 0 to 1, or two of them. Keras's files have -0.3 and 0.3 for 0.3: Keras itself
-- refuses to read these.
local share = {
  name = "a number from 0 to 1 or a list of two",
  check = function (value)
    if kinds.fraction.check(value) then return { -value, value } end
    if type(value) ~= "table" or #value ~= 2 or not kinds.number.check(value[1]) then return nil end
    local least, most = math.min(value[1], value[2]), math.max(value[1], value[2])
    return kinds.fraction.check(most) and (least >= 0 or least == -most) and { least, most } or nil
  end,
}

return layer "RandomShear" {
  parent = affine.Affine,
  doc = "in training slants each image by random factors, to one side or the other",
  args = {
    { "x_factor", share, default = 0.0 },
    { "y_factor", share, default = 0.0 },
    { "interpolation", image.interpolation, default = "bilinear" },
    { "fill_mode", image.fill_mode, default = "reflect" },
    { "fill_value", kinds.number, default = 0.0 },
    image.data_format,
    { "seed", kinds.seed },
  },
  draw = function (self, images)
    local side = ops.where(ops.less(0.5, image.one_per_image(self, images, 0, 1)), -1.0, 1.0)
    local function slant(factor)
      return image.one_per_image(self, images, factor[1], factor[2]) * side
    end
    return { x = slant(self.x_factor), y = slant(self.y_factor) }
  end,
  matrix = function (_, _, draw)
    local zero, one = ops.zeros_like(draw.x), ops.ones_like(draw.x)
    return { one, draw.x, zero, draw.y, one, zero }
  end,
}
