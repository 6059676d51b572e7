-- RandomZoom: every image shrunk or enlarged about its middle by factors of its own.

local core = require "lunula.core"
local layer = require "lunula.layers.base"
local affine = require "lunula.layers.preprocessing.image_preprocessing.affine"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

local factor = image.factor(-1, 1, true)

local function drawn(self, images, given)
  local lower, upper = affine.bounds(given)
  return image.one_per_image(self, images, 1 + lower, 1 + upper)
end

return layer "RandomZoom" {
  parent = affine.Affine,
  doc = "in training zooms each image out (factors above 0) or in, by random factors",
  args = affine.args {
    { "height_factor", factor, required = true }, { "width_factor", factor },
  },
  init = function (self)
    for _, name in ipairs { "height_factor", "width_factor" } do
      local given = self[name] or 0
      local lower = type(given) == "table" and math.min(given[1], given[2]) or given
      if lower <= -1 then
        core.raise("RandomZoom: %s must be above -1: there is no zoom to nothing", name)
      end
    end
    image.Layer.init(self)
  end,
  -- One draw serves both axes when there is no width_factor.
  draw = function (self, images)
    local tall = drawn(self, images, self.height_factor)
    return { tall = tall,
      wide = self.width_factor and drawn(self, images, self.width_factor) or tall }
  end,
  matrix = function (_, images, draw)
    local height, width = affine.size(images)
    local tall, wide = draw.tall, draw.wide
    local zero = ops.zeros_like(tall)
    return {
      wide, zero, (width - 1) * 0.5 * (1 - wide), zero, tall, (height - 1) * 0.5 * (1 - tall),
    }
  end,
}
