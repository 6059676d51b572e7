-- RandomSharpness: every image blurred or sharpened by an amount of its own.

local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local tools = require "lunula.ops.tools"

-- Every pixel with its two neighbours along an axis; there is nothing beyond the edge.
local function three(x, axis)
  local size, wide = tools.size(x, axis), tools.pad(x, axis, 1, 1, 0)
  return tools.part(wide, axis, 0, size) + x + tools.part(wide, axis, 2, size)
end

-- The middle weighs 5 of 13, each of its neighbours 1.
local function blurred(x)
  return (three(three(x, 1), 2) + x * 4) / 13
end

return layer "RandomSharpness" {
  parent = image.Layer,
  doc = "in training from blurred (factor 0) over unchanged (0.5) to sharp (1), drawn from factor",
  args = image.colour_args(0),
  draw = image.drawn_factor,
  transform = function (self, images, draw)
    return image.clip(self, images + (1 - draw * 2) * (blurred(images) - images))
  end,
}
