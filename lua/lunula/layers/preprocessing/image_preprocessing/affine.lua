-- The parent of the layers that move pixels by an affine map: rotation, translation, zoom.
--
-- `matrix(self, images, draw)` gives a0, a1, a2, b0, b1, b2 as columns (b, 1): the pixel (x, y) of
-- the result is that at (a0 x + a1 y + a2, b0 x + b1 y + b2).

local base = require "lunula.layers.base"
local kinds = require "lunula.kinds"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local formats = require "lunula.utils.bounding_boxes.formats"

local affine = {}

-- The rows that follow the factors.
function affine.args(factors)
  local common = {
    { "fill_mode", image.fill_mode, default = "reflect" },
    { "interpolation", image.interpolation, default = "bilinear" },
    { "seed", kinds.seed },
    { "fill_value", kinds.number, default = 0.0 },
    image.data_format,
  }
  return table.move(common, 1, #common, #factors + 1, factors)
end

-- {lower, upper} of a factor that was kept as it was given.
function affine.bounds(factor)
  if type(factor) == "number" then return -math.abs(factor), math.abs(factor) end
  return math.min(factor[1], factor[2]), math.max(factor[1], factor[2])
end

-- Height and width of the images as scalars; they need not be known.
function affine.size(images)
  return ops.cast(ops.dim(images, 1), "float32"), ops.cast(ops.dim(images, 2), "float32")
end

affine.Affine = base.layer "RandomAffine" {
  parent = image.Layer, abstract = true,
  doc = "moves pixels by a random affine map",
  moves_pixels = true,
  -- The way back of the map, for corners.
  move_boxes = function (self, boxes, draw, images)
    local a0, a1, a2, b0, b1, b2 = table.unpack(self:matrix(images, draw))
    local function beside(column) return ops.expand_dims(column, 2) end
    local right, down = beside(a2), beside(b2)
    local det = beside(a0 * b1 - a1 * b0)
    a0, a1, b0, b1 = beside(a0), beside(a1), beside(b0), beside(b1)
    return formats.mapped(boxes, function (x, y)
      x, y = x - right, y - down
      return (b1 * x - a1 * y) / det, (a0 * y - b0 * x) / det
    end)
  end,
  transform = function (self, images, draw, interpolation)
    local columns = self:matrix(images, draw)
    local nothing = ops.zeros_like(columns[1])
    columns[7], columns[8] = nothing, nothing
    return ops.image.affine_transform(images, ops.concatenate(columns, 1), interpolation,
      self.fill_mode, self.fill_value, "channels_last")
  end,
}

return affine
