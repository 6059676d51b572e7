-- RandomPerspective: images as seen from another place.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local warp = require "lunula.ops.warp"
local formats = require "lunula.utils.bounding_boxes.formats"
local affine = require "lunula.layers.preprocessing.image_preprocessing.affine"

-- The corners of a picture of size 1: left and right above, left and right below.
local corners = { { { 0, 0 }, { 1, 0 }, { 0, 1 }, { 1, 1 } } }

return layer "RandomPerspective" {
  parent = image.Layer,
  doc = "in training tilts images, each with a chance drawn from factor; corners move by up to "
    .. "half of scale",
  args = {
    { "factor", image.factor(0, 1), default = 1.0 },
    { "scale", kinds.fraction, default = 1.0 },
    { "interpolation", image.interpolation, default = "bilinear" },
    { "fill_value", kinds.number, default = 0.0 },
    { "seed", kinds.seed },
    image.data_format,
  },
  moves_pixels = true,
  draw = function (self, images)
    local height, width = affine.size(images)
    local last = ops.stack({ width - 1, height - 1 }, 0)
    local each = ops.expand_dims(ops.zeros_like(image.per_image(images)), 2)
    local from = core.tensor(corners, "float32") * last + each
    local moved = image.uniform(self, from, -0.5 * self.scale, 0.5 * self.scale)
    return { chosen = image.chosen(self, images, self.factor), from = from,
      to = from + from * moved }
  end,
  -- The way back of the map, for corners.
  move_boxes = function (_, boxes, draw)
    local there = warp.homography(draw.to, draw.from)
    local function factor(i) return ops.expand_dims(tools.part(there, 1, i, 1), 2) end
    local moved = formats.mapped(boxes, function (x, y)
      local depth = factor(6) * x + factor(7) * y + 1
      return (factor(0) * x + factor(1) * y + factor(2)) / depth,
        (factor(3) * x + factor(4) * y + factor(5)) / depth
    end)
    return ops.where(ops.squeeze(draw.chosen, 3), moved, boxes)
  end,
  transform = function (self, images, draw, interpolation)
    local tilted = ops.image.perspective_transform(images, draw.from, draw.to, interpolation,
      self.fill_value, "channels_last")
    return ops.where(draw.chosen, tilted, images)
  end,
}
