-- RandomHue: the colours of every image turned by an angle of its own.

local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

return layer "RandomHue" {
  parent = image.Layer,
  doc = "in training turns the hue by up to half of factor, one way or the other",
  args = image.colour_args(0),
  draw = function (self, images)
    local side = ops.where(ops.less(0.5, image.one_per_image(self, images, 0, 1)), -0.5, 0.5)
    return image.drawn_factor(self, images) * image.over_pixels(side)
  end,
  transform = function (self, images, turn)
    local x = image.rescale(images, self.value_range, { 0, 1 })
    local h, s, v = ops.split(ops.image.rgb_to_hsv(x, "channels_last"), 3, 3)
    h = h + turn
    h = ops.where(ops.less(1, h), h - 1, h)
    h = ops.where(ops.less(h, 0), h + 1, h)
    x = ops.image.hsv_to_rgb(ops.concatenate({ h, s, v }, 3), "channels_last")
    return image.rescale(ops.clip(x, 0, 1), { 0, 1 }, self.value_range)
  end,
}
