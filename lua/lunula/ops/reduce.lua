-- Reductions that are not rows: means and variances, tests over all elements, and sums of
-- exponentials. The number of elements is the op `count`, because the batch may be unknown.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op, alias = core.ops, tools.op, tools.alias

-- ---- what Keras's signatures have beyond the rows ----------------------------------------------

local row = {}
for _, name in ipairs { "max", "min", "prod", "cumsum" } do row[name] = tools.row(name) end

-- The largest of nothing is no number.
local function need_elements(name, x, axis)
  local sizes = x.shape
  for _, at in ipairs(tools.axes(name, axis, x.rank)) do
    if sizes[at + 1] == 0 then
      core.raise("%s: axis %d of %s has no elements (give initial)", name, at,
        tools.shape_text(sizes))
    end
  end
end

op("max", "x, axis:axes=nil, keepdims:bool=false, initial:num=nil",
  "The largest over the axes (None: all), and not less than initial.",
  function (x, axis, keepdims, initial)
    if not initial then need_elements("max", x, axis) end
    local y = row.max(x, axis, keepdims)
    return initial and tools.like(ops.maximum(y, initial), y) or y
  end)

op("min", "x, axis:axes=nil, keepdims:bool=false, initial:num=nil",
  "The smallest over the axes (None: all), and not more than initial.",
  function (x, axis, keepdims, initial)
    if not initial then need_elements("min", x, axis) end
    local y = row.min(x, axis, keepdims)
    return initial and tools.like(ops.minimum(y, initial), y) or y
  end)

op("prod", "x, axis:axes=nil, keepdims:bool=false, dtype:dtype=nil",
  "The product over the axes (None: all).", function (x, axis, keepdims, dtype)
    return row.prod(dtype and tools.cast(x, dtype) or x, axis, keepdims)
  end)

op("cumsum", "x, axis:int=nil, dtype:dtype=nil, reverse:bool=false, exclusive:bool=false",
  "Running sums along an axis (None: of all).", function (x, axis, dtype, reverse, exclusive)
    if dtype then x = tools.cast(x, dtype) end
    if axis == nil then x, axis = ops.reshape(x, { -1 }), 0 end
    return row.cumsum(x, axis, reverse, exclusive)
  end, { file_ours = "reverse exclusive" })

alias("amax", "max", { file_ours = "initial" })
alias("amin", "min", { file_ours = "initial" })

-- ---- tests ------------------------------------------------------------------------------------

local function how_many(x, axis, keepdims)
  return ops.sum(ops.cast(x, "int32"), axis, keepdims)
end

op("any", "x, axis:axes=nil, keepdims:bool=false", "True where an element is not 0.",
  function (x, axis, keepdims)
    return ops.not_equal(how_many(ops.not_equal(x, 0), axis, keepdims), 0)
  end)

op("all", "x, axis:axes=nil, keepdims:bool=false", "True where no element is 0.",
  function (x, axis, keepdims)
    return ops.equal(how_many(ops.equal(x, 0), axis, keepdims), 0)
  end)

op("count_nonzero", "x, axis:axes=nil", "The number of elements that are not 0.",
  function (x, axis)
    return how_many(ops.not_equal(x, 0), axis)
  end)

op("allclose", "x1, x2, rtol:num=1e-5, atol:num=1e-8, equal_nan:bool=false",
  "Whether isclose holds for every element.", function (x1, x2, rtol, atol, equal_nan)
    return ops.all(ops.isclose(x1, x2, rtol, atol, equal_nan))
  end, { file_class = "numpy.AllClose" })

-- ---- means ------------------------------------------------------------------------------------

op("mean", "x, axis:axes=nil, keepdims:bool=false", "The mean; of integers a float.",
  function (x, axis, keepdims)
    return ops.sum(tools.float(x), axis, keepdims) / ops.count(x, axis)
  end)

op("average", "x, axis:axes=nil, weights=nil",
  "The mean of x with the given weights, which have x's shape or the length of one axis.",
  function (x, axis, weights)
    if weights == nil then return ops.mean(x, axis) end
    if weights.rank ~= x.rank then
      if weights.rank ~= 1 or type(axis) ~= "number" then
        core.raise("average: weights of shape %s need one axis of x, whose shape is %s",
          tools.shape_text(weights.shape), tools.shape_text(x.shape))
      end
      local shape = tools.fill(x.rank, 1)
      shape[tools.axis("average", axis, x.rank) + 1] = -1
      weights = ops.reshape(weights, shape) * ops.ones_like(x)
    end
    return ops.sum(x * weights, axis) / ops.sum(weights, axis)
  end)

op("var", "x, axis:axes=nil, keepdims:bool=false", "The mean square distance from the mean.",
  function (x, axis, keepdims)
    x = tools.float(x)
    return ops.mean(ops.square(x - ops.mean(x, axis, true)), axis, keepdims)
  end)

op("std", "x, axis:axes=nil, keepdims:bool=false", "The square root of the variance.",
  function (x, axis, keepdims)
    return tools.root(ops.var(x, axis, keepdims))
  end)

op("ptp", "x, axis:axes=nil, keepdims:bool=false", "The largest element minus the smallest.",
  function (x, axis, keepdims)
    return row.max(x, axis, keepdims) - row.min(x, axis, keepdims)
  end)

-- ---- exponentials -----------------------------------------------------------------------------

-- The largest element is only there to keep exp small: the result does not depend on it, so no
-- gradient goes through it; where it is infinite it would make NaN of every difference.
op("logsumexp", "x, axis:axes=nil, keepdims:bool=false", "log(sum(exp(x))), without overflow.",
  function (x, axis, keepdims)
    x = tools.float(x)
    local largest = ops.stop_gradient(row.max(x, axis, true))
    largest = ops.where(ops.isfinite(largest), largest, 0)
    local y = ops.log(ops.sum(ops.exp(x - largest), axis, true)) + largest
    if keepdims then return y end
    return ops.sum(y, axis) -- of one element: drops the axes
  end, { file_class = "math" })

-- ---- running products -------------------------------------------------------------------------

op("cumprod", "x, axis:int=nil, dtype:dtype=nil", "Running products along an axis (None: of all).",
  function (x, axis, dtype)
    x = tools.number(dtype and tools.cast(x, dtype) or x)
    if axis == nil then x, axis = ops.reshape(x, { -1 }), 0 end
    axis = tools.axis("cumprod", axis, x.rank)
    return ops.recurrence(x, ops.where(ops.equal(ops.iota_like(x, axis), 0), x, 0), axis)
  end)

-- ---- without NaN ------------------------------------------------------------------------------

-- Each is its plain namesake after NaN was replaced by what does not count.
local function ignoring(name, plain, neutral, doc)
  op(name, "x, axis:axes=nil, keepdims:bool=false", doc, function (x, axis, keepdims)
    return ops[plain](ops.where(ops.isnan(x), neutral, x), axis, keepdims)
  end)
end

ignoring("nansum", "sum", 0, "The sum of the elements that are numbers.")
ignoring("nanprod", "prod", 1, "The product of the elements that are numbers.")
local function numbers(x, axis, keepdims)
  return ops.sum(ops.cast(~ops.isnan(x), "float32"), axis, keepdims)
end

-- Where there is no number, the extreme is NaN. What is no float has no NaN.
local function extreme(name, plain, neutral, doc)
  op(name, "x, axis:axes=nil, keepdims:bool=false", doc, function (x, axis, keepdims)
    if not tools.is_float(x) then return ops[plain](x, axis, keepdims) end
    local y = row[plain](ops.where(ops.isnan(x), neutral, x), axis, keepdims)
    return ops.where(ops.equal(numbers(x, axis, keepdims), 0), 0 / 0, y)
  end)
end

extreme("nanmax", "max", -math.huge, "The largest element that is a number (none: NaN).")
extreme("nanmin", "min", math.huge, "The smallest element that is a number (none: NaN).")

op("nanmean", "x, axis:axes=nil, keepdims:bool=false", "The mean of the elements that are numbers.",
  function (x, axis, keepdims)
    return ops.nansum(x, axis, keepdims) / numbers(x, axis, keepdims)
  end)

op("nanvar", "x, axis:axes=nil, keepdims:bool=false",
  "The variance of the elements that are numbers.", function (x, axis, keepdims)
    local distance = x - ops.nanmean(x, axis, true)
    return ops.nansum(ops.square(distance), axis, keepdims) / numbers(x, axis, keepdims)
  end)

op("nanstd", "x, axis:axes=nil, keepdims:bool=false",
  "The standard deviation of the elements that are numbers.", function (x, axis, keepdims)
    return ops.sqrt(ops.nanvar(x, axis, keepdims))
  end)

-- Where no element is a number, the place is -1.
local function place_of_extreme(name, plain, neutral, doc)
  op(name, "x, axis:int=nil, keepdims:bool=false", doc, function (x, axis, keepdims)
    if not tools.is_float(x) then return ops[plain](x, axis, keepdims) end
    local place = ops[plain](ops.where(ops.isnan(x), neutral, x), axis, keepdims)
    return ops.where(ops.equal(numbers(x, axis, keepdims), 0), -1, place)
  end)
end

place_of_extreme("nanargmax", "argmax", -math.huge,
  "The place of the largest element that is a number (none: -1).")
place_of_extreme("nanargmin", "argmin", math.huge,
  "The place of the smallest element that is a number (none: -1).")

local function running(name, plain, neutral, doc)
  op(name, "x, axis:int=nil, dtype:dtype=nil", doc, function (x, axis, dtype)
    return ops[plain](tools.is_float(x) and ops.where(ops.isnan(x), neutral, x) or x, axis, dtype)
  end)
end

running("nancumsum", "cumsum", 0, "Running sums along an axis (None: of all), NaN as 0.")
running("nancumprod", "cumprod", 1, "Running products along an axis (None: of all), NaN as 1.")

-- ---- areas ------------------------------------------------------------------------------------

op("trapezoid", "y, x=nil, dx:num=1.0, axis:int=-1",
  "The area under y along an axis, its points joined by lines: at the places x, or dx apart.",
  function (y, x, dx, axis)
    y = tools.float(y)
    axis = tools.axis("trapezoid", axis, y.rank)
    local later = tools.part(y, axis, 1, -1)
    local before = ops.slice_like(y, later, tools.fill(y.rank, 0))
    local width = dx
    if x ~= nil then
      local is_line = x.rank == 1 and y.rank > 1
      local step = ops.diff(tools.float(x), 1, is_line and 0 or axis)
      local sizes = tools.fill(y.rank, 1)
      sizes[axis + 1] = step.shape[1] or -1
      width = is_line and ops.reshape(step, sizes) or step
    end
    return ops.sum((later + before) * 0.5 * width, axis)
  end, { file_made = "x" })
