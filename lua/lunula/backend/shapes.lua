-- K's functions that move numbers and change none: axes, repeats, borders, larger images.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local takes = tools.takes

local K = {}

-- The same with one more axis, of size 1.
K.expand_dims = takes("K.expand_dims", "x, axis:axes=-1",
  function (x, axis)
  return ops.expand_dims(x, axis)
end)
-- The same without axes of size 1.
K.squeeze = takes("K.squeeze", "x, axis:axes=nil",
  function (x, axis) return ops.squeeze(x, axis) end)
-- Tensors one after another along the axis.
K.concatenate = takes("K.concatenate", "tensors:tensors, axis:int=-1",
  function (tensors, axis)
  return ops.concatenate(tensors, axis)
end)
-- The axes in the order of pattern.
K.permute_dimensions = takes("K.permute_dimensions", "x, pattern:axes",
  function (x, pattern)
  return ops.transpose(x, pattern)
end)
-- The axes in reverse order.
K.transpose = takes("K.transpose", "x",
  function (x) return ops.transpose(x) end)
-- The values in reverse order along these axes.
K.reverse = takes("K.reverse", "x, axes:axes",
  function (x, axes)
  for _, axis in ipairs(type(axes) == "table" and axes or { axes }) do x = ops.flip(x, axis) end
  return x
end)
-- x, repeated n times along each axis.
K.tile = takes("K.tile", "x, n:sizes",
  function (x, n) return ops.tile(x, n) end)
-- All values along one axis.
K.flatten = takes("K.flatten", "x",
  function (x) return ops.ravel(x) end)
-- Rows of reference, by their numbers from 0.
K.gather = takes("K.gather", "reference, indices",
  function (reference, indices)
  return ops.take(reference, indices, 0)
end)

-- (b, ...) -> (b, all the rest)
K.batch_flatten = takes("K.batch_flatten", "x:data",
  function (x)
  local sizes = tools.sizes(x)
  return ops.reshape(x, { sizes[1], tools.product(table.move(sizes, 2, #sizes, 1, {})) })
end)

-- (b, f) -> (b, n, f)
K["repeat"] = takes("K.repeat", "x:data, n:int", function (x, n)
  if x.rank ~= 2 then core.raise("K.repeat: x must have rank 2, got %d", x.rank) end
  return ops["repeat"](ops.expand_dims(x, 1), n, 1)
end)

-- A sequence (batch, steps, features) with zeros before its first and behind its last step.
K.temporal_padding = takes("K.temporal_padding", "x, padding:any=nil",
  function (x, padding)
  padding = padding or { 1, 1 }
  return ops.pad(x, { { 0, 0 }, padding, { 0, 0 } })
end)

local function spatial_padding(x, padding, data_format)
  if type(padding) ~= "table" then
    core.raise("padding must be a list of {before, after}, got %s", type(padding))
  end
  local widths = { { 0, 0 } }
  if config.layout(data_format) == "channels_first" then widths[2] = { 0, 0 } end
  for _, pair in ipairs(padding) do widths[#widths + 1] = pair end
  if #widths < x.rank then widths[#widths + 1] = { 0, 0 } end
  return ops.pad(x, widths)
end

-- Images with rows and columns of zeros around them: { { top, bottom }, { left, right } }.
K.spatial_2d_padding = takes("K.spatial_2d_padding", "x, padding:any=nil, data_format:str=nil",
  function (x, padding, data_format)
  return spatial_padding(x, padding or { { 1, 1 }, { 1, 1 } }, data_format)
end)
-- Volumes with zeros around them: { before, behind } for each of the three axes.
K.spatial_3d_padding = takes("K.spatial_3d_padding", "x, padding:any=nil, data_format:str=nil",
  function (x, padding, data_format)
  return spatial_padding(x, padding or { { 1, 1 }, { 1, 1 }, { 1, 1 } }, data_format)
end)

-- Every cell becomes a block: factors for each spatial axis.
local function enlarge(x, factors, data_format)
  local first = config.layout(data_format) == "channels_first" and 2 or 1
  for i, factor in ipairs(factors) do x = ops["repeat"](x, factor, first + i - 1) end
  return x
end

-- Images, larger by whole factors.
K.resize_images = takes("K.resize_images",
  "x:data, height_factor:int, width_factor:int, data_format:str=nil, "
    .. "interpolation:str=\"nearest\"",
  function (x, height_factor, width_factor, data_format, interpolation)
    if interpolation == "nearest" then
      return enlarge(x, { height_factor, width_factor }, data_format)
    end
    local first = config.layout(data_format) == "channels_first" and 2 or 1
    local height = tools.known_size("K.resize_images", x, first) * height_factor
    local width = tools.known_size("K.resize_images", x, first + 1) * width_factor
    return ops.image.resize(x, { height, width },
      { interpolation = interpolation, data_format = data_format })
  end)
-- Volumes, larger by whole factors: each cell becomes a block.
K.resize_volumes = takes("K.resize_volumes",
  "x:data, depth_factor:int, height_factor:int, width_factor:int, data_format:str=nil",
  function (x, depth_factor, height_factor, width_factor, data_format)
    return enlarge(x, { depth_factor, height_factor, width_factor }, data_format)
  end)

return K
