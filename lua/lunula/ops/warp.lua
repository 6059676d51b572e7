-- ops.image: what moves pixels about. Each pixel of the result is taken from a place in the images,
-- between the pixels as a mixture of its neighbours.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"
local unified = require("lunula.ops.layouts").unified
local random = require "lunula.ops.random"
local solving = require "lunula.ops.solve"

local ops = core.ops
local declare = tools.family "image"
local warp = {}

local function op(name, ...)
  declare("image." .. name, ...)
end

-- ---- pixels between the pixels ----------------------------------------------------------------

-- A position beyond the edge as one inside; `size` is a scalar tensor. The steps of reflect are
-- TensorFlow's. Its wrap goes round by one less than the size, which no other backend does: here
-- what lies between the last pixel and the first is a mixture of both.
local inside = {
  constant = function (at, size) return ops.clip(at, -2, size + 1) end,
  nearest = function (at, size) return ops.clip(at, 0, size - 1) end,
  wrap = function (at) return at end,
  mirror = function (at, size)
    local last = size - 1
    return ops.abs(ops.mod(at + last, ops.maximum(last * 2, 1)) - last)
  end,
  reflect = function (at, size)
    local round = size * 2
    local below = at + round * ops.floor(-at / round)
    below = ops.where(ops.less(below, -size), below + round, -below - 1)
    local above = at - round * ops.floor(at / round)
    above = ops.where(ops.less_equal(size, above), round - above - 1, above)
    return ops.clip(ops.where(ops.less(at, 0), below, above), 0, size - 1)
  end,
}

local function bounded(at, size, fill_mode)
  return inside[fill_mode](at, ops.cast(size, "float32"))
end

-- The neighbours of a position along an axis, each with its weight.
local function neighbours(position, interpolation)
  if interpolation == "nearest" then
    local away = ops.sign(position) * ops.floor(ops.abs(position) + 0.5)
    return { { ops.cast(away, "int32") } }
  end
  local below = ops.floor(position)
  local share = position - below
  below = ops.cast(below, "int32")
  return { { below, 1 - share }, { below + 1, share } }
end

local function check_options(name, interpolation, fill_mode)
  if interpolation ~= "nearest" and interpolation ~= "bilinear" then
    core.raise("image.%s: interpolation must be nearest or bilinear, got \"%s\"", name,
      interpolation)
  elseif not inside[fill_mode] then
    core.raise("image.%s: fill_mode must be constant, nearest, wrap, mirror or reflect, got "
      .. "\"%s\"", name, fill_mode)
  end
end

-- What pixels have at these rows and columns, (batch, height, width) each.
function warp.sampled(pixels, row, column, interpolation, fill_mode, fill_value)
  local height, width = ops.dim(pixels, 1), ops.dim(pixels, 2)
  local rows = neighbours(bounded(row, height, fill_mode), interpolation)
  local columns = neighbours(bounded(column, width, fill_mode), interpolation)
  local all = ops.reshape(pixels, { -1, tools.size(pixels, 3) })
  local first = ops.iota_like(row, 0) * height * width
  local function cell(at, size)
    return fill_mode == "wrap" and ops.mod(at, size) or ops.clip(at, 0, size - 1)
  end
  local sum
  for _, near_y in ipairs(rows) do
    for _, near_x in ipairs(columns) do
      local at_y, at_x = cell(near_y[1], height), cell(near_x[1], width)
      local value = ops.gather(all, first + at_y * width + at_x)
      if fill_mode == "constant" then
        local here = ops.equal(at_y, near_y[1]) & ops.equal(at_x, near_x[1])
        value = ops.where(ops.expand_dims(here, 3), value, fill_value)
      end
      if near_y[2] then value = value * ops.expand_dims(near_y[2] * near_x[2], 3) end
      sum = sum and sum + value or value
    end
  end
  return sum
end

-- The first channel alone: the sizes of what each pixel has one of.
local function grid_of(pixels) return ops.squeeze(tools.part(pixels, 3, 0, 1), 3) end

-- ---- maps of the plane ------------------------------------------------------------------------

local function check_transform(images, transform)
  local shape, batch = transform.shape, images.rank == 3 and 1 or images.shape[1]
  local n, rows = shape[#shape], #shape == 1 and 1 or shape[1]
  local fits = (#shape == 1 or #shape == 2) and (not n or n == 8)
  if not fits or rows and batch and rows ~= 1 and rows ~= batch then
    core.raise("image.affine_transform: transform is (8,) or (batch, 8): images are %s, "
      .. "transform is %s", tools.shape_text(images.shape), tools.shape_text(shape))
  end
end

-- One transform for each image, or one for all: what was not known to fit must turn out so.
local function transforms(pixels, transform)
  if transform.rank == 1 then transform = ops.expand_dims(transform, 0) end
  transform = tools.with_size(transform, 1, 8)
  local rows, batch = transform.shape[1], pixels.shape[1]
  if rows == 1 or rows and rows == batch then return transform end
  return ops.broadcast_to(transform, { tools.size(pixels, 0), 8 })
end

-- Where each pixel of the result comes from, (batch, height, width) each, and where that is
-- nowhere: at the vanishing line.
local function sources(grid, transform)
  local function factor(i) return ops.expand_dims(tools.part(transform, 1, i, 1), 2) end
  local y, x = ops.iota_like(grid, 1), ops.iota_like(grid, 2)
  local depth = x * factor(6) + y * factor(7) + 1
  local nowhere = ops.equal(depth, 0)
  depth = ops.where(nowhere, 1, depth)
  local row = (x * factor(3) + y * factor(4) + factor(5)) / depth
  return row, (x * factor(0) + y * factor(1) + factor(2)) / depth, nowhere
end

local function transformed(pixels, transform, interpolation, fill_mode, fill_value)
  local row, column, nowhere = sources(grid_of(pixels), tools.float(transform))
  local y = warp.sampled(pixels, row, column, interpolation, fill_mode, fill_value)
  return ops.where(ops.expand_dims(nowhere, 3), fill_value, y)
end

op("affine_transform", "images, transform, interpolation:str=\"bilinear\", "
  .. "fill_mode:str=\"constant\", fill_value:num=0, data_format:str=nil",
  "Each pixel (x, y) from (a0 x + a1 y + a2, b0 x + b1 y + b2) / (c0 x + c1 y + 1): transform has "
  .. "a0, a1, a2, b0, b1, b2, c0, c1, for each image or for all.",
  function (images, transform, interpolation, fill_mode, fill_value, data_format)
    check_options("affine_transform", interpolation, fill_mode)
    local pixels, back = unified("affine_transform", images, data_format)
    check_transform(images, transform)
    return back(transformed(pixels, transforms(pixels, transform), interpolation, fill_mode,
      fill_value))
  end)

local function check_points(name, points)
  local shape = points.shape
  local n = #shape
  if (n ~= 2 and n ~= 3) or (shape[n - 1] or 4) ~= 4 or (shape[n] or 2) ~= 2 then
    core.raise("image.perspective_transform: %s are (4, 2), or (batch, 4, 2): they are %s", name,
      tools.shape_text(shape))
  end
  if n == 2 then points = ops.expand_dims(points, 0) end
  return tools.float(tools.with_size(tools.with_size(points, 1, 4), 2, 2))
end

-- The transform by which each pixel comes from where it was: it maps `to` to `from`. Both are
-- (batch, 4, 2); the corners give eight equations.
function warp.homography(from, to)
  local x, y = tools.part(from, 2, 0, 1), tools.part(from, 2, 1, 1)
  local one = ops.ones_like(x)
  local place = ops.concatenate({ to, one }, 2)
  local none = ops.zeros_like(place)
  local left = ops.concatenate({
    ops.concatenate({ place, none, to * -x }, 2),
    ops.concatenate({ none, place, to * -y }, 2),
  }, 1)
  local solved = solving.solve(left, ops.concatenate({ x, y }, 1), 8)
  return ops.squeeze(solving.check_numbers({ from, to }, solved,
    "image.perspective_transform: no perspective brings the start_points to the end_points; three "
      .. "of the end_points lie on a line, or two are the same"), 2)
end

op("perspective_transform", "images, start_points, end_points, interpolation:str=\"bilinear\", "
  .. "fill_value:num=0, data_format:str=nil",
  "The images with what was at the four start_points (x, y) at the four end_points.",
  function (images, start_points, end_points, interpolation, fill_value, data_format)
    check_options("perspective_transform", interpolation, "constant")
    local pixels, back = unified("perspective_transform", images, data_format)
    local from = check_points("start_points", start_points)
    local to = check_points("end_points", end_points)
    local rows, others, batch = from.shape[1], to.shape[1], pixels.shape[1]
    if rows and others and rows ~= others or rows and rows ~= 1 and batch and rows ~= batch then
      core.raise("image.perspective_transform: images are %s, start_points are %s, end_points "
        .. "are %s", tools.shape_text(images.shape), tools.shape_text(start_points.shape),
        tools.shape_text(end_points.shape))
    end
    return back(transformed(pixels, transforms(pixels, warp.homography(from, to)), interpolation,
      "constant", fill_value))
  end)

-- ---- elastic images ---------------------------------------------------------------------------

-- Weights of a Gauss curve between all places of an axis, cut off 3 whole sigma away: a product
-- with it blurs the axis. sigma may be a tensor; the curve is taken to fit into the axis then.
local function blurring(at, size, sigma)
  local reach = type(sigma) == "number" and 3 * math.floor(sigma) or 3 * ops.floor(sigma)
  local function curve(distance)
    local z = distance / sigma
    return ops.where(ops.less_equal(distance, reach), ops.exp(z * z * -0.5), 0)
  end
  local far = type(reach) == "number" and reach + 1 or size
  local half = curve(ops.arange(0, far, 1, "float32"))
  local distance = ops.abs(ops.expand_dims(at, 1) - ops.expand_dims(at, 0))
  return curve(ops.cast(distance, "float32")) / (ops.sum(half) * 2 - 1)
end

-- How far each pixel of a batch is moved along x and along y, (batch, height, width) each: noise
-- that is blurred over sigma pixels.
function warp.field(pixels, alpha, sigma, seed)
  local grid = grid_of(pixels)
  local function along(axis, others)
    local at = ops.iota_like(ops.sum(grid, others), 0)
    return blurring(at, tools.size(grid, axis), sigma)
  end
  local tall, wide = along(1, { 0, 2 }), along(2, { 0, 1 })
  local noise = random.normal(ops.stack({ grid, grid }, 0), 0, 1, nil, seed) * sigma
  return ops.unstack(ops.matmul(ops.matmul(tall, noise), wide) * alpha, 2, 0)
end

-- Each pixel from as far away as the field says.
function warp.displaced(pixels, right, down, interpolation, fill_mode, fill_value)
  local row, column = ops.iota_like(right, 1) + down, ops.iota_like(right, 2) + right
  return warp.sampled(pixels, row, column, interpolation, fill_mode, fill_value)
end

op("elastic_transform", "images, alpha:num=20.0, sigma:num=5.0, interpolation:str=\"bilinear\", "
  .. "fill_mode:str=\"reflect\", fill_value:num=0.0, seed:any=nil, data_format:str=nil",
  "Images pulled about as if on rubber: by noise that is blurred over sigma pixels, times alpha.",
  function (images, alpha, sigma, interpolation, fill_mode, fill_value, seed, data_format)
    check_options("elastic_transform", interpolation, fill_mode)
    if not (sigma > 0 and sigma <= 1 << 16) then -- its curve is summed up, point by point
      core.raise("image.elastic_transform: sigma must be above 0 and at most %d, got %g", 1 << 16,
        sigma)
    end
    local pixels, back = unified("elastic_transform", images, data_format)
    local x = tools.float(pixels)
    local right, down = warp.field(x, alpha, sigma, seed)
    return back(warp.displaced(x, right, down, interpolation, fill_mode, fill_value))
  end)

return warp
