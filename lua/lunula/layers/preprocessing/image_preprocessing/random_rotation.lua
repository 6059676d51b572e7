-- RandomRotation: every image turned by an angle of its own, about its middle.

local layer = require "lunula.layers.base"
local affine = require "lunula.layers.preprocessing.image_preprocessing.affine"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

return layer "RandomRotation" {
  parent = affine.Affine,
  doc = "in training turns each image by a random part of a full turn",
  args = affine.args { { "factor", image.factor(-1, 1), required = true,
    spread = true } },
  -- Angles.
  draw = function (self, images)
    local turn = 2 * math.pi
    return image.one_per_image(self, images, self.factor[1] * turn, self.factor[2] * turn)
  end,
  matrix = function (_, images, angle)
    local height, width = affine.size(images)
    local x, y = (width - 1) * 0.5, (height - 1) * 0.5
    local cos, sin = ops.cos(angle), ops.sin(angle)
    return { cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos }
  end,
}
