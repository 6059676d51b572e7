-- Activation functions. Written without branches where that can be done: a branch that is not taken
-- still runs, and an infinity in it makes NaN of the gradient.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op, alias = core.ops, tools.family "nn", tools.alias

-- ---- bent lines -------------------------------------------------------------------------------

op("relu6", "x", "x held between 0 and 6.", function (x)
  return ops.minimum(ops.relu(x), 6)
end)

op("leaky_relu", "x, negative_slope:num=0.2", "x where it is above 0, else negative_slope * x.",
  function (x, negative_slope)
    return ops.where(ops.less(0, x), x, x * negative_slope)
  end)

op("hard_sigmoid", "x", "x / 6 + 1/2, held between 0 and 1.", function (x)
  return ops.clip(x / 6 + 0.5, 0, 1)
end)

op("hard_silu", "x", "x * hard_sigmoid(x).", function (x)
  return x * ops.hard_sigmoid(x)
end)
alias("hard_swish", "hard_silu", { file_class = "nn.HardSilu" })

op("hard_tanh", "x", "x held between -1 and 1.", function (x)
  return ops.clip(x, -1, 1)
end)

op("hard_shrink", "x, threshold:num=0.5", "x where |x| is above the threshold, else 0.",
  function (x, threshold)
    return ops.where(ops.less(threshold, ops.abs(x)), x, 0)
  end)

op("soft_shrink", "x, threshold:num=0.5", "x moved towards 0 by the threshold, not beyond.",
  function (x, threshold)
    return ops.relu(x - threshold) - ops.relu(-x - threshold)
  end)

op("threshold", "x, threshold:num, default_value:num",
  "x where it is above the threshold, else default_value.",
  function (x, threshold, default_value)
    return ops.where(ops.less(threshold, x), x, default_value)
  end)

op("sparse_sigmoid", "x", "(x + 1) / 2, held between 0 and 1.", function (x)
  return ops.clip((x + 1) * 0.5, 0, 1)
end)

op("sparse_plus", "x", "0 up to -1, (x + 1)^2 / 4 up to 1, then x.", function (x)
  local bend = ops.square(ops.clip(x, -1, 1) + 1) / 4
  return bend + ops.relu(x - 1)
end)

-- ---- smooth ones ------------------------------------------------------------------------------

local function elu(x, alpha)
  return ops.relu(x) + ops.expm1(ops.minimum(x, 0)) * alpha
end

op("elu", "x, alpha:num=1.0", "x where it is above 0, else alpha (exp(x) - 1).", elu)

op("selu", "x", "elu scaled so that it keeps mean 0 and variance 1.", function (x)
  return elu(x, 1.6732632423543772) * 1.0507009873554805
end)

op("celu", "x, alpha:num=1.0", "x where it is above 0, else alpha (exp(x / alpha) - 1).",
  function (x, alpha)
    return ops.relu(x) + ops.expm1(ops.minimum(x, 0) / alpha) * alpha
  end)

op("silu", "x", "x * sigmoid(x).", function (x)
  return x * ops.sigmoid(x)
end)
alias("swish", "silu", { file_class = "nn.Silu" })

op("log_sigmoid", "x", "log(sigmoid(x)).", function (x)
  return -ops.softplus(-x)
end)

op("softsign", "x", "x / (1 + |x|).", function (x)
  return x / (ops.abs(x) + 1)
end)

op("tanh_shrink", "x", "x - tanh(x).", function (x)
  return x - ops.tanh(x)
end)

op("squareplus", "x, b:num=4", "(x + sqrt(x^2 + b)) / 2.", function (x, b)
  return (x + ops.sqrt(ops.square(x) + b)) / 2
end)

-- ---- along an axis ----------------------------------------------------------------------------

-- The rows know one axis; several together go through the logarithm of the sum.
for _, name in ipairs { "softmax", "log_softmax" } do
  local row = tools.row(name)
  op(name, "x, axis:axes?=-1", name == "softmax" and "e ^ x over its sum along the axes."
    or "The logarithm of softmax, without it.", function (x, axis)
      if type(axis) == "table" and #axis == 1 then axis = axis[1] end
      if type(axis) == "number" then return row(x, axis) end
      local y = x - ops.logsumexp(x, axis, true)
      return name == "softmax" and ops.exp(y) or y
    end)
end

op("glu", "x, axis:int=-1", "The first half of x times the sigmoid of the second half.",
  function (x, axis)
    local value, gate = ops.split(x, 2, axis)
    return value * ops.sigmoid(gate)
  end)

-- Without sorting: an element belongs to the support when 1 + k z > s, where k and s count and sum
-- the elements that are not smaller than z.
op("sparsemax", "x, axis:int=-1", "The nearest point of the probability simplex.",
  function (x, axis)
    axis = tools.axis("sparsemax", axis, x.rank)
    local z = ops.expand_dims(x, axis + 1)
    local others = ops.expand_dims(x, axis)
    local above = ops.cast(ops.less_equal(z, others), "float32")
    local rank, sum = ops.sum(above, axis + 1), ops.sum(above * others, axis + 1)
    local support = ops.stop_gradient(ops.cast(ops.less(sum, rank * x + 1), "float32"))
    local size = ops.sum(support, axis, true)
    local level = (ops.sum(support * x, axis, true) - 1) / size
    return ops.relu(x - level)
  end)
