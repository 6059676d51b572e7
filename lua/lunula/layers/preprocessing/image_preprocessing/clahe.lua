-- ContrastLimitedAdaptiveHistogramEqualization: each part of an image spread by its own histogram.
--
-- The image is cut into tiles. A tile's histogram, cut off at clip_limit, gives the curve of its
-- middle; a pixel takes the four curves around it, mixed by how near they are.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local LEVELS = 256

-- The curve of each tile: (b, rows, columns, c, 256). tiles: (b, rows, columns, c, pixels).
local function curves(tiles, count, clip_limit)
  local level = ops.clip(ops.cast(tiles, "int32"), 0, LEVELS - 1)
  local histogram = ops.sum(ops.one_hot(level, LEVELS), -2)
  if clip_limit > 0 then
    local cut = ops.minimum(histogram, clip_limit * count / LEVELS)
    histogram = cut + ops.sum(histogram - cut, -1, true) / LEVELS
  end
  local sum = ops.cumsum(histogram, -1)
  local least = ops.min(sum, -1, true)
  local whole = count - least
  return ops.clip((sum - least) * 255 / ops.where(ops.equal(whole, 0), 1, whole), 0, 255)
end

-- Edges repeated once, so that pixels beyond the outermost middles have four curves too.
local function bordered(x, axis, count)
  return ops.concatenate({
    tools.part(x, axis, 0, 1), x, tools.part(x, axis, count - 1, 1),
  }, axis)
end

-- For each pixel of an axis the curve before it, the one behind, and how near that is.
local function neighbours(tile, count)
  local at = (ops.arange(0, tile * count, 1, "float32") - tile / 2) / tile + 1
  local before = ops.floor(at)
  local function curve(x) return ops.cast(ops.clip(x, 0, count + 1), "int32") end
  return curve(before), curve(before + 1), at - before
end

-- Rows (or columns) of an image repeated in reverse at its end, up to a multiple of `count`.
local function filled(x, axis, size, count)
  local tile = (size + count - 1) // count
  if tools.is_known(size) and tile * count > 2 * size then
    core.raise("images %d pixels %s are too small for %d tiles: give a smaller tile_grid_size",
      size, axis == 1 and "high" or "wide", count)
  end
  if tools.is_known(size) and tile * count == size then return x, tile end
  local at = ops.arange(0, tile * count, 1, "int32")
  return ops.take(x, ops.minimum(at, 2 * size - 1 - at), axis), tile
end

local function equalized(self, x)
  local rows, columns = self.tile_grid_size[1], self.tile_grid_size[2]
  local height, width, c = tools.size(x, 1), tools.size(x, 2), tools.size(x, 3)
  local padded, tall, wide
  padded, tall = filled(x, 1, height, rows)
  padded, wide = filled(padded, 2, width, columns)
  local tiles = ops.transpose(ops.reshape(padded, { -2, rows, tall, columns, wide, c }),
    { 0, 1, 3, 5, 2, 4 })
  tiles = ops.reshape(tiles, { -2, rows, columns, c, tall * wide })
  local curve = curves(tiles, tall * wide, self.clip_limit)
  curve = bordered(bordered(curve, 1, rows), 2, columns)
  local y0, y1, below = neighbours(tall, rows)
  local x0, x1, beside = neighbours(wide, columns)
  local level = ops.cast(ops.clip(padded, 0, 255), "int32")
  local image_number = ops.iota_like(level, 0)
  local channel = ops.iota_like(level, 3)
  local function value(y, at)
    y, at = ops.reshape(y, { 1, -1, 1, 1 }), ops.reshape(at, { 1, 1, -1, 1 })
    local place = ((image_number * (rows + 2) + y) * (columns + 2) + at) * c + channel
    return ops.take(ops.reshape(curve, { -1 }), place * LEVELS + level, 0)
  end
  beside, below = ops.reshape(beside, { 1, 1, -1, 1 }), ops.reshape(below, { 1, -1, 1, 1 })
  local above = value(y0, x0) * (1 - beside) + value(y0, x1) * beside
  local under = value(y1, x0) * (1 - beside) + value(y1, x1) * beside
  local result = above * (1 - below) + under * below
  return tools.part(tools.part(result, 1, 0, height), 2, 0, width)
end

return layer "ContrastLimitedAdaptiveHistogramEqualization" {
  parent = image.Layer,
  doc = "spreads the values of each part of an image by its own histogram, cut off at clip_limit",
  args = {
    { "value_range", image.value_range, default = { 0, 255 } },
    { "clip_limit", kinds.number, default = 4.0,
      doc = "how far a bin may rise above the mean one; the rest is spread" },
    { "tile_grid_size", kinds.tuple_of(2), default = { 8, 8 },
      doc = "how many tiles there are, down and across" },
    image.data_format,
  },
  random = false,
  transform = function (self, images)
    local dtype = images.dtype
    local x = image.rescale(tools.cast(images, "float32"), self.value_range, { 0, 255 })
    return tools.cast(image.rescale(equalized(self, x), { 0, 255 }, self.value_range), dtype)
  end,
}
