-- Random rectangles, one an image: what RandomErasing and CutMix cut out.

local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local affine = require "lunula.layers.preprocessing.image_preprocessing.affine"
local ops = require "lunula.ops"

local rectangles = {}

-- Where a stretch of this share of a side begins and ends, at random.
local function stretch(self, images, size, share)
  local length = share * size
  local first = image.one_per_image(self, images, 0, 1) * (size - length)
  return first, first + length
end

-- {x0, x1, y0, y1}, each (b, 1): rectangles of these shares of width and height.
function rectangles.draw(self, images, wide, tall)
  local height, width = affine.size(images)
  local x0, x1 = stretch(self, images, width, wide)
  local y0, y1 = stretch(self, images, height, tall)
  return { x0, x1, y0, y1 }
end

-- Which pixels are inside: (b, height, width, 1).
function rectangles.mask(images, rectangle)
  local one = ops.slice_steps(images, { 0, 0, 0, 0 }, nil, { -1, -1, -1, 1 })
  local y, x = ops.iota_like(one, 1), ops.iota_like(one, 2)
  local function within(at, first, last)
    at = ops.cast(at, "float32")
    return ops.logical_and(ops.less_equal(image.over_pixels(first), at),
      ops.less(at, image.over_pixels(last)))
  end
  return ops.logical_and(within(x, rectangle[1], rectangle[2]),
    within(y, rectangle[3], rectangle[4]))
end

-- The share of the image that lies outside: (b, 1).
function rectangles.outside(images, rectangle)
  local height, width = affine.size(images)
  return 1 - (rectangle[2] - rectangle[1]) * (rectangle[4] - rectangle[3]) / (width * height)
end

return rectangles
