-- What is said of many numbers: quantiles, histograms, correlations. Sorted numbers have NaN last,
-- so the last one tells whether there is one.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.op
local sort = tools.row "sort"

-- ---- quantiles --------------------------------------------------------------------------------

-- a * b as two floats: what is rounded, and what it is short of the product. Each float is split
-- into halves, whose products are exact (T. J. Dekker, "A floating-point technique for extending
-- the available precision", 1971).
local function product(a, b)
  local function halves(x)
    local large = x * 4097.0
    local high = large - (large - x)
    return high, x - high
  end
  local y = a * b
  local a1, a0 = halves(a)
  local b1, b0 = halves(b)
  return y, ((a1 * b1 - y) + a1 * b0 + a0 * b1) + a0 * b0
end

-- The whole numbers around a place between the first and the last, and how far it is from the
-- lower one: a part, and what that is short of. As exact as Keras's float64, because 0.3 * 10 in
-- float32 is 3, and a little more in truth.
local function around(last, q)
  local place, rest = product(last, q)
  local floor = ops.floor(place)
  local lower = floor - ops.cast(ops.equal(place, floor) & ops.less(rest, 0), "float32")
  local part = place - lower
  local is_whole = ops.equal(part, 0) & ops.equal(rest, 0)
  return lower, lower + ops.cast(~is_whole, "float32"), part, rest
end

local methods = {}

function methods.lower(take, lower) return take(lower) end
function methods.higher(take, _, higher) return take(higher) end

function methods.midpoint(take, lower, higher)
  return 0.5 * (take(lower) + take(higher))
end

-- Halves go to the even one.
function methods.nearest(take, lower, higher, part, rest)
  local is_odd = ops.not_equal(ops.mod(lower, 2), 0)
  local is_beyond = ops.greater(rest, 0) | ops.equal(rest, 0) & is_odd
  return take(ops.where(ops.greater(part, 0.5) | ops.equal(part, 0.5) & is_beyond, higher, lower))
end

-- Nothing is taken from beside a place that is whole: it might be infinite.
function methods.linear(take, lower, higher, part, rest)
  local a, b = take(lower), take(higher)
  part = part + rest + ops.zeros_like(b)
  return ops.where(ops.equal(part, 0), a, a * (1 - part) + b * part)
end

-- x with the axes (None: all) as one at the end, and the axes that are left.
local function axes_to_end(name, x, axis)
  local axes = tools.axes(name, axis, x.rank)
  local gone, order, kept, sizes = {}, {}, {}, {}
  for _, at in ipairs(axes) do gone[at] = true end
  for i, size in ipairs(tools.sizes(x)) do
    if not gone[i - 1] then
      order[#order + 1], kept[#kept + 1] = i - 1, i - 1
      sizes[#sizes + 1] = size < 0 and -1 - #order or size
    end
  end
  local n = 1
  for i, size in ipairs(x.shape) do
    if gone[i - 1] then
      order[#order + 1] = i - 1
      n = n and size and n * size or false
    end
  end
  sizes[#sizes + 1] = n or -1
  return ops.reshape(#order > 0 and ops.transpose(x, order) or x, sizes), kept
end

-- (rest ..., k) with the axes of q in front, and those that were left out, of size 1, in their
-- places.
local function laid_out(y, x, q, kept, keepdims)
  y = ops.moveaxis(y, -1, 0)
  local sizes = tools.sizes(y)
  local shape = tools.sizes(q)
  for i, size in ipairs(shape) do
    if size < 0 then shape[i] = q.rank == 1 and -2 or size end
  end
  local place = {}
  for i, axis in ipairs(kept) do place[axis] = sizes[i + 1] end
  for axis = 0, x.rank - 1 do
    if place[axis] or keepdims then shape[#shape + 1] = place[axis] or 1 end
  end
  return ops.reshape(y, shape)
end

local function quantile(name, x, q, axis, method, keepdims, skips_nan)
  local choose = methods[method]
  if not choose then
    core.raise("%s: method must be linear, lower, higher, midpoint or nearest, got \"%s\"", name,
      method)
  end
  local rows, kept = axes_to_end(name, tools.float(x), axis)
  local end_axis = rows.rank - 1
  local n = tools.size(rows, end_axis)
  if n == 0 then
    core.raise("%s: %s has no elements along the axis", name, tools.shape_text(x.shape))
  end
  local sorted = sort(rows)
  local most = tools.is_known(n) and n - 1.0 or ops.cast(n - 1, "float32")
  local quota = ops.ravel(tools.float(q))
  local last, take = most
  if skips_nan then
    last = ops.sum(ops.cast(~ops.isnan(rows), "float32"), -1, true) - 1
    quota = quota + ops.zeros_like(last)
    take = function (place) return ops.take_along_axis(sorted, place, -1) end
  else
    take = function (place) return ops.take(sorted, place, end_axis) end
  end
  local lower, higher, part, rest = around(last, quota)
  local y = choose(function (place)
    place = ops.maximum(ops.minimum(place, last), 0)
    return take(ops.cast(ops.stop_gradient(place), "int32"))
  end, lower, higher, part, rest)
  if not skips_nan then
    local largest = ops.stop_gradient(tools.part(sorted, end_axis, n - 1, 1))
    y = ops.where(ops.isnan(largest), 0 / 0, y)
  end
  return laid_out(y, x, q, kept, keepdims)
end

local signature = "x, q, axis:axes=nil, method:str=\"linear\", keepdims:bool=false"

local function of_hundred(q) return tools.float(q) / 100 end

op("quantile", signature, "The value below which a part q of the elements lies, from 0 to 1, over "
  .. "the axes (None: all). method: linear, lower, higher, midpoint, nearest.",
  function (x, q, axis, method, keepdims)
    return quantile("quantile", x, q, axis, method, keepdims)
  end)

op("percentile", signature, "As quantile, q from 0 to 100.",
  function (x, q, axis, method, keepdims)
    return quantile("percentile", x, of_hundred(q), axis, method, keepdims)
  end)

op("nanquantile", signature, "The quantile of the elements that are numbers (none: NaN).",
  function (x, q, axis, method, keepdims)
    return quantile("nanquantile", x, q, axis, method, keepdims, true)
  end)

op("nanpercentile", signature, "The percentile of the elements that are numbers (none: NaN).",
  function (x, q, axis, method, keepdims)
    return quantile("nanpercentile", x, of_hundred(q), axis, method, keepdims, true)
  end)

local half = "x, axis:axes=nil, keepdims:bool=false"

op("median", half, "The middle of the elements over the axes (None: all).",
  function (x, axis, keepdims)
    return quantile("median", x, core.tensor(0.5), axis, "linear", keepdims)
  end)

op("nanmedian", half, "The middle of the elements that are numbers (none: NaN).",
  function (x, axis, keepdims)
    return quantile("nanmedian", x, core.tensor(0.5), axis, "linear", keepdims, true)
  end)

-- ---- histograms -------------------------------------------------------------------------------

local function is_range(range)
  return type(range) == "table" and type(range[1]) == "number" and type(range[2]) == "number"
    and #range == 2 and range[1] <= range[2]
end

op("histogram", "x, bins:int=10, range:any=nil",
  "How many elements of a vector fall into each of the bins, and the edges of these, which divide "
  .. "the range {least, most} (None: that of x) evenly.", function (x, bins, range)
    if x.rank > 1 or bins < 1 then
      core.raise("histogram: x has one axis and bins is 1 or more, got shape %s and %d",
        tools.shape_text(x.shape), bins)
    elseif range and not is_range(range) then
      core.raise("histogram: range must be {least, most}")
    end
    x = ops.ravel(x)
    local numbers = tools.number(x)
    local low, high = range and range[1] or ops.min(numbers), range and range[2] or ops.max(numbers)
    local edges = tools.like(ops.linspace(low, high, bins + 1), numbers)
    local among = ops.less_equal(low, numbers) & ops.less_equal(numbers, high)
    local bin = ops.searchsorted(tools.part(edges, 0, 1, bins - 1), numbers, "right")
    local counts = ops.scatter_add(ops.cast(among, "int32"), bin, ops.zeros({ bins }, "int32"))
    return tools.cast(counts, numbers.dtype), edges
  end)

-- ---- correlation ------------------------------------------------------------------------------

op("corrcoef", "x", "How the rows of x correlate with each other, from -1 to 1.", function (x)
  if x.rank ~= 2 then
    core.raise("corrcoef: x has two axes, its shape is %s", tools.shape_text(x.shape))
  end
  x = tools.float(x)
  local centred = x - ops.mean(x, -1, true)
  local products = ops.matmul(centred, ops.transpose(centred))
  local size = ops.sqrt(ops.sum(ops.square(centred), -1))
  return ops.clip(products / ops.outer(size, size), -1, 1)
end)

-- x2 laid along x1 at each place where all of it is inside.
local function slid(x1, x2)
  local y = ops.conv(ops.reshape(x1, { 1, -1, 1 }), ops.reshape(x2, { -1, 1, 1 }))
  return ops.ravel(y)
end

op("correlate", "x1, x2, mode:str=\"valid\"",
  "The sums of products of two vectors, one moved along the other: where one lies inside the other "
  .. "(valid), wherever they touch (full), or the middle of these, as long as the longer (same).",
  function (x1, x2, mode)
    if x1.rank ~= 1 or x2.rank ~= 1 then
      core.raise("correlate: x1 and x2 have one axis, they are %s and %s",
        tools.shape_text(x1.shape), tools.shape_text(x2.shape))
    elseif mode ~= "valid" and mode ~= "same" and mode ~= "full" then
      core.raise("correlate: mode must be valid, same or full, got \"%s\"", mode)
    end
    x1, x2 = tools.float(x1), tools.float(x2)
    local n, m = tools.size(x1, 0), tools.size(x2, 0)
    if mode == "valid" then
      if not tools.is_known(n) or not tools.is_known(m) or n >= m then return slid(x1, x2) end
      return ops.flip(slid(x2, x1), 0)
    end
    local known = x1.shape[1] and x2.shape[1] and n + 2 * m - 2 or nil
    local all = slid(tools.pad(x1, 0, m - 1, m - 1, 0, known), x2)
    if mode == "full" then return all end
    local length = tools.max(n, m)
    return tools.part(all, 0, (n + m - 1 - length) // 2, length)
  end)

op("cdist", "x, y", "The distance of each row of x from each row of y.", function (x, y)
  local known = x.rank > 1 and y.rank > 1
  local a, b = x.shape[x.rank], y.shape[y.rank]
  if not known or a and b and a ~= b then
    core.raise("cdist: x and y have two axes or more and the same last one, they are %s and %s",
      tools.shape_text(x.shape), tools.shape_text(y.shape))
  end
  if not a and b then x = tools.with_size(x, x.rank - 1, b) end
  if not b and a then y = tools.with_size(y, y.rank - 1, a) end
  local away = ops.expand_dims(x, -2) - ops.expand_dims(y, -3)
  return tools.root(ops.sum(ops.square(tools.float(away)), -1))
end, { file_class = "math.CDist" })
