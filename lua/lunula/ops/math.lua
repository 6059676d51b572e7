-- Elementwise composites: second names, logarithms of other bases, rounding, comparison with a
-- tolerance, and the special functions that random numbers need. Each is written so that no branch
-- that is not taken can spoil a gradient with NaN.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op, alias = core.ops, tools.op, tools.alias
local inf = math.huge
local log_of_2, log_of_10 = math.log(2), math.log(10)

alias("absolute", "abs")
alias("true_divide", "divide")

op("fabs", "x", "|x| as a float.", function (x)
  return ops.abs(tools.float(x))
end)

-- ---- powers and logarithms --------------------------------------------------------------------

op("log2", "x", "Logarithm to the base 2.", function (x)
  return ops.log(x) / log_of_2
end)

op("log10", "x", "Logarithm to the base 10.", function (x)
  return ops.log(x) / log_of_10
end)

op("exp2", "x", "2 to the power of x.", function (x)
  return ops.exp(x * log_of_2)
end)

op("cbrt", "x", "The real cube root, negative where x is.", function (x)
  x = tools.float(x)
  local zero = ops.equal(x, 0)
  local size = ops.abs(ops.where(zero, 1, x))
  return ops.where(zero, 0, ops.sign(x) * size ^ (1 / 3))
end)

op("hypot", "x1, x2", "sqrt(x1^2 + x2^2), without overflow on the way.", function (x1, x2)
  local a, b = ops.abs(tools.float(x1)), ops.abs(tools.float(x2))
  local large, small = ops.maximum(a, b), ops.minimum(a, b)
  local zero = ops.equal(large, 0)
  local ratio = small / ops.where(zero, 1, large)
  return large * ops.sqrt(1 + ops.square(ratio))
end)

-- log(base^x1 + base^x2). Where both are equal the difference is kept out of the way: it would be
-- NaN at infinity, and its gradient would not be even.
local function log_of_sum(x1, x2, log_of_base)
  x1, x2 = tools.float(x1), tools.float(x2)
  local same = ops.equal(x1, x2)
  local gap = ops.where(same, 0, x1 - x2)
  local larger = ops.maximum(x1, x2)
  local more = ops.log1p(ops.exp(ops.abs(gap) * -log_of_base)) / log_of_base
  return ops.where(same, (x1 + x2) / 2 + log_of_2 / log_of_base, larger + more)
end

op("logaddexp", "x1, x2", "log(exp(x1) + exp(x2)).", function (x1, x2)
  return log_of_sum(x1, x2, 1)
end)

op("logaddexp2", "x1, x2", "log2(2^x1 + 2^x2).", function (x1, x2)
  return log_of_sum(x1, x2, log_of_2)
end)

-- ---- division, signs and rounding -------------------------------------------------------------

op("divide_no_nan", "x1, x2", "x1 / x2, and 0 where x2 is 0.", function (x1, x2)
  local zero = ops.equal(x2, 0)
  return ops.where(zero, 0, x1 / ops.where(zero, 1, x2))
end)

local round_to_whole = tools.row "round"

op("round", "x, decimals:int=0",
  "The nearest number with so many decimals; halves go to the even one.",
  function (x, decimals)
    if decimals == 0 or decimals > 0 and not tools.is_float(x) then return round_to_whole(x) end
    local scale = 10.0 ^ decimals
    return tools.like(round_to_whole(x * scale) / scale, x)
  end)

op("fmod", "x1, x2", "The remainder of x1 / x2 with the sign of x1.", function (x1, x2)
  return ops.sign(x1) * ops.mod(ops.abs(x1), ops.abs(x2))
end)

op("signbit", "x", "True where x is below 0, and for -0.", function (x)
  x = tools.float(x)
  return ops.where(ops.equal(x, 0), ops.less(1 / x, 0), ops.less(x, 0))
end)

op("heaviside", "x1, x2", "0 where x1 is below 0, 1 where it is above, x2 where it is 0.",
  function (x1, x2)
    if x1.dtype == "bool" and x2.dtype == "bool" then return ops.where(x1, true, x2) end
    return ops.where(ops.less(x1, 0), 0.0, ops.where(ops.less(0, x1), 1.0, x2))
  end)

op("clip", "x, x_min, x_max", "x held between x_min and x_max.", function (x, x_min, x_max)
  x = tools.number(x)
  return ops.minimum(ops.maximum(x, x_min), x_max)
end, { file_made = "x_min x_max" })

op("deg2rad", "x", "Degrees to radians.", function (x)
  return x * (math.pi / 180)
end)

op("rad2deg", "x", "Radians to degrees.", function (x)
  return x * (180 / math.pi)
end)

op("sinc", "x", "sin(pi x) / (pi x), and 1 at 0.", function (x)
  local zero = ops.equal(x, 0)
  local angle = ops.where(zero, 1, x * math.pi)
  return ops.where(zero, 1, ops.sin(angle) / angle)
end)

op("diff", "a, n:int=1, axis:int=-1", "Each element minus the one before it, n times over.",
  function (a, n, axis)
    axis = tools.axis("diff", axis, a.rank)
    local size = a.shape[axis + 1]
    if n < 0 or not size and n > 1000 then
      core.raise("diff: %d times, along an axis of size %s", n, size or "None")
    end
    for _ = 1, size and math.min(n, size) or n do -- then nothing is left
      local later = tools.part(a, axis, 1, -1)
      local before = ops.slice_like(a, later, tools.fill(a.rank, 0))
      a = a.dtype == "bool" and ops.not_equal(later, before) or later - before
    end
    return a
  end)

-- ---- what is not a number ---------------------------------------------------------------------

op("isposinf", "x", "True where x is +infinity.", function (x)
  return ops.equal(x, inf)
end)

op("isneginf", "x", "True where x is -infinity.", function (x)
  return ops.equal(x, -inf)
end)

op("nan_to_num", "x, nan:num=0.0, posinf:num=nil, neginf:num=nil",
  "x with NaN and infinities replaced; these by the largest finite numbers unless given.",
  function (x, nan, posinf, neginf)
    if not tools.is_float(x) then return x end
    local largest = 3.4028234663852886e38
    x = ops.where(ops.isnan(x), nan, x)
    x = ops.where(ops.equal(x, inf), posinf or largest, x)
    return ops.where(ops.equal(x, -inf), neginf or -largest, x)
  end)

op("fmax", "x1, x2", "The larger one, ignoring NaN.", function (x1, x2)
  return ops.where(ops.isnan(x1), x2, ops.where(ops.isnan(x2), x1, ops.maximum(x1, x2)))
end)

op("fmin", "x1, x2", "The smaller one, ignoring NaN.", function (x1, x2)
  return ops.where(ops.isnan(x1), x2, ops.where(ops.isnan(x2), x1, ops.minimum(x1, x2)))
end)

-- ---- comparison with a tolerance --------------------------------------------------------------

op("isclose", "x1, x2, rtol:num=1e-5, atol:num=1e-8, equal_nan:bool=false",
  "True where |x1 - x2| <= atol + rtol |x2|.", function (x1, x2, rtol, atol, equal_nan)
    if not (tools.is_float(x1) or tools.is_float(x2)) then return ops.equal(x1, x2) end
    x1, x2 = tools.float(x1), tools.float(x2)
    local near = ops.less_equal(ops.abs(x1 - x2), ops.abs(x2) * rtol + atol)
    local close = ops.equal(x1, x2) | (near & ops.isfinite(x2))
    if equal_nan then close = close | (ops.isnan(x1) & ops.isnan(x2)) end
    return close
  end, { file_called = "rtol atol" })

local choose = tools.row "where"

op("where", "condition, x1=nil, x2=nil",
  "x1 where the condition holds, else x2; alone the places where it holds, a vector for each axis.",
  function (condition, x1, x2)
    if x1 ~= nil and x2 ~= nil then return choose(condition, x1, x2) end
    if x1 ~= nil or x2 ~= nil then core.raise("where: x1 and x2 are given both or neither") end
    if condition.rank == 0 then
      core.raise("where: a single condition has no places (give x1 and x2)")
    end
    tools.need_values("where", condition, "how many places there are", "give x1 and x2")
    return ops.nonzero(condition)
  end)

op("select", "condlist:tensors, choicelist:tensors, default=nil",
  "From the first choice whose condition holds; the default (None: 0) where none does.",
  function (conditions, choices, default)
    if #conditions ~= #choices or #choices == 0 then
      core.raise("select: %d conditions for %d choices", #conditions, #choices)
    end
    local y = default or 0
    for i = #conditions, 1, -1 do y = ops.where(conditions[i], choices[i], y) end
    return y
  end)

-- ---- the error function ------------------------------------------------------------------------

op("erfc", "x", "1 - erf(x).", function (x)
  return 1 - ops.erf(x)
end, { file_class = "math" })
