-- UpSampling1D, UpSampling2D, UpSampling3D: every cell becomes a block of equal ones; in two
-- dimensions the new cells may also be interpolated.

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
local function enlarge(self, x, times)
  local axes = {}
  for i = 1, self.rank do axes[i] = spatial.is_first(self) and i + 1 or i end
  if unknown_sizes(x) <= 1 then return at_once(x, axes, times) end
  for i, axis in ipairs(axes) do x = ops["repeat"](x, times[i], axis) end
  return x
end

local function resize(self, x)
  local size = {}
  for i = 1, 2 do
    size[i] = tools.known_size("up-sampling by " .. self.interpolation, x,
      spatial.is_first(self) and i + 1 or i) * self.size[i]
  end
  return ops.image.resize(x, size, self.interpolation, { data_format = self.data_format })
end

return spatial.family("UpSampling%dD", { 1, 2, 3 }, function (rank)
  return {
    doc = rank == 2 and "every cell as a block, or interpolated" or "every cell as a block",
    args = {
      { "size", rank == 1 and kinds.positive or kinds.tuple_of(rank),
        default = spatial.each(rank, 2) },
      rank > 1 and { "data_format", kinds.data_format } or nil,
      rank == 2 and { "interpolation", kinds.one_of { "nearest", "bilinear", "bicubic", "lanczos3",
        "lanczos5" }, default = "nearest" } or nil,
    },
    call = function (self, x)
      if rank == 1 then return enlarge(self, x, { self.size }) end
      if rank == 3 or self.interpolation == "nearest" then return enlarge(self, x, self.size) end
      return resize(self, x)
    end,
  }
end)
