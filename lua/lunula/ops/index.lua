-- Picking and placing by number: rows `gather`, `take_along_axis` and `scatter_add` do the work.
-- Numbers of rows count from 0, as class labels do; below 0 they count from the end.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.op

-- ---- taking -----------------------------------------------------------------------------------

op("take", "x, indices, axis:int=nil", "The parts of x with these numbers along an axis.",
  function (x, indices, axis)
    if axis == nil then x, axis = ops.ravel(x), 0 end
    axis = tools.axis("take", axis, x.rank)
    local ids = tools.cast(indices, "int32")
    if axis == 0 then return ops.gather(x, ids) end
    local picked = ops.gather(ops.moveaxis(x, axis, 0), ids)
    local from, to = {}, {}
    for i = 1, ids.rank do from[i], to[i] = i - 1, axis + i - 1 end
    if ids.rank == 0 then return picked end
    return ops.moveaxis(picked, from, to)
  end)

local take_along_axis = tools.row "take_along_axis"

-- The size that two axes have together: 1 is repeated. A size that is not known may be 1.
local function common(a, b)
  if a == 1 or b == 1 then return a == 1 and b or a end
  if tools.is_known(a) then return a end
  return tools.is_known(b) and b or ops.where(ops.equal(a, 1), b, a)
end

-- x with the size of `other` where its own is 1, but along the axis.
local function stretched(x, other, axis)
  local sizes, is_same = {}, true
  for i, size in ipairs(x.shape) do
    sizes[i] = tools.size(x, i - 1)
    if i - 1 ~= axis and (size ~= other.shape[i] or not size) then
      sizes[i], is_same = common(sizes[i], tools.size(other, i - 1)), false
    end
  end
  return is_same and x or ops.broadcast_to(x, sizes)
end

op("take_along_axis", "x, indices, axis:int=nil",
  "Elements by their numbers along an axis (None: of x as one axis); the other axes broadcast.",
  function (x, indices, axis)
    if axis == nil then
      if indices.rank ~= 1 then
        core.raise("take_along_axis: without an axis indices have one axis, they are %s",
          tools.shape_text(indices.shape))
      end
      x, axis = ops.ravel(x), 0
    end
    local ids = tools.cast(indices, "int32")
    if ids.rank == x.rank then
      axis = tools.axis("take_along_axis", axis, x.rank)
      x, ids = stretched(x, ids, axis), stretched(ids, x, axis)
    end
    return take_along_axis(x, ids, axis)
  end)

op("unravel_index", "indices, shape:sizes",
  "The places along each axis of a shape that numbers of elements have: a tensor for each axis.",
  function (indices, shape)
    local rest, places = tools.is_float(indices) and indices or tools.cast(indices, "int32"), {}
    for axis = #shape, 1, -1 do
      if shape[axis] < 1 and indices.size ~= 0 then
        core.raise("unravel_index: nothing has a place in shape %s", tools.shape_text(shape))
      end
      places[axis] = rest % shape[axis]
      rest = rest // shape[axis]
    end
    return table.unpack(places)
  end)

-- ---- replacing --------------------------------------------------------------------------------

-- Along axis i the middle is replaced, the ends stay; what is whole along an axis is passed on.
local function replaced(x, start, updates, i)
  if i > x.rank then return updates end
  local size, count, from = x.shape[i], updates.shape[i], start[i]
  if size and from == 0 and count == size then return replaced(x, start, updates, i + 1) end
  if size and count and (from < 0 or from + count > size) then
    core.raise("slice_update: axis %d: %d elements from %d on do not fit into %d", i - 1, count,
      from, size)
  end
  count = tools.size(updates, i - 1)
  local parts = { replaced(tools.part(x, i - 1, from, count), start, updates, i + 1) }
  if from > 0 then table.insert(parts, 1, tools.part(x, i - 1, 0, from)) end
  if from + count ~= size then parts[#parts + 1] = tools.part(x, i - 1, from + count, -1) end
  local y = #parts > 1 and ops.concatenate(parts, i - 1) or parts[1]
  return size and tools.with_size(y, i - 1, size) or y
end

-- The same from a corner that only the run tells, held where all of updates is inside.
local function replaced_at_places(x, start, updates)
  local inside = true
  for axis = 0, x.rank - 1 do
    local size, count = tools.size(x, axis), tools.size(updates, axis)
    local from = start[axis + 1]
    if core.is_tensor(from) then
      from = ops.maximum(ops.minimum(tools.cast(from, "int32"), size - count), 0)
    end
    local place = tools.positions(size) - from
    local shape = tools.fill(x.rank, 1)
    shape[axis + 1] = -1
    inside = ops.reshape(ops.less_equal(0, place) & ops.less(place, count), shape) & inside
    updates = ops.take(updates, ops.maximum(ops.minimum(place, count - 1), 0), axis)
  end
  return ops.where(inside, updates, x)
end

op("slice_update", "inputs, start_indices:shape, updates",
  "inputs with updates written over it from a corner on, which may be a traced tensor.",
  function (inputs, start_indices, updates)
    if #start_indices ~= inputs.rank or updates.rank ~= inputs.rank then
      core.raise("slice_update: inputs has rank %d, start_indices %d, updates %d", inputs.rank,
        #start_indices, updates.rank)
    end
    local is_known = true
    for _, from in ipairs(start_indices) do is_known = is_known and not core.is_tensor(from) end
    return (is_known and replaced or replaced_at_places)(inputs, start_indices,
      tools.cast(updates, inputs.dtype), 1)
  end, { file_class = "core", file_called = "start_indices" })

-- ---- scattering -------------------------------------------------------------------------------

-- What is known now is refused when it is outside; in a plan the row says so when it runs. Keras
-- counts none from the end.
local function checked(name, ids, size, axis)
  if core.is_symbolic(ids) or not tools.is_known(size) then
    local places = ops.reshape(ids, { -1 })
    return ops.reshape_like(take_along_axis(tools.positions(size), places, 0, false), ids)
  end
  if ids.size == 0 then return ids end
  local least, most = ops.min(ids):item(), ops.max(ids):item()
  if least < 0 or most >= size then
    core.raise("%s: index %d is out of range 0..%d of axis %d", name, least < 0 and least or most,
      size - 1, axis)
  end
  return ids
end

-- How many axes the indices name: the values have the others, when that is not known.
local function depth_of(name, indices, values, sizes)
  local axis = indices.rank - 1
  local depth = indices.shape[axis + 1] or #sizes - (values.rank - axis)
  if depth > #sizes or depth < 0 then
    core.raise("%s: indices name %d axes of a tensor of rank %d", name, depth, #sizes)
  end
  return depth, tools.with_size(indices, axis, depth)
end

-- Values have the axes of the indices but the last, then those that no index names.
local function check_values(name, indices, values, depth, sizes)
  local wanted = indices.shape
  wanted[#wanted] = nil
  for i = depth + 1, #sizes do
    wanted[#wanted + 1] = tools.is_known(sizes[i]) and sizes[i]
  end
  local given, fits = values.shape, values.rank == #wanted
  for i, size in ipairs(wanted) do
    fits = fits and (not size or not given[i] or size == given[i])
  end
  if not fits then
    core.raise("%s: with indices of shape %s the values have shape %s, they are %s", name,
      tools.shape_text(indices.shape), tools.shape_text(wanted), tools.shape_text(given))
  end
end

-- Row numbers in a table whose first axes are flattened, from numbers along each of them.
local function flat_ids(name, indices, depth, sizes)
  local ids, rows = ops.zeros_like(ops.sum(indices, -1)), 1
  for i = depth, 1, -1 do
    local part = ops.squeeze(tools.part(indices, indices.rank - 1, i - 1, 1), -1)
    ids = ids + checked(name, part, sizes[i], i - 1) * rows
    rows = sizes[i] * rows
  end
  return ids, rows
end

-- Where the values go, as numbers of rows of a table whose first axes are one; the shapes of that
-- table and of the values for it.
local function places(name, indices, values, sizes)
  local depth
  depth, indices = depth_of(name, tools.cast(indices, "int32"), values, sizes)
  check_values(name, indices, values, depth, sizes)
  local ids, rows = flat_ids(name, indices, depth, sizes)
  return ops.reshape(ids, { -1 }), table.move(sizes, depth + 1, #sizes, 2, { rows }),
    table.move(sizes, depth + 1, #sizes, 2, { -1 })
end

op("scatter", "indices, values, shape:shape",
  "Zeros of a shape with the values added where indices say.", function (indices, values, shape)
    local ids, table_shape, value_shape = places("scatter", indices, values, shape)
    local sums = ops.scatter_add(ops.reshape(tools.number(values), value_shape), ids,
      ops.full(table_shape, 0, "float32"))
    return ops.reshape(tools.like(sums, values), shape)
  end, { file_class = "core" })

local folds = { max = 1, min = 2, mul = 3 }

-- The rows of a table replaced by the values that go there; of several the last one stays.
local function replaced_rows(y, ids, values, rows)
  if values.shape[1] == 0 then return y end
  local none = ops.full({ rows }, -1, "int32")
  local last = ops.scatter_fold(none, ids, tools.positions(tools.size(values, 0)), 0)
  local mask_shape = tools.fill(y.rank, 1)
  mask_shape[1] = rows
  local kept = ops.reshape(ops.less(last, 0), mask_shape)
  return ops.where(kept, y, ops.gather(values, ops.maximum(last, 0)))
end

op("scatter_update", "inputs, indices, updates, reduction:str=nil",
  "inputs with updates written where indices say, or folded in: add, max, min, mul.",
  function (inputs, indices, updates, reduction)
    if reduction ~= nil and reduction ~= "add" and not folds[reduction] then
      core.raise("scatter_update: reduction must be nil, add, max, min or mul, got \"%s\"",
        reduction)
    end
    local ids, table_shape, value_shape = places("scatter_update", indices, updates,
      ops.shape(inputs))
    local y = ops.reshape(inputs, table_shape)
    local values = ops.reshape(tools.cast(updates, inputs.dtype), value_shape)
    if reduction then y, values = tools.number(y), tools.number(values) end
    if reduction == "add" then
      y = y + ops.scatter_add(values, ids, y)
    elseif reduction then
      y = ops.scatter_fold(y, ids, values, folds[reduction])
    else
      y = replaced_rows(y, ids, values, table_shape[1])
    end
    return ops.reshape_like(tools.like(y, inputs), inputs)
  end, { file_class = "core" })

-- The numbers of segments, what is in none as one behind the last, and how many there are.
local function segments(name, data, segment_ids, num_segments)
  local ids = tools.cast(segment_ids, "int32")
  if not num_segments then
    if core.is_symbolic(ids) then
      core.raise("%s: num_segments must be given, the numbers are not known yet", name)
    end
    num_segments = ids.size == 0 and 0 or math.max(ops.max(ids):item() + 1, 0)
  end
  if data.rank < 1 or num_segments < 0 or num_segments >= 0x7fffffff then
    core.raise("%s: %d segments of data of shape %s", name, num_segments,
      tools.shape_text(data.shape))
  end
  local shape = ops.shape(data)
  shape[1] = num_segments + 1
  return ops.where(ops.less(ids, 0) | ops.less(num_segments, ids), num_segments, ids), num_segments,
    shape
end

op("segment_sum", "data, segment_ids, num_segments:int=nil, sorted:bool=false",
  "The sums of the rows of data that have the same segment number; others have none.",
  function (data, segment_ids, num_segments)
    local ids, n, shape = segments("segment_sum", data, segment_ids, num_segments)
    local sums = ops.scatter_add(tools.number(data), ids, ops.full(shape, 0, "float32"))
    return tools.like(tools.part(sums, 0, 0, n), data)
  end, { file_class = "math" })

-- What a segment without rows has: of floats, of whole numbers.
local lowest <const>, highest <const> = -(2 - 2 ^ -23) * 2.0 ^ 127, (2 - 2 ^ -23) * 2.0 ^ 127

local function segment_op(name, doc, class, fold, none, none_whole)
  op(name, "data, segment_ids, num_segments:int=nil, sorted:bool=false", doc,
    function (data, segment_ids, num_segments)
      local ids, n, shape = segments(name, data, segment_ids, num_segments)
      local values = tools.number(data)
      local start = tools.is_float(data) and ops.full(shape, none, "float32")
        or ops.full(shape, none_whole, "int32")
      return tools.like(tools.part(ops.scatter_fold(start, ids, values, fold), 0, 0, n), data)
    end, { file_class = class })
end

segment_op("segment_max", "The largest of the rows of data that have the same segment number.",
  "math.SegmentMax", folds.max, lowest, math.tointeger(-2 ^ 31))
segment_op("segment_min", "The smallest of the rows of data that have the same segment number.",
  "math.SegmentMin", folds.min, highest, 0x7fffffff)
segment_op("segment_prod", "The products of the rows of data that have the same segment number.",
  "math.SegmentProd", folds.mul, 1, 1)

-- ---- searching --------------------------------------------------------------------------------

local search = tools.row "searchsorted"

op("searchsorted", "sorted_sequence, values, side:str=\"left\"",
  "Where each value would go in an ascending vector, NaN last.",
  function (sorted_sequence, values, side)
    if side ~= "left" and side ~= "right" then
      core.raise("searchsorted: side must be left or right, got \"%s\"", side)
    end
    return search(tools.number(sorted_sequence), tools.number(values), side == "right")
  end, { file_class = "numpy.SearchSorted" })

op("digitize", "x, bins", "The number of the bin that each element of x falls into.",
  function (x, bins)
    if bins.rank ~= 1 then
      core.raise("digitize: bins has one axis, its shape is %s", tools.shape_text(bins.shape))
    end
    return ops.searchsorted(bins, x, "right")
  end)

op("isin", "x1, x2, assume_unique:bool=false, invert:bool=false",
  "True where an element of x1 is among those of x2.", function (x1, x2, _, invert)
    local found = ops.any(ops.equal(ops.expand_dims(x1, x1.rank), ops.ravel(x2)), -1)
    return invert and ~found or found
  end, { file_class = "numpy.IsIn" })

op("in_top_k", "targets, predictions, k:int",
  "Whether each target class is among the k largest predictions of its row.",
  function (targets, predictions, k)
    local ids = tools.cast(targets, "int32")
    local classes = tools.size(predictions, predictions.rank - 1)
    local exists = ops.less_equal(0, ids) & ops.less(ids, classes)
    ids = ops.expand_dims(ops.where(exists, ids, 0), targets.rank)
    local own = take_along_axis(predictions, ids, -1)
    local larger = ops.sum(ops.cast(ops.less(own, predictions), "int32"), -1)
    return ops.less(larger, k) & ops.isfinite(ops.squeeze(own, -1)) & exists
  end, { file_class = "math" })

op("bincount", "x, weights=nil, minlength:int?=0, sparse:bool=false",
  "How often each number occurs (or the sum of its weights).",
  function (x, weights, minlength, sparse)
    tools.refuse_sparse("bincount", sparse)
    tools.need_values("bincount", x, "the length of the result")
    local length = minlength or 0
    if x.rank ~= 1 and x.rank ~= 2 or length < 0 then
      core.raise("bincount: x has one axis or two and minlength is 0 or more, got shape %s and %d",
        tools.shape_text(x.shape), length)
    end
    x = tools.cast(x, "int32")
    if x.size > 0 then
      if ops.min(x):item() < 0 then
        core.raise("bincount: numbers below 0, the least is %d", ops.min(x):item())
      end
      length = math.max(length, ops.max(x):item() + 1)
    end
    local ones = weights ~= nil and tools.number(weights) or ops.ones_like(x)
    if tools.shape_text(ones.shape) ~= tools.shape_text(x.shape) then
      core.raise("bincount: x is %s, weights are %s", tools.shape_text(x.shape),
        tools.shape_text(ones.shape))
    end
    if x.rank == 1 then
      return ops.scatter_add(ones, x, ops.zeros({ length }, ones.dtype))
    end
    local counted = ops.one_hot(x, length, -1, ones.dtype) * ops.expand_dims(ones, -1)
    return ops.sum(counted, 1)
  end, { file_made = "weights" })
