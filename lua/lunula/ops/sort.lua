-- Order: sorting, the largest, and what is found by sorting: different values, places of what is
-- not 0. Rows `sort` and `top_k` know the last axis and give numbers with their places.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.op
local sort, top_k = tools.row "sort", tools.row "top_k"

-- f(x), which works on the last axis, along another one; nil: on all elements as one.
local function along(name, x, axis, f)
  if axis == nil then return f(ops.reshape(x, { -1 })) end
  axis = tools.axis(name, axis, x.rank)
  if axis == x.rank - 1 then return f(x) end
  return ops.swapaxes(f(ops.swapaxes(x, axis, x.rank - 1)), axis, x.rank - 1)
end

local function values_of(x) return (sort(x)) end
local function places_of(x) return (select(2, sort(x))) end

op("sort", "x, axis:int?=-1",
  "The elements in ascending order along an axis (None: of all), NaN last.",
  function (x, axis)
    return tools.like(along("sort", tools.number(x), axis, values_of), x)
  end)

op("argsort", "x, axis:int?=-1",
  "The places of the elements in ascending order along an axis (None: of all), NaN last. What is "
  .. "equal keeps its order.", function (x, axis)
    if x.rank == 0 then return ops.zeros({ 1 }, "int32") end
    return along("argsort", tools.number(x), axis, places_of)
  end)

op("argpartition", "x, kth:int, axis:int?=-1",
  "Places that put the kth smallest where it belongs along an axis (None: of all), what is smaller "
  .. "before it and what is larger behind.", function (x, kth, axis)
    local n = x.size
    if axis ~= nil then n = x.shape[tools.axis("argpartition", axis, x.rank) + 1] end
    if n and (kth >= n or kth < -n) then
      core.raise("argpartition: kth is %d, there are %d elements along the axis", kth, n)
    end
    return along("argpartition", tools.number(x), axis, function (rows)
      local places, at = places_of(rows), rows.rank - 1
      if rows.shape[at + 1] or kth < 0 then return places end
      return ops.concatenate({ tools.part(places, at, 0, kth + 1), -- so many there must be
        tools.part(places, at, kth + 1, -1) }, at)
    end)
  end)

-- The row keeps so many words for each thread; whoever wants more sorts.
local most_k = 4096

op("top_k", "x, k:int, sorted:bool=true",
  "The k largest elements of the last axis, and their places: the largest first, which also "
  .. "serves where sorted is false. NaN counts as largest.", function (x, k)
    local axis = tools.axis("top_k", -1, x.rank)
    local n = x.shape[axis + 1]
    if k < 0 or n and k > n then
      core.raise("top_k: k is %d, the last axis of x, %s, has fewer", k,
        tools.shape_text(x.shape))
    end
    if k <= most_k then
      local values, places = top_k(tools.number(x), k)
      return tools.like(values, x), places
    end
    local values, places = sort(tools.number(x), true)
    return tools.like(tools.part(values, axis, 0, k), x), tools.part(places, axis, 0, k)
  end, { file_class = "math" })

-- ---- places of what is not 0 ------------------------------------------------------------------

op("nonzero", "x", "The places of the elements that are not 0: a vector for each axis.",
  function (x)
    if x.rank == 0 then core.raise("nonzero: a single number has no places") end
    tools.need_values("nonzero", x, "how many places there are")
    local zero = ops.ravel(ops.equal(x, 0))
    local n = zero.size - ops.sum(ops.cast(zero, "int32")):item()
    local flat = tools.part(places_of(tools.number(zero)), 0, 0, n)
    return ops.unravel_index(flat, x.shape)
  end)

-- ---- different values -------------------------------------------------------------------------

-- The order of the rows of a table: by the first column, then by the second ... As each sorting
-- keeps the order of what is equal, the last column comes first.
local function order_of(rows)
  if rows.shape[2] == 1 then return places_of(ops.reshape(rows, { -1 })) end
  local first = tools.positions(tools.size(rows, 0))
  local columns = ops.stop_gradient(ops.transpose(rows))
  local states = core.scan(function (states, keys)
    local order = states[1]
    return { ops.gather(order, places_of(ops.gather(keys[1], order))) }, {}
  end, { first }, { columns }, { reverse = true })
  return states[1]
end

-- Elements along the axis as rows of a table.
local function rows_of(x)
  local sizes = tools.sizes(x)
  return ops.reshape(x, { sizes[1], tools.product(table.move(sizes, 2, #sizes, 1, {})) })
end

-- Rows as groups of equal ones, in order of their values or of their first rows. For each row its
-- group; for each group, of which there may be as many as rows, its first row and how many it has
-- (none: the number of rows, and 0); and how many groups there are.
local function groups_of(rows, is_sorted)
  local n, order = tools.size(rows, 0), order_of(rows)
  local at, in_order = tools.positions(n), ops.gather(rows, order)
  local before = ops.gather(in_order, ops.maximum(at - 1, 0))
  local begins = ops.cast(ops.any(ops.not_equal(in_order, before), 1), "int32")
  local group = ops.cumsum(begins, 0)
  local first = ops.scatter_fold(at * 0 + n, group, order, 2)
  local counts = ops.scatter_add(ops.ones_like(at), group, at)
  if not is_sorted then
    local by = places_of(first)
    first, counts = ops.gather(first, by), ops.gather(counts, by)
    group = ops.gather(ops.scatter_add(at, by, at), group)
  end
  return ops.scatter_add(group, order, at), first, counts, ops.sum(begins) + tools.min(n, 1)
end

-- The first `size` of a vector, which may have less: then with a value behind them.
local function with_length(x, size, value)
  local missing = tools.max(size - tools.size(x, 0), 0)
  return tools.with_size(tools.part(tools.pad(x, 0, 0, missing, value), 0, 0, size), 0, size)
end

op("unique", "x, sorted:bool=true, return_index:bool=false, return_inverse:bool=false, "
  .. "return_counts:bool=false, axis:int=nil, size:int=nil, fill_value:num=nil",
  "The different elements (or what differs along an axis); where it is asked for, their first "
  .. "places, the number of each element among them, how often each occurs. size fixes how many "
  .. "there are, with fill_value (None: 0) for the missing ones: in a trace it must be given.",
  function (x, is_sorted, return_index, return_inverse, return_counts, axis, size, fill_value)
    if not size then
      tools.need_values("unique", x, "how many different values there are", "give size")
    elseif size < 0 then
      core.raise("unique: a size of %d", size)
    end
    local numbers = tools.number(axis == nil and ops.ravel(x) or x)
    local at = axis == nil and 0 or tools.axis("unique", axis, x.rank)
    numbers = ops.swapaxes(numbers, 0, at)
    local n = tools.size(numbers, 0)
    local group, first, counts, found = groups_of(rows_of(numbers), is_sorted)
    local m = size or found:item()
    first, counts = with_length(first, m, 0x7fffffff), with_length(counts, m, 0)
    local exists = ops.less(first, n)
    local y = ops.gather(tools.pad(numbers, 0, 0, 1, fill_value or 0), ops.minimum(first, n))
    local results = { tools.like(ops.swapaxes(y, 0, at), x) }
    if return_index then results[#results + 1] = ops.where(exists, first, 1) end
    if return_inverse then
      results[#results + 1] = axis == nil and ops.reshape_like(group, x) or group
    end
    if return_counts then results[#results + 1] = counts end
    return table.unpack(results)
  end)
