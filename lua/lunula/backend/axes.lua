-- K's functions along axes: places, sums so far, softmax, normalization.

local core = require "lunula.core"
local ops = require "lunula.ops"
local takes = require("lunula.ops.tools").takes

local K = {}

-- Where the largest value along the axis stands, from 0.
K.argmax = takes("K.argmax", "x, axis:axes=-1",
  function (x, axis) return ops.argmax(x, axis) end)
-- Where the smallest value along the axis stands, from 0.
K.argmin = takes("K.argmin", "x, axis:axes=-1",
  function (x, axis) return ops.argmin(x, axis) end)
-- Sums of all values up to each along the axis.
K.cumsum = takes("K.cumsum", "x, axis:int=0",
  function (x, axis) return ops.cumsum(x, axis) end)
-- Products of all values up to each along the axis.
K.cumprod = takes("K.cumprod", "x, axis:int=0",
  function (x, axis) return ops.cumprod(x, axis) end)

-- The softmax along the axis, of a tensor with two axes or more.
K.softmax = takes("K.softmax", "x:data, axis:int=-1",
  function (x, axis)
  if x.rank <= 1 then core.raise("K.softmax: x has rank %d; it needs 2 or more", x.rank) end
  return ops.softmax(x, axis)
end)

-- Vectors along the axis, divided by their length.
K.l2_normalize = takes("K.l2_normalize", "x:data, axis:axes=nil",
  function (x, axis)
  return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis, true), 1e-12))
end)

-- x less the mean, by the root of the variance, times gamma, plus beta.
K.batch_normalization = takes("K.batch_normalization",
  "x, mean, var, beta=nil, gamma=nil, axis:any=nil, epsilon:num=1e-3",
  function (x, mean, var, beta, gamma, _, epsilon)
    local y = (x - mean) * ops.rsqrt(var + epsilon)
    if gamma ~= nil then y = y * gamma end
    if beta ~= nil then y = y + beta end
    return y
  end)

-- Whether the target is among the k largest predictions, row by row.
K.in_top_k = takes("K.in_top_k", "predictions, targets, k:int",
  function (predictions, targets, k)
  return ops.in_top_k(targets, predictions, k)
end)

return K
