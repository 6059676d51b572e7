-- K's functions of single numbers, and switch, which chooses between two.

local core = require "lunula.core"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local takes = tools.takes

local K = {}

local function or_default(value, default)
  if value == nil then return default end
  return value
end

-- x to the power of a, element by element.
K.pow = takes("K.pow", "x, a:value",
  function (x, a) return ops.power(x, a) end)
-- The square root; what is below 0 counts as 0.
K.sqrt = takes("K.sqrt", "x",
  function (x) return ops.sqrt(ops.maximum(x, 0)) end)
-- The line 0.2 x + 0.5, cut off at 0 and 1.
K.hard_sigmoid = takes("K.hard_sigmoid", "x:data",
  function (x) return ops.clip(x * 0.2 + 0.5, 0, 1) end)

-- x within bounds; a bound that is not said holds nothing back.
K.clip = takes("K.clip", "x, min_value:value=nil, max_value:value=nil",
  function (x, min_value, max_value)
  min_value, max_value = or_default(min_value, -math.huge), or_default(max_value, math.huge)
  if type(min_value) == "number" and type(max_value) == "number" then
    max_value = math.max(min_value, max_value)
  end
  return ops.clip(x, min_value, max_value)
end)

-- x, or alpha (exp(x) - 1) where x is below 0.
K.elu = takes("K.elu", "x, alpha:num=1",
  function (x, alpha) return ops.elu(x, alpha) end)

-- x above the threshold, up to max_value; alpha is the slope below the threshold.
K.relu = takes("K.relu", "x:data, alpha:num=0, max_value:num=nil, threshold:num=0",
  function (x, alpha, max_value, threshold)
  local y = threshold == 0 and ops.relu(x) or ops.where(ops.less(threshold, x), x, 0)
  if max_value then y = ops.clip(y, 0, max_value) end
  if alpha == 0 then return y end
  return y - ops.relu(threshold - x) * alpha
end)

-- A scalar condition may choose between functions; one of lower rank stands before the last axes.
K.switch = takes("K.switch", "condition:data, then_expression:any, else_expression:any",
  function (condition, then_expression, else_expression)
    condition = tools.cast(condition, "bool")
    local function value(e) if type(e) == "function" then return e() end return e end
    if condition.rank == 0 and type(then_expression) == "function" then
      return ops.cond(condition, then_expression, function () return value(else_expression) end)
    end
    local first = tools.tensor("K.switch", value(then_expression))
    local second = tools.tensor("K.switch", value(else_expression))
    if condition.rank > first.rank then
      core.raise("K.switch: the condition has rank %d, then_expression only %d", condition.rank,
        first.rank)
    end
    while condition.rank > 0 and condition.rank < first.rank do
      condition = ops.expand_dims(condition, -1)
    end
    return ops.where(condition, first, second)
  end)

return K
