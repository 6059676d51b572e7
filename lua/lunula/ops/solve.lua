-- Matrices taken apart: systems of equations, determinants, triangles. Each algorithm is one step
-- over the columns, run by scan; rows and columns are picked by comparing positions, so that a
-- batch of matrices takes the same steps. Gradients are those of the steps.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.family "linalg"

-- The matrices, which must be square, and their size.
local function square(name, x)
  local shape = x.shape
  local rows, columns = shape[#shape - 1], shape[#shape]
  if #shape < 2 or rows and columns and rows ~= columns then
    core.raise("%s: square matrices are needed, x is %s", name, tools.shape_text(shape))
  end
  local n = rows or columns or tools.size(x, #shape - 2)
  return tools.with_size(tools.with_size(x, #shape - 1, n), #shape - 2, n), n
end

-- step(k, carries...) -> carries..., for each column k; a scalar tensor.
local function over_columns(n, carries, step)
  return table.unpack((core.scan(function (states, rows)
    return { step(rows[1], table.unpack(states)) }
  end, carries, { tools.positions(n) })))
end

-- 1 in the row (column) of number k, else 0: to be multiplied with matrices like x.
local function row_mask(x, k)
  return ops.cast(ops.equal(ops.iota_like(x, -2), k), "float32")
end
local function column_mask(x, k)
  return ops.cast(ops.equal(ops.iota_like(x, -1), k), "float32")
end

-- ---- elimination ------------------------------------------------------------------------------

-- Gauss and Jordan: all columns of x but the first n become x^-1 times themselves. The pivot is the
-- largest one left in its column. Also gives the determinant as a sign and a logarithm. Where no
-- pivot is left it is 0, and the steps go on as if it were 1, so that nothing becomes NaN.
local function eliminate(x, n)
  if n == 0 then -- the product of no pivots is 1
    local none = ops.sum(x, { -2, -1 }, true)
    return x, none + 1, none
  end
  local one = ops.ones_like(ops.sum(x, { -2, -1 }, true))
  local steps = ops.iota_like(x, -2)
  return over_columns(n, { x, one, ops.zeros_like(one) }, function (k, m, sign, log)
    local column = ops.sum(m * column_mask(m, k), -1, true)
    local left = ops.where(ops.less_equal(k, tools.part(steps, x.rank - 1, 0, 1)),
      ops.abs(column), -1)
    local chosen = ops.argmax(left, -2, true)
    local here, there = row_mask(m, k), row_mask(m, chosen)
    local row_here = ops.sum(m * here, -2, true)
    local row_there = ops.sum(m * there, -2, true)
    m = m + there * (row_here - row_there)
    local pivot = ops.sum(row_there * column_mask(row_there, k), -1, true)
    local row = row_there / ops.where(ops.equal(pivot, 0), 1, pivot)
    m = m * (1 - here)
    column = ops.sum(m * column_mask(m, k), -1, true)
    sign = sign * ops.sign(pivot) * ops.where(ops.equal(chosen, k), 1, -1)
    return m - column * row + here * row, sign, log + ops.log(ops.abs(pivot))
  end)
end

-- x^-1 times the columns of b; NaN where x is singular.
local function inverse_times(x, b, n)
  local solved, _, log = eliminate(ops.concatenate({ x, b }, -1), n)
  return ops.where(ops.equal(log, -math.huge), 0 / 0, tools.part(solved, x.rank - 1, n, -1))
end

-- What is computed now is refused when it has no result, as Keras does; in a plan it is NaN.
local function check_numbers(given, result, text, ...)
  if core.is_symbolic(result) or not ops.any(ops.isnan(result)):item() then return result end
  for _, x in ipairs(given) do
    if not ops.all(ops.isfinite(x)):item() then return result end
  end
  core.raise(text, ...)
end

-- Of square matrices of size n; NaN where one is singular.
local function solve(a, b, n)
  local vector = b.rank == a.rank - 1
  if vector then b = ops.expand_dims(b, -1) end
  local x = inverse_times(a, b, n)
  return vector and ops.squeeze(x, -1) or x
end

op("solve", "a, b", "The x of a . x = b.", function (a, b)
  local n
  a, n = square("solve", a)
  a, b = tools.float(a), tools.float(b)
  return check_numbers({ a, b }, solve(a, b, n), "solve: a has no inverse: it is singular, %s",
    tools.shape_text(a.shape))
end)

op("inv", "x", "The inverse of square matrices.", function (x)
  local n
  x, n = square("inv", x)
  x = tools.float(x)
  local one = row_mask(x, ops.iota_like(x, -1))
  return check_numbers({ x }, inverse_times(x, one, n),
    "inv: x has no inverse: it is singular, %s", tools.shape_text(x.shape))
end)

-- The sign and the logarithm of the absolute determinant.
local function sign_and_log(name, x)
  local n
  x, n = square(name, x)
  local _, sign, log = eliminate(tools.float(x), n)
  return ops.sum(sign, { -2, -1 }), ops.sum(log, { -2, -1 })
end

op("slogdet", "x", "The sign of the determinant, and the logarithm of its size: two results.",
  function (x)
    return sign_and_log("slogdet", x)
  end, { file_class = "numpy" })

op("det", "x", "The determinant of square matrices.", function (x)
  local sign, log = sign_and_log("det", x)
  return sign * ops.exp(log)
end)

-- ---- triangles --------------------------------------------------------------------------------

op("solve_triangular", "a, b, lower:bool=false", "solve by one triangle of a.",
  function (a, b, lower)
    local n
    a, n = square("solve_triangular", a)
    a, b = tools.float(a), tools.float(b)
    return solve(lower and ops.tril(a) or ops.triu(a), b, n)
  end)

-- NaN where x is not positive.
local function cholesky(x, n)
  return over_columns(n, { ops.zeros_like(x) }, function (k, lower)
    local own = ops.sum(lower * row_mask(lower, k), -2, true)
    local column = ops.sum(x * column_mask(x, k), -1, true) - ops.sum(lower * own, -1, true)
    local corner = ops.sqrt(ops.sum(column * row_mask(column, k), -2, true))
    column = ops.where(ops.less_equal(k, ops.iota_like(column, -2)), column / corner, 0)
    return lower + column * column_mask(lower, k)
  end)
end

op("cholesky", "x, upper:bool=false",
  "The triangle t of symmetric positive matrices with t . transposed t = x.", function (x, upper)
    local n
    x, n = square("cholesky", x)
    x = tools.float(x)
    local t = check_numbers({ x }, cholesky(x, n),
      "cholesky: x is not positive definite, %s", tools.shape_text(x.shape))
    return upper and ops.swapaxes(t, -1, -2) or t
  end)

op("cholesky_inverse", "x, upper:bool=false",
  "The inverse of t . transposed t, for a triangle t (of transposed t . t where it is upper).",
  function (x, upper)
    local n
    x, n = square("cholesky_inverse", x)
    x = tools.float(x)
    local one = row_mask(x, ops.iota_like(x, -1))
    local inverse = solve(upper and ops.triu(x) or ops.tril(x), one, n)
    local turned = ops.swapaxes(inverse, -1, -2)
    if upper then inverse, turned = turned, inverse end
    return ops.matmul(turned, inverse)
  end)

-- Rows are exchanged whole, so that the lower triangle moves with them, as LAPACK does.
op("lu_factor", "x", "Lower and upper triangle in one matrix, of x with rows exchanged, and with "
  .. "which row each was exchanged: two results.", function (x)
  if x.rank < 2 then
    core.raise("lu_factor: x has matrices in its last two axes, got %s", tools.shape_text(x.shape))
  end
  x = tools.float(x)
  local rows, columns = tools.size(x, x.rank - 2), tools.size(x, x.rank - 1)
  local last, ys = core.scan(function (states, inputs)
    local m, k = states[1], inputs[1]
    local column = ops.sum(m * column_mask(m, k), -1, true)
    local places = ops.iota_like(column, -2)
    local chosen = ops.argmax(ops.where(ops.less_equal(k, places), ops.abs(column), -1), -2, true)
    local here, there = row_mask(m, k), row_mask(m, chosen)
    local row_here = ops.sum(m * here, -2, true)
    local row = ops.sum(m * there, -2, true)
    m = m + (there - here) * (row_here - row)
    column = ops.sum(m * column_mask(m, k), -1, true)
    local pivot = ops.sum(column * row_mask(column, k), -2, true)
    local none = ops.equal(pivot, 0)
    local factor = ops.where(none | ops.less_equal(places, k), 0,
      column / ops.where(none, 1, pivot))
    local right = ops.cast(ops.less(k, ops.iota_like(row, -1)), "float32")
    local own = column_mask(m, k)
    local below = ops.cast(ops.less(k, places), "float32")
    m = m - factor * (row * right) + own * (factor - column * below)
    return { m }, { ops.squeeze(chosen, { -2, -1 }) }
  end, { x }, { tools.positions(tools.min(rows, columns)) })
  return last[1], ops.moveaxis(ys[1], 0, -1)
end)

op("logdet", "x", "The logarithm of the determinant of symmetric positive matrices; NaN of others.",
  function (x)
    local n
    x, n = square("logdet", x)
    local t = cholesky(tools.float(x), n)
    return ops.sum(ops.log(ops.diagonal(t, 0, -2, -1)), -1) * 2
  end, { file_class = "math" })

-- Householder's reflections, with LAPACK's signs.
op("qr", "x, mode:str=\"reduced\"",
  "Orthogonal q and triangular r with q . r = x, \"reduced\" or \"complete\": two results.",
  function (x, mode)
    if mode ~= "reduced" and mode ~= "complete" then
      core.raise("qr: mode must be reduced or complete, got \"%s\"", mode)
    end
    x = tools.float(x)
    local rows, columns = tools.size(x, x.rank - 2), tools.size(x, x.rank - 1)
    local least = tools.min(rows, columns)
    local product = ops.matmul(x, ops.swapaxes(x, -1, -2))
    local one = row_mask(product, ops.iota_like(product, -1))
    local r, q = over_columns(tools.min(rows - 1, columns), { x, one }, function (k, r, q)
      local below = ops.less_equal(k, ops.iota_like(r, -2))
      local column = ops.sum(ops.where(below, r, 0) * column_mask(r, k), -1, true)
      local corner = ops.sum(column * row_mask(column, k), -2, true)
      local length = ops.sqrt(ops.sum(ops.square(column), -2, true))
      local v = column + ops.where(ops.less(corner, 0), -length, length) * row_mask(column, k)
      local size = ops.sum(ops.square(v), -2, true) -- 0: nothing is left to reflect
      local scale = ops.divide_no_nan(2, size)
      local turned = ops.swapaxes(v, -1, -2) * scale
      return r - v * ops.matmul(turned, r), q - ops.matmul(q, v) * turned
    end)
    r = ops.triu(r)
    if mode == "reduced" and rows ~= least then
      q, r = tools.part(q, q.rank - 1, 0, least), tools.part(r, r.rank - 2, 0, least)
    end
    return q, r
  end)

return { solve = solve, check_numbers = check_numbers }
