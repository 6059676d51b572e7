-- Normalisation: moments, and everything that subtracts a mean and divides by a deviation. Of whole
-- numbers moments, layer_normalization and rms_normalization give whole numbers, as Keras does.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.family "nn"

-- Whether the axes are all but the last, and the row of moments pays: its loops run along the last.
local function by_columns(x, axes)
  local channels, list = x.shape[x.rank], tools.axes("moments", axes, x.rank)
  for _, axis in ipairs(list) do
    if axis == x.rank - 1 then return false end
  end
  return #list >= 2 and #list == x.rank - 1 and channels and channels >= 16
end

-- Moments of equally many numbers each, along an axis, become those of all.
local function joined(mean, variance, axes)
  local all = ops.mean(mean, axes, true)
  return all, ops.mean(variance + ops.square(mean - all), axes, true)
end

op("moments", "x, axes:axes?, keepdims:bool=false, synchronized:bool=false",
  "The mean and the variance: two results.", function (x, axes, keepdims, synchronized)
    if synchronized then core.raise("moments: synchronized=true needs more than one machine") end
    if not (tools.is_float(x) and by_columns(x, axes)) then
      return tools.like(ops.mean(x, axes, keepdims), x), tools.like(ops.var(x, axes, keepdims), x)
    end
    local mean, variance = ops.column_moments(x)
    mean, variance = joined(mean, variance, 0)
    if keepdims then return mean, variance end
    return ops.reshape(mean, { -1 }), ops.reshape(variance, { -1 })
  end)

op("normalize", "x, axis:axes?=-1, order:int=2, epsilon:num=nil",
  "x divided by its norm, which counts as at least epsilon.", function (x, axis, order, epsilon)
    if order < 1 then core.raise("normalize: order must be 1 or more, got %d", order) end
    x, epsilon = tools.float(x), epsilon or config.epsilon()
    if order == 2 then
      local sum = ops.sum(ops.square(x), axis, true)
      return x * ops.rsqrt(ops.maximum(sum, epsilon * epsilon))
    end
    return x / ops.maximum(ops.norm(x, order, axis, true), epsilon)
  end)

-- A vector of one axis, so that it lies along that axis of x.
local function along(v, x, axis)
  if v == nil or axis == x.rank - 1 then return v end
  local shape = tools.fill(x.rank, 1)
  shape[axis + 1] = -1
  return ops.reshape(v, shape)
end

op("batch_normalization",
  "x, mean, variance, axis:int, offset=nil, scale=nil, epsilon:num=1e-3",
  "(x - mean) / sqrt(variance + epsilon) * scale + offset, with vectors along an axis.",
  function (x, mean, variance, axis, offset, scale, epsilon)
    axis = tools.axis("batch_normalization", axis, x.rank)
    local factor = ops.rsqrt(variance + epsilon)
    if scale ~= nil then factor = factor * scale end
    local shift = -mean * factor
    if offset ~= nil then shift = shift + offset end
    return x * along(factor, x, axis) + along(shift, x, axis)
  end, { file_class = "nn.BatchNorm" })

-- gamma and beta have the sizes of the normalised axes; they are laid along them.
local function over_axes(v, x, axes)
  if v == nil or v.rank == x.rank or (#axes == 1 and axes[1] == x.rank - 1) then return v end
  local shape, sizes = tools.fill(x.rank, 1), x.shape
  for _, axis in ipairs(axes) do shape[axis + 1] = sizes[axis + 1] or -1 end
  return ops.reshape(v, shape)
end

-- The fused row takes the last axes, in order, of known sizes.
local last_axes = tools.row "layer_normalization"

local function are_last(x, axes)
  local shape = x.shape
  for i, axis in ipairs(axes) do
    if axis ~= x.rank - #axes + i - 1 or not shape[axis + 1] then return false end
  end
  return #axes > 0
end

-- v, or one number everywhere, with the sizes of the axes.
local function filled(v, number, x, axes)
  if v ~= nil then return v end
  return ops.full(table.move(x.shape, axes[1] + 1, x.rank, 1, {}), number)
end

-- Whether the vectors, if there, have the sizes of the axes and nothing more.
local function lie_there(axes, ...)
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    if v ~= nil and v.rank ~= #axes then return false end
  end
  return true
end

local function fused(x, gamma, beta, axes, epsilon, centre)
  return (last_axes(x, filled(gamma, 1, x, axes), filled(beta, 0, x, axes),
    epsilon or config.epsilon(), centre))
end

op("layer_normalization",
  "x, gamma=nil, beta=nil, axis:axes=-1, epsilon:num=nil, rms_scaling:bool=false",
  "x with mean 0 and variance 1 over the axes, times gamma plus beta.",
  function (x, gamma, beta, axis, epsilon, rms_scaling)
    local axes = tools.axes("layer_normalization", axis, x.rank)
    table.sort(axes)
    if tools.is_float(x) and not rms_scaling and are_last(x, axes)
      and lie_there(axes, gamma, beta) then
      return fused(x, gamma, beta, axes, epsilon, true)
    end
    gamma, beta = over_axes(gamma, x, axes), over_axes(beta, x, axes)
    local given = x
    x = tools.float(x)
    local centred = x - ops.mean(x, axes, true)
    local variance = ops.mean(ops.square(centred), axes, true)
    local y = (rms_scaling and x or centred) * ops.rsqrt(variance + (epsilon or config.epsilon()))
    if gamma ~= nil then y = y * gamma end
    if beta ~= nil and not rms_scaling then y = y + beta end
    return tools.like(y, given)
  end, { file_class = "nn.LayerNorm" })

op("rms_normalization", "x, scale=nil, axis:axes?=-1, epsilon:num=nil",
  "x divided by its root mean square over the axes, times scale.",
  function (x, scale, axis, epsilon)
    local axes = tools.axes("rms_normalization", axis, x.rank)
    table.sort(axes)
    if tools.is_float(x) and are_last(x, axes) and lie_there(axes, scale) then
      return fused(x, scale, nil, axes, epsilon, false)
    end
    local given = x
    x = tools.float(x)
    local y = x * ops.rsqrt(ops.mean(ops.square(x), axes, true) + (epsilon or config.epsilon()))
    if scale ~= nil then y = y * over_axes(scale, x, axes) end
    return tools.like(y, given)
  end, { file_class = "nn.RMSNorm" })
