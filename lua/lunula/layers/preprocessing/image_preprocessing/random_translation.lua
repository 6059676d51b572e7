-- RandomTranslation: every image moved by shares of its height and width of its own.

local layer = require "lunula.layers.base"
local affine = require "lunula.layers.preprocessing.image_preprocessing.affine"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

local factor = image.factor(-1, 1, true)

return layer "RandomTranslation" {
  parent = affine.Affine,
  doc = "in training moves each image down and to the right by random shares of its size",
  args = affine.args {
    { "height_factor", factor, required = true }, { "width_factor", factor, required = true },
  },
  -- Ways in pixels.
  draw = function (self, images)
    local height, width = affine.size(images)
    return {
      down = image.one_per_image(self, images, affine.bounds(self.height_factor)) * height,
      right = image.one_per_image(self, images, affine.bounds(self.width_factor)) * width,
    }
  end,
  matrix = function (_, _, draw)
    local one, zero = ops.ones_like(draw.down), ops.zeros_like(draw.down)
    return { one, zero, -draw.right, zero, one, -draw.down }
  end,
}
