-- Products of tensors and norms. Everything with a contraction ends in the row `matmul`; sizes may
-- be unknown, so contractions of groups of axes go through einsum, which knows how to keep them.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.op

-- Letters for the axes of einsum: n of them, from `first` on.
local function letters(first, n)
  local list = {}
  for i = 1, n do list[i] = string.char(first + i - 1) end
  return list
end

-- ---- products ---------------------------------------------------------------------------------

-- The row wants matrices; a vector counts as a row on the left and as a column on the right.
local product = tools.row "matmul"

op("matmul", "x1, x2, transpose_a:bool=false, transpose_b:bool=false",
  "The matrix product over the last two axes; the others broadcast.",
  function (x1, x2, transpose_a, transpose_b)
    local row, column = x1.rank == 1, x2.rank == 1
    if not (row or column) then return product(x1, x2, transpose_a, transpose_b) end
    if row then x1, transpose_a = ops.expand_dims(x1, 0), false end
    if column then x2, transpose_b = ops.expand_dims(x2, 1), false end
    local y = product(x1, x2, transpose_a, transpose_b)
    if column then y = ops.squeeze(y, -1) end
    return row and ops.squeeze(y, column and -1 or -2) or y
  end, { file_ours = "transpose_a transpose_b" })

op("dot", "x1, x2",
  "The product over x1's last axis and x2's last but one; with a scalar, the plain product.",
  function (x1, x2)
    if x1.rank == 0 or x2.rank == 0 then return x1 * x2 end
    return ops.tensordot(x1, x2, { { x1.rank - 1 }, { math.max(x2.rank - 2, 0) } })
  end)

op("vdot", "x1, x2", "The sum of all products of elements.", function (x1, x2)
  local products = ops.reshape(x1, { -1 }) * ops.reshape(x2, { -1 })
  return tools.like(ops.sum(products), products)
end)

op("inner", "x1, x2", "The product over the last axes of both.", function (x1, x2)
  if x1.rank == 0 or x2.rank == 0 then return x1 * x2 end
  return ops.tensordot(x1, x2, { { x1.rank - 1 }, { x2.rank - 1 } })
end)

op("outer", "x1, x2", "Every element of x1 times every element of x2.", function (x1, x2)
  return ops.reshape(x1, { -1, 1 }) * ops.reshape(x2, { 1, -1 })
end)

-- The axes of both tensors that are summed over: n last against n first, or two lists.
local function contracted_axes(x1, x2, axes)
  if type(axes) == "number" then
    axes = math.tointeger(axes) or axes
    if math.type(axes) == "float" or axes < 0 or axes > math.min(x1.rank, x2.rank) then
      core.raise("tensordot: cannot sum over %s axes of tensors of rank %d and %d", axes, x1.rank,
        x2.rank)
    end
    local last, first = {}, {}
    for i = 1, axes do last[i], first[i] = x1.rank - axes + i - 1, i - 1 end
    return last, first
  end
  if type(axes) ~= "table" or #axes ~= 2 then
    core.raise("tensordot: axes must be a number or a pair of lists")
  end
  for i = 1, 2 do
    for _, axis in ipairs(type(axes[i]) == "table" and axes[i] or { axes[i] }) do
      if math.type(axis) ~= "integer" then
        core.raise("tensordot: axes must be whole numbers, got %s", tostring(axis))
      end
    end
  end
  local a = tools.axes("tensordot", axes[1], x1.rank)
  local b = tools.axes("tensordot", axes[2], x2.rank)
  if #a ~= #b then core.raise("tensordot: %d axes of x1 for %d of x2", #a, #b) end
  return a, b
end

op("tensordot", "x1, x2, axes:any=nil",
  "The sum of products over the given axes of both (None: the last two and the first two).",
  function (x1, x2, axes)
    local a, b = contracted_axes(x1, x2, axes or 2)
    local names1, names2 = letters(97, x1.rank), letters(65, x2.rank)
    local summed1, summed2 = {}, {}
    for i, axis in ipairs(a) do
      names2[b[i] + 1] = names1[axis + 1]
      summed1[axis], summed2[b[i]] = true, true
    end
    local kept = {}
    for i, name in ipairs(names1) do if not summed1[i - 1] then kept[#kept + 1] = name end end
    for i, name in ipairs(names2) do if not summed2[i - 1] then kept[#kept + 1] = name end end
    return ops.einsum(("%s,%s->%s"):format(table.concat(names1), table.concat(names2),
      table.concat(kept)), { x1, x2 })
  end)

op("kron", "x1, x2", "Every element of x1 times the whole of x2, laid out as blocks.",
  function (x1, x2)
    local rank = math.max(x1.rank, x2.rank)
    local left, right, merged = {}, {}, {}
    local function size(x, i)
      local axis = i - 1 - rank + x.rank
      return axis < 0 and 1 or tools.size(x, axis)
    end
    for i = 1, rank do
      local n, m = size(x1, i), size(x2, i)
      left[2 * i - 1], left[2 * i], right[2 * i - 1], right[2 * i] = n, 1, 1, m
      merged[i] = n * m
    end
    return ops.reshape(ops.reshape(x1, left) * ops.reshape(x2, right), merged)
  end)

-- ---- vectors in space -------------------------------------------------------------------------

-- The components of the vectors along an axis: 2 or 3, each without that axis. Beside vectors that
-- have 3, others may have 2 or 3, which need not be known: a third that is not there is 0.
local function components(x, axis, other)
  if not x.shape[axis + 1] and other == 3 then
    x = tools.pad(x, axis, 0, 3 - tools.max(tools.size(x, axis), 2), 0, 3)
  end
  local n = tools.known_size("cross", x, axis)
  if n ~= 2 and n ~= 3 then
    core.raise("cross: vectors have 2 or 3 components, got %d", n)
  end
  return n, ops.unstack(x, n, axis)
end

op("cross", "x1, x2, axisa:int=-1, axisb:int=-1, axisc:int=-1, axis:int=nil",
  "The cross product of vectors with 2 or 3 components.",
  function (x1, x2, axisa, axisb, axisc, axis)
    axisa, axisb, axisc = axis or axisa, axis or axisb, axis or axisc
    axisa, axisb = tools.axis("cross", axisa, x1.rank), tools.axis("cross", axisb, x2.rank)
    local n, a1, a2, a3 = components(x1, axisa, x2.shape[axisb + 1])
    local m, b1, b2, b3 = components(x2, axisb, x1.shape[axisa + 1])
    local third = a1 * b2 - a2 * b1
    if n == 2 and m == 2 then return third end
    local first, second
    if n == 2 then
      first, second = a2 * b3, -a1 * b3
    elseif m == 2 then
      first, second = -a3 * b2, a3 * b1
    else
      first, second = a2 * b3 - a3 * b2, a3 * b1 - a1 * b3
    end
    return ops.stack({ first, second, third }, axisc)
  end)

-- ---- norms ------------------------------------------------------------------------------------

local function root_of_squares(x, axis, keepdims)
  return tools.root(ops.sum(ops.square(x), axis, keepdims))
end

local function vector_norm(x, order, axis, keepdims)
  local size = ops.abs(x)
  if order == math.huge then return ops.max(size, axis, keepdims) end
  if order == -math.huge then return ops.min(size, axis, keepdims) end
  if order == 0 then
    return ops.sum(ops.cast(ops.not_equal(x, 0), "float32"), axis, keepdims)
  end
  if order == 1 then return ops.sum(size, axis, keepdims) end
  if order == 2 then return root_of_squares(x, axis, keepdims) end
  return tools.root(ops.sum(size ^ order, axis, keepdims), order)
end

-- Of the singular values the largest, the smallest or the sum.
local function spectral_norm(x, order, axes, keepdims)
  local s = ops.svd(ops.moveaxis(x, axes, { -2, -1 }), { compute_uv = false })
  local y = order == "nuc" and ops.sum(s, -1) or order == 2 and ops.max(s, -1) or ops.min(s, -1)
  if not keepdims then return y end
  local first, last = axes[1], axes[2]
  if first > last then first, last = last, first end
  return ops.expand_dims(ops.expand_dims(y, first), last)
end

-- Sums along one axis, then the extreme along the other.
local function matrix_norm(x, order, axes, keepdims)
  local rows, columns = axes[1], axes[2]
  local size = ops.abs(x)
  local along, over = rows, columns
  if math.abs(order) == math.huge then along, over = columns, rows end
  local sums = ops.sum(size, along, true)
  local extreme = order > 0 and ops.max or ops.min
  local y = extreme(sums, over, true)
  if keepdims then return y end
  return ops.sum(y, axes) -- of one element: drops the axes
end

op("norm", "x, ord:any=nil, axis:axes=nil, keepdims:bool=false",
  "The norm of the vectors along one axis or of the matrices in two; of everything for nil.",
  function (x, ord, axis, keepdims)
    x = tools.float(x)
    if type(axis) == "table" and #axis > 2 then
      core.raise("norm: vectors lie along one axis, matrices in two, got %d", #axis)
    end
    if ord == nil or (axis == nil and ord == 2 and x.rank == 1) then
      return root_of_squares(x, axis, keepdims)
    end
    local axes = tools.axes("norm", axis, x.rank)
    if #axes == 1 then
      if type(ord) ~= "number" then
        core.raise("norm: ord=%s is not a norm of vectors", tostring(ord))
      end
      return vector_norm(x, ord, axes[1], keepdims)
    end
    if #axes ~= 2 then
      core.raise("norm: ord=%s needs one axis or two, got %d", tostring(ord), #axes)
    end
    if ord == "fro" then return root_of_squares(x, axes, keepdims) end
    if ord == 1 or ord == -1 or ord == math.huge or ord == -math.huge then
      return matrix_norm(x, ord, axes, keepdims)
    end
    if ord == 2 or ord == -2 or ord == "nuc" then return spectral_norm(x, ord, axes, keepdims) end
    core.raise("norm: ord=%s is not a norm of matrices (1, -1, 2, -2, inf, -inf, \"fro\" and "
      .. "\"nuc\" are)", tostring(ord))
  end, { file_class = "linalg" })
