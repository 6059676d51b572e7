-- What follows from singular values: generalised inverses, least squares, the rank. The values come
-- from a row of C (ops/decompose.c), which has their gradients.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.family "linalg"

local epsilon <const> = 2 ^ -23 -- of float32

-- The larger side of the matrices, times a number.
local function times_side(x, factor)
  local side = tools.max(tools.size(x, x.rank - 2), tools.size(x, x.rank - 1))
  return tools.is_known(side) and side * factor or ops.cast(side, "float32") * factor
end

local function need_matrices(name, x)
  if x.rank < 2 then
    core.raise("%s: x has matrices in its last two axes, got %s", name, tools.shape_text(x.shape))
  end
end

-- 1 / s where s is beyond the limit, else 0.
local function inverted(s, is_kept)
  return ops.where(is_kept, 1 / ops.where(is_kept, s, 1), 0)
end

op("pinv", "x, rcond:value=nil", "The generalised inverse of matrices, by their singular values; "
  .. "those up to rcond times the largest count as 0.", function (x, rcond)
  need_matrices("pinv", x)
  x = tools.float(x)
  if rcond == nil then rcond = times_side(x, 10 * epsilon) end
  if core.is_tensor(rcond) and rcond.rank > 0 then rcond = ops.expand_dims(rcond, -1) end
  local u, s, vh = ops.svd(x, false)
  local limit = ops.max(s, -1, true, 0) * rcond
  local scaled = u * ops.expand_dims(inverted(s, ops.less(limit, s)), -2)
  return ops.matmul(ops.swapaxes(vh, -1, -2), ops.swapaxes(scaled, -1, -2))
end)

op("matrix_rank", "x, tol:value=nil", "How many singular values of the matrices are beyond tol.",
  function (x, tol)
    need_matrices("matrix_rank", x)
    x = tools.float(x)
    local s = ops.svd(x, { compute_uv = false })
    if tol == nil then
      tol = ops.max(s, -1, true, 0) * times_side(x, epsilon)
    elseif core.is_tensor(tol) and tol.rank > 0 then
      tol = ops.expand_dims(tol, -1)
    end
    return ops.sum(ops.cast(ops.less(tol, s), "int32"), -1)
  end)

op("lstsq", "a, b, rcond:value=nil", "The least x with the least a . x - b; singular values below "
  .. "rcond times the largest count as 0.", function (a, b, rcond)
  local rows, other = a.shape[1], b.shape[1]
  if a.rank ~= 2 or b.rank ~= 1 and b.rank ~= 2 or rows and other and rows ~= other then
    core.raise("lstsq: a is a matrix, b a vector or a matrix with as many rows: a is %s, b is %s",
      tools.shape_text(a.shape), tools.shape_text(b.shape))
  end
  a, b = tools.float(a), tools.float(b)
  if rcond == nil then
    rcond = times_side(a, epsilon)
  elseif not core.is_tensor(rcond) then
    rcond = rcond < 0 and epsilon or rcond
  else
    rcond = ops.where(ops.less(rcond, 0), epsilon, rcond)
  end
  local u, s, vh = ops.svd(a, false)
  local kept = ops.greater_equal(s, ops.max(s, 0, true, 0) * rcond)
  local right = b.rank == 1 and ops.expand_dims(b, 1) or b
  local x = ops.expand_dims(inverted(s, kept), 1) * ops.matmul(ops.transpose(u), right)
  x = ops.matmul(ops.transpose(vh), x)
  return b.rank == 1 and ops.squeeze(x, 1) or x
end)
