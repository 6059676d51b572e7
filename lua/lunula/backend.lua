-- K: the function names of Keras 1 and 2, as scripts from those days use them. Most are today's ops
-- under the same name; those whose defaults or rules differ are written out here. Also the settings
-- floatx, epsilon and image_data_format.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"
local tools = require "lunula.ops.tools"

local takes = tools.takes
local K = {}

for _, name in ipairs { "floatx", "set_floatx", "epsilon", "set_epsilon", "image_data_format",
  "set_image_data_format" } do
  K[name] = config[name]
end

for name, value in pairs(require "lunula.types") do K[name] = value end

-- Same name, same rule.
for _, name in ipairs { "abs", "all", "any", "cast", "cos", "equal", "exp", "greater",
  "greater_equal", "less", "less_equal", "log", "log_softmax", "logsumexp", "max", "maximum",
  "mean", "min", "minimum", "not_equal", "one_hot", "ones_like", "prod", "round", "sigmoid",
  "sign", "sin",
  "softplus", "softsign", "square", "stack", "std", "stop_gradient", "sum", "tanh", "var",
  "zeros_like", "reshape", "repeat_elements", "clip", "map", "binary_crossentropy",
  "categorical_crossentropy", "sparse_categorical_crossentropy" } do
  K[name] = ops[name]
end

local function or_default(value, default)
  if value == nil then return default end
  return value
end

-- Numbers and tables of numbers become tensors.
local function tensor(x, dtype)
  return core.is_tensor(x) and x or core.tensor(x, dtype and { dtype = dtype })
end

-- ---- variables and values ---------------------------------------------------------------------

-- A variable with that value; floatx is its type unless one is said.
K.variable = takes("K.variable", "value:any, dtype:dtype=nil, name:str=nil, constraint:any=nil",
  function (value, dtype, name)
  return core.variable {
    value = tools.cast(tensor(value, dtype or config.floatx()), dtype or config.floatx()),
    name = name or "variable", trainable = true,
  }
end)

-- A tensor of a number, or of nested tables; a number fills the shape.
K.constant = takes("K.constant", "value:any, dtype:dtype=nil, shape:sizes=nil, name:str=nil",
  function (value, dtype, shape)
  dtype = dtype or config.floatx()
  if type(value) == "number" and shape then return ops.full(shape, value, dtype) end
  local x = core.tensor(value, { dtype = dtype })
  return shape and ops.reshape(x, shape) or x
end)

-- A tensor of zeros.
K.zeros = takes("K.zeros", "shape:sizes, dtype:dtype=nil, name:str=nil",
  function (shape, dtype) return ops.zeros(shape, dtype) end)
-- A tensor of ones.
K.ones = takes("K.ones", "shape:sizes, dtype:dtype=nil, name:str=nil",
  function (shape, dtype) return ops.ones(shape, dtype) end)
-- A square matrix with ones on its diagonal.
K.eye = takes("K.eye", "size:int, dtype:dtype=nil, name:str=nil",
  function (size, dtype) return ops.eye(size, nil, 0, dtype) end)
-- Whole numbers from start to before stop; one number is the stop.
K.arange = takes("K.arange", "start:num, stop:num=nil, step:num=nil, dtype:dtype=nil",
  function (start, stop, step, dtype)
  if stop == nil and start < 0 then start = 0 end
  return ops.arange(start, stop, step or 1, dtype or "int32")
end)

-- A tensor with the numbers of a variable or an expression.
K.get_value = takes("K.get_value", "x", function (x)
  return core.is_variable(x) and x.value or x
end)
K.eval = K.get_value
-- Gives a variable a value.
K.set_value = takes("K.set_value", "x:variable, value:any", function (x, value)
  x:assign(tensor(value, x.dtype))
end)

-- The values of several variables, as a list.
K.batch_get_value = takes("K.batch_get_value", "tensors:tensors", function (list)
  local values = {}
  for i, x in ipairs(list) do values[i] = K.get_value(x) end
  return values
end)

-- Gives variables values: a list of { variable, value }.
K.batch_set_value = takes("K.batch_set_value", "tuples:any", function (tuples)
  if type(tuples) ~= "table" then
    core.raise("K.batch_set_value: a list of {variable, value} is wanted, got %s", type(tuples))
  end
  for i, pair in ipairs(tuples) do
    if type(pair) ~= "table" then
      core.raise("K.batch_set_value: entry %d must be {variable, value}, got %s", i, type(pair))
    end
    K.set_value(pair[1], pair[2])
  end
end)

-- Functions that give the variable a new value, and it back.
local function updater(name, more, fn)
  K[name] = takes("K." .. name, "x:variable, " .. more, function (x, ...)
    x:assign(fn(x, ...))
    return x
  end)
end

-- Gives a variable a new value, and returns the variable.
updater("update", "new_x", function (_, new_x) return new_x end)
-- Adds to a variable, and returns the variable.
updater("update_add", "increment", function (x, increment) return x + increment end)
-- Subtracts from a variable, and returns the variable.
updater("update_sub", "decrement", function (x, decrement) return x - decrement end)
-- Moves a variable a part of the way to value, 1 - momentum of it, and returns the variable.
updater("moving_average_update", "value, momentum:value", function (x, value, momentum)
  return x - (x - value) * (1 - momentum)
end)

-- The gradients of a scalar by each of the variables, as a list.
K.gradients = takes("K.gradients", "loss, variables:nest", function (loss, variables)
  return core.grad(loss, core.is_tensor(variables) and { variables } or variables)
end)

-- ---- facts about a tensor ---------------------------------------------------------------------

-- The shape; an unknown size in it is false.
K.int_shape = takes("K.int_shape", "x", function (x) return x.shape end)
K.shape = K.int_shape
-- The number of axes.
K.ndim = takes("K.ndim", "x", function (x) return x.rank end)
-- The type, as "float32".
K.dtype = takes("K.dtype", "x", function (x) return x.dtype end)
-- How many numbers are in it.
K.count_params = takes("K.count_params", "x", function (x) return x.size end)
-- false: there are no sparse tensors.
K.is_sparse = takes("K.is_sparse", "x=nil", function () return false end)
-- x itself, since there are no sparse tensors.
K.to_dense = takes("K.to_dense", "x", function (x) return x end)
-- The numbers as floatx, which is float32.
K.cast_to_floatx = takes("K.cast_to_floatx", "x:data", function (x)
  return tools.cast(x, config.floatx())
end)

-- local _ <close> = K.name_scope "encoder"
K.name_scope = takes("K.name_scope", "name:str", function (name) return core.enter(name) end)

-- ---- elementwise ------------------------------------------------------------------------------

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
    local first, second = tensor(value(then_expression)), tensor(value(else_expression))
    if condition.rank > first.rank then
      core.raise("switch: the condition has rank %d, then_expression only %d", condition.rank,
        first.rank)
    end
    while condition.rank > 0 and condition.rank < first.rank do
      condition = ops.expand_dims(condition, -1)
    end
    return ops.where(condition, first, second)
  end)

-- ---- along axes -------------------------------------------------------------------------------

-- Where the largest value along the axis stands, from 0.
K.argmax = takes("K.argmax", "x, axis:axes=-1",
  function (x, axis) return ops.argmax(x, axis) end)
-- Where the smallest value along the axis stands, from 0.
K.argmin = takes("K.argmin", "x, axis:axes=-1",
  function (x, axis) return ops.argmin(x, axis) end)
-- Sums of all values up to each along the axis.
K.cumsum = takes("K.cumsum", "x, axis:int=0",
  function (x, axis) return ops.cumsum(x, axis) end)
-- Products of all values up to each along the axis.
K.cumprod = takes("K.cumprod", "x, axis:int=0",
  function (x, axis) return ops.cumprod(x, axis) end)

-- The softmax along the axis, of a tensor with two axes or more.
K.softmax = takes("K.softmax", "x:data, axis:int=-1",
  function (x, axis)
  if x.rank <= 1 then core.raise("K.softmax: x has rank %d; it needs 2 or more", x.rank) end
  return ops.softmax(x, axis)
end)

-- Vectors along the axis, divided by their length.
K.l2_normalize = takes("K.l2_normalize", "x:data, axis:axes=nil",
  function (x, axis)
  return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis, true), 1e-12))
end)

-- x less the mean, by the root of the variance, times gamma, plus beta.
K.batch_normalization = takes("K.batch_normalization",
  "x, mean, var, beta=nil, gamma=nil, axis:any=nil, epsilon:num=1e-3",
  function (x, mean, var, beta, gamma, _, epsilon)
    local y = (x - mean) * ops.rsqrt(var + epsilon)
    if gamma ~= nil then y = y * gamma end
    if beta ~= nil then y = y + beta end
    return y
  end)

-- Whether the target is among the k largest predictions, row by row.
K.in_top_k = takes("K.in_top_k", "predictions, targets, k:int",
  function (predictions, targets, k)
  return ops.in_top_k(targets, predictions, k)
end)

-- ---- shapes -----------------------------------------------------------------------------------

-- The same with one more axis, of size 1.
K.expand_dims = takes("K.expand_dims", "x, axis:axes=-1",
  function (x, axis)
  return ops.expand_dims(x, axis)
end)
-- The same without axes of size 1.
K.squeeze = takes("K.squeeze", "x, axis:axes=nil",
  function (x, axis) return ops.squeeze(x, axis) end)
-- Tensors one after another along the axis.
K.concatenate = takes("K.concatenate", "tensors:tensors, axis:int=-1",
  function (tensors, axis)
  return ops.concatenate(tensors, axis)
end)
-- The axes in the order of pattern.
K.permute_dimensions = takes("K.permute_dimensions", "x, pattern:axes",
  function (x, pattern)
  return ops.transpose(x, pattern)
end)
-- The axes in reverse order.
K.transpose = takes("K.transpose", "x",
  function (x) return ops.transpose(x) end)
-- The values in reverse order along these axes.
K.reverse = takes("K.reverse", "x, axes:axes",
  function (x, axes)
  for _, axis in ipairs(type(axes) == "table" and axes or { axes }) do x = ops.flip(x, axis) end
  return x
end)
-- x, repeated n times along each axis.
K.tile = takes("K.tile", "x, n:sizes",
  function (x, n) return ops.tile(x, n) end)
-- All values along one axis.
K.flatten = takes("K.flatten", "x",
  function (x) return ops.ravel(x) end)
-- Rows of reference, by their numbers from 0.
K.gather = takes("K.gather", "reference, indices",
  function (reference, indices)
  return ops.take(reference, indices, 0)
end)

-- (b, ...) -> (b, all the rest)
K.batch_flatten = takes("K.batch_flatten", "x:data",
  function (x)
  local sizes = tools.sizes(x)
  return ops.reshape(x, { sizes[1], tools.product(table.move(sizes, 2, #sizes, 1, {})) })
end)

-- (b, f) -> (b, n, f)
K["repeat"] = takes("K.repeat", "x:data, n:int", function (x, n)
  if x.rank ~= 2 then core.raise("K.repeat: x must have rank 2, got %d", x.rank) end
  return ops["repeat"](ops.expand_dims(x, 1), n, 1)
end)

-- A sequence (batch, steps, features) with zeros before its first and behind its last step.
K.temporal_padding = takes("K.temporal_padding", "x, padding:any=nil",
  function (x, padding)
  padding = padding or { 1, 1 }
  return ops.pad(x, { { 0, 0 }, padding, { 0, 0 } })
end)

local function spatial_padding(x, padding, data_format)
  if type(padding) ~= "table" then
    core.raise("padding must be a list of {before, after}, got %s", type(padding))
  end
  local widths = { { 0, 0 } }
  if config.layout(data_format) == "channels_first" then widths[2] = { 0, 0 } end
  for _, pair in ipairs(padding) do widths[#widths + 1] = pair end
  if #widths < x.rank then widths[#widths + 1] = { 0, 0 } end
  return ops.pad(x, widths)
end

-- Images with rows and columns of zeros around them: { { top, bottom }, { left, right } }.
K.spatial_2d_padding = takes("K.spatial_2d_padding", "x, padding:any=nil, data_format:str=nil",
  function (x, padding, data_format)
  return spatial_padding(x, padding or { { 1, 1 }, { 1, 1 } }, data_format)
end)
-- Volumes with zeros around them: { before, behind } for each of the three axes.
K.spatial_3d_padding = takes("K.spatial_3d_padding", "x, padding:any=nil, data_format:str=nil",
  function (x, padding, data_format)
  return spatial_padding(x, padding or { { 1, 1 }, { 1, 1 }, { 1, 1 } }, data_format)
end)

-- Every cell becomes a block: factors for each spatial axis.
local function enlarge(x, factors, data_format)
  local first = config.layout(data_format) == "channels_first" and 2 or 1
  for i, factor in ipairs(factors) do x = ops["repeat"](x, factor, first + i - 1) end
  return x
end

-- Images, larger by whole factors.
K.resize_images = takes("K.resize_images",
  "x:data, height_factor:int, width_factor:int, data_format:str=nil, "
    .. "interpolation:str=\"nearest\"",
  function (x, height_factor, width_factor, data_format, interpolation)
    if interpolation == "nearest" then
      return enlarge(x, { height_factor, width_factor }, data_format)
    end
    local first = config.layout(data_format) == "channels_first" and 2 or 1
    local height = tools.known_size("resize_images", x, first) * height_factor
    local width = tools.known_size("resize_images", x, first + 1) * width_factor
    return ops.image.resize(x, { height, width },
      { interpolation = interpolation, data_format = data_format })
  end)
-- Volumes, larger by whole factors: each cell becomes a block.
K.resize_volumes = takes("K.resize_volumes",
  "x:data, depth_factor:int, height_factor:int, width_factor:int, data_format:str=nil",
  function (x, depth_factor, height_factor, width_factor, data_format)
    return enlarge(x, { depth_factor, height_factor, width_factor }, data_format)
  end)

-- ---- products ---------------------------------------------------------------------------------

-- Theano's rule: x's last axis against y's last but one, the other axes of both side by side.
K.dot = takes("K.dot", "x:data, y:data",
  function (x, y)
  if x.rank <= 2 and y.rank <= 2 then return ops.matmul(x, y) end
  return ops.dot(x, y)
end)

-- Letters for einsum: batch "a", then each axis its own; the two that are summed share "z".
local function batch_letters(x, first, summed)
  local letters = { "a" }
  for axis = 1, x.rank - 1 do
    letters[axis + 1] = axis == summed and "z" or string.char(first + axis)
  end
  return letters
end

-- Products of rows of a batch: sums over the axis of x and the axis of y that axes says, for each
-- sample.
K.batch_dot = takes("K.batch_dot", "x:data, y:data, axes:axes=nil",
  function (x, y, axes)
  if x.rank < 2 or y.rank < 2 then
    core.raise("batch_dot: both need rank 2 or more: x is %s, y is %s", tools.shape_text(x.shape),
      tools.shape_text(y.shape))
  end
  if axes == nil then axes = { x.rank - 1, y.rank == 2 and y.rank - 1 or y.rank - 2 } end
  if type(axes) == "number" then axes = { axes, axes } end
  if #axes ~= 2 then core.raise("batch_dot: axes are one of x and one of y, got %d", #axes) end
  local a = tools.axis("batch_dot", axes[1], x.rank)
  local b = tools.axis("batch_dot", axes[2], y.rank)
  if a == 0 or b == 0 then core.raise("batch_dot: axis 0 is the batch") end
  local of_x, of_y = batch_letters(x, 97, a), batch_letters(y, 65, b)
  local kept = { "a" }
  for _, letters in ipairs { of_x, of_y } do
    for i = 2, #letters do if letters[i] ~= "z" then kept[#kept + 1] = letters[i] end end
  end
  local y_result = ops.einsum(("%s,%s->%s"):format(table.concat(of_x), table.concat(of_y),
    table.concat(kept)), { x, y })
  return x.rank == 2 and y.rank == 2 and ops.expand_dims(y_result, 1) or y_result
end)

-- x with a bias for each channel, or one that has the shape of a sample.
K.bias_add = takes("K.bias_add", "x:data, bias:data, data_format:str=nil",
  function (x, bias, data_format)
  if bias.rank ~= 1 and bias.rank ~= x.rank - 1 then
    core.raise("bias_add: bias has rank %d; it must be 1 or %d", bias.rank, x.rank - 1)
  end
  if config.layout(data_format) == "channels_last" or x.rank < 3 then return x + bias end
  if bias.rank == 1 then
    local shape = tools.fill(x.rank - 1, 1)
    shape[1] = -1
    return x + ops.reshape(bias, shape)
  end
  return x + ops.moveaxis(bias, -1, 0)
end)

-- ---- windows ----------------------------------------------------------------------------------

for _, name in ipairs { "conv1d", "conv2d", "conv3d" } do
  -- The convolution of x with the kernel; padding may be "causal" in conv1d.
  K[name] = takes("K." .. name,
    "x:data, kernel:data, strides:axes=1, padding:str=\"valid\", data_format:str=nil, "
      .. "dilation_rate:axes=1",
    function (x, kernel, strides, padding, data_format, dilation_rate)
      if padding == "causal" then
        local widths = { { 0, 0 }, { 0, 0 }, { 0, 0 } }
        local time = config.layout(data_format) == "channels_first" and 3 or 2
        local rate = type(dilation_rate) == "table" and dilation_rate[1] or dilation_rate
        widths[time] = { rate * (kernel.shape[1] - 1), 0 }
        x, padding = ops.pad(x, widths), "valid"
      end
      return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)
    end)
end

-- The convolution of each channel with kernels of its own.
K.depthwise_conv2d = takes("K.depthwise_conv2d",
  "x, depthwise_kernel, strides:axes=1, padding:str=\"valid\", data_format:str=nil, "
    .. "dilation_rate:axes=1",
  function (x, kernel, strides, padding, data_format, dilation_rate)
    return ops.depthwise_conv(x, kernel, strides, padding, data_format, dilation_rate)
  end)

-- A convolution of each channel by itself, then a 1 × 1 convolution of all.
K.separable_conv2d = takes("K.separable_conv2d",
  "x, depthwise_kernel, pointwise_kernel, strides:axes=1, padding:str=\"valid\", "
    .. "data_format:str=nil, dilation_rate:axes=1",
  function (x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate)
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, data_format,
      dilation_rate)
  end)

-- The sizes of output_shape say how much of the padding comes back.
K.conv2d_transpose = takes("K.conv2d_transpose",
  "x:data, kernel:data, output_shape:sizes, strides:axes=1, padding:str=\"valid\", "
    .. "data_format:str=nil, dilation_rate:axes=1",
  function (x, kernel, output_shape, strides, padding, data_format, dilation_rate)
    local function of_axis(value, i)
      return type(value) == "table" and (value[i] or value[1] or 1) or value
    end
    local first = config.layout(data_format) == "channels_first" and 2 or 1
    local added = {}
    if x.rank ~= 4 or kernel.rank ~= 4 or #output_shape ~= 4 then
      core.raise("K.conv2d_transpose: x, kernel and output_shape have 4 axes, got %d, %d and %d",
        x.rank, kernel.rank, #output_shape)
    end
    for i = 1, 2 do
      local reach = (kernel.shape[i] - 1) * of_axis(dilation_rate, i) + 1
      local n = tools.known_size("conv2d_transpose", x, first + i - 1)
      local kept = padding == "same" and reach % 2 or reach
      added[i] = (output_shape[first + i] or 0) - (n - 1) * of_axis(strides, i) - kept
    end
    return ops.conv_transpose(x, kernel, strides, padding, added, data_format, dilation_rate)
  end)

for _, name in ipairs { "pool2d", "pool3d" } do
  -- The largest value ("max") or the mean ("avg") of each window.
  K[name] = takes("K." .. name, "x, pool_size:axes, strides:axes=1, padding:str=\"valid\", "
    .. "data_format:str=nil, pool_mode:str=\"max\"",
    function (x, pool_size, strides, padding, data_format, pool_mode)
      local pool = ({ max = ops.max_pool, avg = ops.average_pool })[pool_mode]
      if not pool then
        core.raise("%s: pool_mode must be max or avg, got %s", name, tostring(pool_mode))
      end
      return pool(x, pool_size, strides, padding, data_format)
    end)
end

-- ---- losses -----------------------------------------------------------------------------------

-- The cross-entropy of probabilities, in which sure predictions weigh less.
K.binary_focal_crossentropy = takes("K.binary_focal_crossentropy",
  "target:data, output:data, apply_class_balancing:bool=false, alpha:num=0.25, "
    .. "gamma:num=2, from_logits:bool=false",
  function (target, output, apply_class_balancing, alpha, gamma, from_logits)
    local p = from_logits and ops.sigmoid(output) or output
    local p_of_target = target * p + (1 - target) * (1 - p)
    local loss = (1 - p_of_target) ^ gamma * ops.binary_crossentropy(target, output, from_logits)
    if not apply_class_balancing then return loss end
    return (target * alpha + (1 - target) * (1 - alpha)) * loss
  end)

-- The cross-entropy of classes, in which sure predictions weigh less.
K.categorical_focal_crossentropy = takes("K.categorical_focal_crossentropy",
  "target:data, output:data, alpha:num=0.25, gamma:num=2, from_logits:bool=false, "
    .. "axis:int=-1",
  function (target, output, alpha, gamma, from_logits, axis)
    if from_logits then output = ops.softmax(output, axis) end
    local p = ops.clip(output / ops.sum(output, axis, true), config.epsilon(), 1 - config.epsilon())
    local weight = (1 - p) ^ gamma * alpha
    return ops.sum(weight * -target * ops.log(p), axis)
  end)

-- ---- random numbers ---------------------------------------------------------------------------

-- Numbers of a normal distribution.
K.random_normal = takes("K.random_normal",
  "shape:any, mean:value=0, stddev:value=1, dtype:dtype=nil, seed:any=nil",
  function (...) return random.normal(...) end)
-- Numbers evenly between two bounds.
K.random_uniform = takes("K.random_uniform",
  "shape:any, minval:value=0, maxval:value=1, dtype:dtype=nil, seed:any=nil",
  function (...) return random.uniform(...) end)
-- Numbers of a normal distribution within two deviations.
K.truncated_normal = takes("K.truncated_normal",
  "shape:any, mean:value=0, stddev:value=1, dtype:dtype=nil, seed:any=nil",
  function (...) return random.truncated_normal(...) end)
-- Ones with the probability p, else zeros.
K.random_bernoulli = takes("K.random_bernoulli",
  "shape:any, p:value=0, dtype:dtype=nil, seed:any=nil",
  function (shape, p, dtype, seed)
  return ops.cast(ops.less_equal(random.uniform(shape, 0, 1, nil, seed), p),
    dtype or config.floatx())
end)
-- x with a share of its values set to 0 and the rest scaled up.
K.dropout = takes("K.dropout", "x, level:num, noise_shape:sizes=nil, seed:any=nil",
  function (x, level, noise_shape, seed)
  return random.dropout(x, level, noise_shape, seed)
end)
-- A variable whose values are drawn from a normal distribution.
K.random_normal_variable = takes("K.random_normal_variable",
  "shape:any, mean:value=0, scale:value=1, dtype:dtype=nil, name:str=nil, seed:any=nil",
  function (shape, mean, scale, dtype, name, seed)
    return K.variable(random.normal(shape, mean, scale, dtype, seed), dtype, name)
  end)
-- A variable whose values are drawn evenly between two bounds.
K.random_uniform_variable = takes("K.random_uniform_variable",
  "shape:any, low:value=0, high:value=1, dtype:dtype=nil, name:str=nil, seed:any=nil",
  function (shape, low, high, dtype, name, seed)
    return K.variable(random.uniform(shape, low, high, dtype, seed), dtype, name)
  end)

-- ---- loops ------------------------------------------------------------------------------------

-- What fn gives for each row of elems, as one tensor.
K.map_fn = takes("K.map_fn", "fn:fn, elems:nest, name:str=nil, dtype:dtype=nil",
  function (fn, elems) return ops.map(fn, elems) end)

local function fold(fn, elems, initializer, backwards)
  local rows = { ops.unstack(elems) }
  if backwards then
    for i = 1, #rows // 2 do rows[i], rows[#rows + 1 - i] = rows[#rows + 1 - i], rows[i] end
  end
  local value, first = initializer, 1
  if value == nil then value, first = rows[1], 2 end
  for i = first, #rows do value = fn(value, rows[i]) end
  return value
end

-- fn(value so far, row) from the first row to the last; the first row begins, or initializer.
K.foldl = takes("K.foldl", "fn:fn, elems:data, initializer:any=nil, name:str=nil",
  function (fn, elems, initializer)
  return fold(fn, elems, initializer, false)
end)
-- fn(value so far, row) from the last row to the first; the last row begins, or initializer.
K.foldr = takes("K.foldr", "fn:fn, elems:data, initializer:any=nil, name:str=nil",
  function (fn, elems, initializer)
  return fold(fn, elems, initializer, true)
end)

-- step(x_t, states and constants) -> output, new states, over time. Where the mask is false the
-- states stay, and the output is the one before (or 0). Returns the last output, all of them, the
-- states.
K.rnn = takes("K.rnn",
  "step_function:fn, inputs:data, initial_states:tensors, go_backwards:bool=false, "
    .. "mask:data=nil, constants:tensors=nil, unroll:any=nil, input_length:any=nil, "
    .. "time_major:bool=false, zero_output_for_mask:bool=false, return_all_outputs:any=nil",
  function (step, inputs, initial, go_backwards, mask, constants, _, _, time_major, zero_masked)
    local function by_time(x) return time_major and x or ops.swapaxes(x, 0, 1) end
    local count = #initial
    local rows = { by_time(inputs) }
    if mask then rows[2] = by_time(tools.cast(mask, "bool")) end
    if go_backwards then
      for i, x in ipairs(rows) do rows[i] = ops.flip(x, 0) end
    end

    local function call(x, states)
      local all = table.move(states, 1, count, 1, {})
      return step(x, table.move(constants or {}, 1, #(constants or {}), count + 1, all))
    end
    local function keep(allowed, new, old)
      while allowed.rank < new.rank do allowed = ops.expand_dims(allowed, -1) end
      return ops.where(allowed, new, old)
    end

    local first = call(ops.squeeze(tools.part(rows[1], 0, 0, 1), 0), initial)
    local carried = table.move(initial, 1, count, 1, {})
    carried[count + 1] = ops.zeros_like(first)
    local states, results = core.scan(function (old, at)
      local output, new = call(at[1], old)
      local next_states = table.move(new, 1, count, 1, {})
      if at[2] then
        output = keep(at[2], output, zero_masked and 0 or old[count + 1])
        for i = 1, count do next_states[i] = keep(at[2], next_states[i], old[i]) end
      end
      next_states[count + 1] = output
      return next_states, { output }
    end, carried, rows)
    local last = table.remove(states)
    return last, by_time(results[1]), states
  end)

return K
