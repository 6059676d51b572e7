-- Tensors made from sizes and numbers. A triangle is a comparison of positions, so the mask of a
-- matrix with unknown sizes comes from the matrix itself.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.op

op("copy", "x", "x itself: tensors do not change.", function (x) return x end)

-- ---- ranges -----------------------------------------------------------------------------------

local function is_whole(x) return math.type(x) == "integer" end

-- A number, or a tensor that is only traced: a size.
local function bound(x)
  if type(x) == "number" or core.is_symbolic(x) then return x end
  return ops.cast(x, x.dtype == "bool" and "int32" or x.dtype):item()
end

-- start, start + step ... below stop, one of them a size that is not known yet.
local function computed_range(start, stop, step, dtype)
  for _, x in ipairs { start, stop, step } do
    if not is_whole(x) and (type(x) == "number" or x.dtype ~= "int32" or x.rank > 0) then
      core.raise("arange: beside a size that is only traced there are whole numbers, got %s",
        tostring(x))
    end
  end
  if not is_whole(step) or step == 0 then
    core.raise("arange: the step must be a whole number, not 0, and known, got %s", tostring(step))
  end
  local beyond = step > 0 and step - 1 or step + 1
  local at = tools.positions(tools.max((stop - start + beyond) // step, 0)) * step + start
  return tools.cast(at, dtype or "int32")
end

op("arange", "start:value, stop:value=nil, step:value=nil, dtype:dtype=nil",
  "start, start + step ... up to, not including, stop; from 0 when only stop is given.",
  function (start, stop, step, dtype)
    if stop == nil then start, stop = 0, start end
    start, stop, step = bound(start), bound(stop), bound(step or 1)
    if not (tools.is_known(start) and tools.is_known(stop) and tools.is_known(step)) then
      return computed_range(start, stop, step, dtype)
    end
    if not dtype then
      dtype = is_whole(start) and is_whole(stop) and is_whole(step) and "int32" or config.floatx()
    end
    return ops.range(start, stop, step, dtype)
  end)

op("linspace", "start, stop, num:int=50, endpoint:bool=true, retstep:bool=false, "
  .. "dtype:dtype=nil, axis:int=0",
  "num values from start to stop, evenly; with retstep also the distance between them.",
  function (start, stop, num, endpoint, retstep, dtype, axis)
    start, stop = tools.float(start), tools.float(stop)
    tools.check_sizes("linspace", num)
    local gaps = endpoint and num - 1 or num
    local rank = math.max(start.rank, stop.rank)
    axis = tools.axis("linspace", axis, rank + 1)
    local shape = tools.fill(rank + 1, 1)
    shape[axis + 1] = num
    local at = ops.reshape(ops.cast(ops.arange(num), "float32") / math.max(gaps, 1), shape)
    local function lay(x)
      while x.rank < rank do x = ops.expand_dims(x, 0) end
      return ops.expand_dims(x, axis)
    end
    local y = lay(start) * (1 - at) + lay(stop) * at
    if dtype then y = tools.cast(tools.is_float { dtype = dtype } and y or ops.floor(y), dtype) end
    if not retstep then return y end
    return y, (stop - start) * (gaps > 0 and 1 / gaps or 0 / 0)
  end)

op("logspace", "start, stop, num:int=50, endpoint:bool=true, base:num=10, dtype:dtype=nil, "
  .. "axis:int=0", "base to the power of linspace(start, stop).",
  function (start, stop, num, endpoint, base, dtype, axis)
    local y = ops.exp(ops.linspace(start, stop, num, endpoint, false, nil, axis) * math.log(base))
    return dtype and tools.cast(y, dtype) or y
  end)

op("geomspace", "start, stop, num:int=50, endpoint:bool=true, dtype:dtype=nil, axis:int=0",
  "num values from start to stop, each the same multiple of the one before it.",
  function (start, stop, num, endpoint, dtype, axis)
    start, stop = tools.float(start), tools.float(stop)
    local size = ops.exp(ops.linspace(ops.log(ops.abs(start)), ops.log(ops.abs(stop)), num,
      endpoint, false, nil, axis))
    local sign = ops.sign(start)
    while sign.rank < stop.rank do sign = ops.expand_dims(sign, 0) end
    local y = size * ops.expand_dims(sign, tools.axis("geomspace", axis, sign.rank + 1))
    return dtype and tools.cast(y, dtype) or y
  end)

-- ---- matrices ---------------------------------------------------------------------------------

-- column number - row number, (rows, columns)
local function diagonals(name, rows, columns)
  tools.check_sizes(name, rows, columns)
  return ops.expand_dims(ops.arange(columns), 0) - ops.expand_dims(ops.arange(rows), 1)
end

op("eye", "N:int, M:int=nil, k:int=0, dtype:dtype=nil",
  "A matrix with ones on its k-th diagonal.", function (rows, columns, k, dtype)
    return ops.cast(ops.equal(diagonals("eye", rows, columns or rows), k), dtype or config.floatx())
  end)

op("identity", "n:int, dtype:dtype=nil", "A square matrix with ones on its diagonal.",
  function (n, dtype)
    return ops.eye(n, nil, 0, dtype)
  end)

op("tri", "N:int, M:int=nil, k:int=0, dtype:dtype=nil",
  "A matrix with ones on and below its k-th diagonal.", function (rows, columns, k, dtype)
    return ops.cast(ops.less_equal(diagonals("tri", rows, columns or rows), k),
      dtype or config.floatx())
  end)

local function check_matrix(name, x)
  if x.rank < 2 then
    core.raise("%s: x needs two axes or more, its shape is %s", name, tools.shape_text(x.shape))
  end
end

-- column number - row number of x's last two axes
local function diagonals_like(x)
  return ops.iota_like(x, x.rank - 1) - ops.iota_like(x, x.rank - 2)
end

op("tril", "x, k:int=0", "x with zeros above its k-th diagonal.", function (x, k)
  check_matrix("tril", x)
  return ops.where(ops.less_equal(diagonals_like(x), k), x, tools.zero(x))
end)

op("triu", "x, k:int=0", "x with zeros below its k-th diagonal.", function (x, k)
  check_matrix("triu", x)
  return ops.where(ops.less_equal(k, diagonals_like(x)), x, tools.zero(x))
end)

op("diag", "x, k:int=0", "A matrix with x on its k-th diagonal; of a matrix its k-th diagonal.",
  function (x, k)
    if x.rank == 2 then return ops.diagonal(x, k) end
    if x.rank ~= 1 then
      core.raise("diag: x is a vector or a matrix, its shape is %s", tools.shape_text(x.shape))
    end
    -- row i holds x[i - lead] where it is on the diagonal
    local lead, tail = math.max(-k, 0), math.max(k, 0)
    local rows = ops.pad_with(x, { lead }, { tail })
    local square = ops.expand_dims(rows, 1) + ops.zeros_like(ops.expand_dims(rows, 0))
    return ops.where(ops.equal(diagonals_like(square), k), square, tools.zero(x))
  end)

op("diagflat", "x, k:int=0", "A matrix with all elements of x on its k-th diagonal.",
  function (x, k)
    return ops.diag(ops.ravel(x), k)
  end)

op("diagonal", "x, offset:int=0, axis1:int=0, axis2:int=1",
  "The elements x[i][i + offset] of two axes, as a new last axis.",
  function (x, offset, axis1, axis2)
    local a = tools.axis("diagonal", axis1, x.rank)
    local b = tools.axis("diagonal", axis2, x.rank)
    if a == b then core.raise("diagonal: axis1 and axis2 are the same axis %d", a) end
    local rows, columns = tools.size(x, a), tools.size(x, b)
    x = ops.moveaxis(x, { a, b }, { -2, -1 })
    x = tools.like(ops.sum(ops.where(ops.equal(diagonals_like(x), offset), x, 0), -1), x)
    local first = math.max(-offset, 0)
    local count = tools.max(tools.min(rows, columns - offset) - first, 0)
    return tools.part(x, x.rank - 1, tools.min(first, rows), count)
  end)

op("trace", "x, offset:int=0, axis1:int=0, axis2:int=1", "The sum of a diagonal.",
  function (x, offset, axis1, axis2)
    local a, b = tools.axis("trace", axis1, x.rank), tools.axis("trace", axis2, x.rank)
    if a == b then core.raise("trace: axis1 and axis2 are the same axis %d", a) end
    x = ops.moveaxis(x, { a, b }, { -2, -1 })
    return ops.sum(ops.where(ops.equal(diagonals_like(x), offset), x, 0), { -2, -1 })
  end)

op("vander", "x, N:int=nil, increasing:bool=false", "The powers of x as columns.",
  function (x, columns, increasing)
    if x.rank ~= 1 then
      core.raise("vander: x is a vector, its shape is %s", tools.shape_text(x.shape))
    end
    columns = columns or tools.size(x, 0)
    tools.check_sizes("vander", x.shape[1] or 1, tools.is_known(columns) and columns or 1)
    local factors = ops.broadcast_to(ops.expand_dims(x, 1), { -2, columns })
    local first = ops.equal(ops.iota_like(factors, 1), 0)
    local powers = tools.like(ops.cumprod(ops.where(first, 1, factors), 1), x) -- 1, x, x * x ...
    return increasing and powers or ops.flip(powers, 1)
  end)

-- ---- classes ----------------------------------------------------------------------------------

op("one_hot", "x, num_classes:int, axis:int?=-1, dtype:dtype=nil, sparse:bool=false",
  "1 at the place that x names along a new axis, else 0; all 0 when there is no such place.",
  function (x, num_classes, axis, dtype, sparse)
    tools.refuse_sparse("one_hot", sparse)
    tools.check_sizes("one_hot", num_classes, x.size or 1)
    axis = tools.axis("one_hot", axis or -1, x.rank + 1)
    local shape = tools.fill(x.rank + 1, 1)
    shape[axis + 1] = num_classes
    local places = ops.reshape(ops.arange(num_classes), shape)
    local ids = ops.expand_dims(tools.cast(x, "int32"), axis)
    return ops.cast(ops.equal(ids, places), dtype or config.floatx())
  end, { file_class = "nn" })

op("multi_hot", "inputs, num_classes:int, axis:int?=-1, dtype:dtype=nil, sparse:bool=false",
  "1 at every place that a row of inputs names, else 0.",
  function (inputs, num_classes, axis, dtype, sparse)
    tools.refuse_sparse("multi_hot", sparse)
    local each = ops.one_hot(inputs, num_classes, axis, dtype)
    return ops.max(each, inputs.rank > 1 and 1 or 0, false, 0)
  end, { file_class = "nn" })

op("meshgrid", "x:tensors, indexing:str=\"xy\"",
  "Each vector laid along its own axis and repeated along the others: several results.",
  function (x, indexing)
    if indexing ~= "xy" and indexing ~= "ij" then
      core.raise("meshgrid: indexing must be \"xy\" or \"ij\", got \"%s\"", indexing)
    end
    local rank, laid = #x, {}
    for i, vector in ipairs(x) do
      local axis = i
      if indexing == "xy" and rank > 1 and i <= 2 then axis = 3 - i end
      local shape = tools.fill(rank, 1)
      shape[axis] = -1
      laid[i] = ops.reshape(vector, shape)
    end
    local grids = {}
    for i = 1, rank do
      grids[i] = laid[i]
      for j = 1, rank do
        if j ~= i then grids[i] = grids[i] + ops.zeros_like(tools.cast(laid[j], laid[i].dtype)) end
      end
    end
    return table.unpack(grids)
  end, { file_each = "x" })
tools.variadic("meshgrid", 0)
