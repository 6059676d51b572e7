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
  matrix = function (self, images)
    local height, width = affine.size(images)
    local down = image.one_per_image(self, images, affine.bounds(self.height_factor)) * height
    local right = image.one_per_image(self, images, affine.bounds(self.width_factor)) * width
    local one, zero = ops.ones_like(down), ops.zeros_like(down)
    return { one, zero, -right, zero, one, -down }
  end,
}
