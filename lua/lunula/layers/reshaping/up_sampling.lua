-- UpSampling1D, UpSampling2D, UpSampling3D: every cell becomes a block of equal ones; in two
-- dimensions the new cells may also be interpolated.

local interpolations = require "lunula.ops.interpolation"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local spatial = require "lunula.layers.base.spatial"
local tools = require "lunula.ops.tools"

local function unknown_sizes(x)
  local count = 0
  for _, size in ipairs(x.shape) do
    if not size then count = count + 1 end
  end
  return count
end

-- One pass: an axis of `times` copies behind each spatial axis, then both as one.
local function at_once(x, axes, times)
  local split, repeated, merged = {}, {}, {}
  for i, size in ipairs(tools.sizes(x)) do
    split[#split + 1], repeated[#repeated + 1] = size, size
    merged[#merged + 1] = size < 0 and -1 or size
    for k, axis in ipairs(axes) do
      if axis == i - 1 then
        split[#split + 1], repeated[#repeated + 1] = 1, times[k]
        merged[i] = size < 0 and -1 or size * times[k]
      end
    end
  end
  for i, size in ipairs(repeated) do
    if size < 0 then repeated[i] = -1 - i end   -- counted in the split shape
  end
  return ops.reshape(ops.broadcast_to(ops.reshape(x, split), repeated), merged)
end

-- Of several unknown sizes a reshape could not find each, so it goes axis by axis.
local function enlarge(x, times, first)
  local axes = {}
  for i = 1, #times do axes[i] = first + i - 1 end
  if unknown_sizes(x) <= 1 then return at_once(x, axes, times) end
  for i, axis in ipairs(axes) do x = ops["repeat"](x, times[i], axis) end
  return x
end

-- Interpolation: new cell i stands at (i + 1/2) / times - 1/2, so what cell j gives to it depends
-- on i - j times alone. Along one axis: these weights, and how many of them are before the cell's
-- own new cells and behind them.
local function spread_of(interpolation, times)
  if times == 1 then return { 1 }, 0, 0 end
  local radius, weight = interpolation.radius, interpolation.weight
  local first = math.floor((0.5 - radius) * times - 0.5) + 1
  local last = math.ceil((0.5 + radius) * times - 0.5) - 1
  local list = {}
  for i = first, last do
    list[#list + 1] = weight(math.abs((i + 0.5) / times - 0.5))
  end
  return list, -first, last + 1 - times
end

-- So it is the gradient of a convolution with those weights in strides, each channel by itself. The
-- weights that a new cell finds inside the image count as 1 together: it is divided by their sum,
-- the new cell of an image of ones.
local function interpolate(self, x)
  local kind, times = interpolations[self.interpolation], self.size
  local rows, top, bottom = spread_of(kind, times[1])
  local columns, left, right = spread_of(kind, times[2])
  local kernel = ops.outer(rows, columns)
  x = spatial.enter(self, x)
  local function spread(image, count)
    local weights = ops.broadcast_to(ops.reshape(kernel, { #rows, #columns, 1, 1 }),
      { #rows, #columns, 1, count })
    return ops.convolution_input_gradient(image, weights, enlarge(image, times, 1), times, nil,
      false, { top, left }, { bottom, right })
  end
  local one = ops.ones_like(ops.slice_steps(x, { 0, 0, 0, 0 }, nil, { 1, -1, -1, 1 }))
  return spatial.leave(self, spread(x, tools.size(x, 3)) / spread(one, 1))
end

return spatial.family("UpSampling%dD", { 1, 2, 3 }, function (rank)
  return {
    doc = rank == 2 and "every cell as a block, or interpolated" or "every cell as a block",
    args = {
      { "size", rank == 1 and kinds.positive or kinds.tuple_of(rank),
        default = spatial.each(rank, 2), spread = rank > 1 },
      rank > 1 and { "data_format", kinds.data_format } or nil,
      rank == 2 and { "interpolation", kinds.one_of { "nearest", "bilinear", "bicubic", "lanczos3",
        "lanczos5" }, default = "nearest" } or nil,
    },
    call = function (self, x)
      if rank == 2 and self.interpolation ~= "nearest" then return interpolate(self, x) end
      return enlarge(x, rank == 1 and { self.size } or self.size, spatial.is_first(self) and 2 or 1)
    end,
  }
end)
