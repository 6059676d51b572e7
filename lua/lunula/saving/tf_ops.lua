-- The ops of TensorFlow that Keras 2 wrote into models (TFOpLambda, SlicingOpLambda), as ops of
-- ours.
--
-- A row is the name of our op, then `theirs = ours` for the options; the tensor before them is the
-- first parameter of both. An option in `means` has another default in TensorFlow.

local core = require "lunula.core"
local declare = require "lunula.declare"
local operations = require "lunula.models.operations"

local tf_ops = {}

local rows = {
  ["__operators__.add"] = "add y=x2", ["math.add"] = "add y=x2", ["nn.bias_add"] = "add bias=x2",
  ["math.subtract"] = "subtract y=x2", ["math.multiply"] = "multiply y=x2",
  ["math.truediv"] = "divide y=x2", ["math.divide"] = "divide y=x2",
  ["compat.v1.floor_div"] = "floor_divide y=x2", ["math.floordiv"] = "floor_divide y=x2",
  ["math.floormod"] = "mod y=x2", ["math.pow"] = "power y=x2",
  ["math.maximum"] = "maximum y=x2", ["math.minimum"] = "minimum y=x2",
  ["math.equal"] = "equal y=x2", ["math.not_equal"] = "not_equal y=x2",
  ["math.less"] = "less y=x2", ["math.less_equal"] = "less_equal y=x2",
  ["math.greater"] = "greater y=x2", ["math.greater_equal"] = "greater_equal y=x2",
  ["math.logical_and"] = "logical_and y=x2", ["math.logical_or"] = "logical_or y=x2",
  ["math.logical_not"] = "logical_not", ["math.negative"] = "negative", ["math.abs"] = "absolute",
  ["math.square"] = "square", ["math.sqrt"] = "sqrt", ["math.rsqrt"] = "rsqrt",
  ["math.exp"] = "exp", ["math.log"] = "log", ["math.log1p"] = "log1p", ["math.expm1"] = "expm1",
  ["math.sin"] = "sin", ["math.cos"] = "cos", ["math.tan"] = "tan", ["math.tanh"] = "tanh",
  ["math.sigmoid"] = "sigmoid", ["math.sign"] = "sign", ["math.floor"] = "floor",
  ["math.ceil"] = "ceil", ["math.round"] = "round", ["math.erf"] = "erf",
  ["math.reciprocal"] = "reciprocal", ["math.softplus"] = "softplus",
  ["math.reduce_sum"] = "sum axis=axis keepdims=keepdims",
  ["math.reduce_mean"] = "mean axis=axis keepdims=keepdims",
  ["math.reduce_max"] = "max axis=axis keepdims=keepdims",
  ["math.reduce_min"] = "min axis=axis keepdims=keepdims",
  ["math.reduce_prod"] = "prod axis=axis keepdims=keepdims",
  ["math.reduce_std"] = "std axis=axis keepdims=keepdims",
  ["math.reduce_variance"] = "var axis=axis keepdims=keepdims",
  ["math.reduce_any"] = "any axis=axis keepdims=keepdims",
  ["math.reduce_all"] = "all axis=axis keepdims=keepdims",
  ["math.reduce_logsumexp"] = "logsumexp axis=axis keepdims=keepdims",
  ["math.argmax"] = "argmax axis=axis", ["math.argmin"] = "argmin axis=axis",
  ["math.cumsum"] = "cumsum axis=axis exclusive=exclusive reverse=reverse",
  ["math.l2_normalize"] = "normalize axis=axis epsilon=epsilon",
  ["nn.relu"] = "relu", ["nn.relu6"] = "relu6", ["nn.elu"] = "elu", ["nn.selu"] = "selu",
  ["nn.sigmoid"] = "sigmoid", ["nn.tanh"] = "tanh", ["nn.softplus"] = "softplus",
  ["nn.softsign"] = "softsign", ["nn.silu"] = "silu", ["nn.swish"] = "silu",
  ["nn.gelu"] = "gelu approximate=approximate",
  ["nn.leaky_relu"] = "leaky_relu alpha=negative_slope",
  ["nn.softmax"] = "softmax axis=axis", ["nn.log_softmax"] = "log_softmax axis=axis",
  ["nn.l2_normalize"] = "normalize axis=axis epsilon=epsilon",
  ["linalg.matmul"] = "matmul b=x2 transpose_a=transpose_a transpose_b=transpose_b",
  ["compat.v1.norm"] = "norm axis=axis keepdims=keepdims", ["norm"] = "norm axis=axis "
    .. "keepdims=keepdims",
  ["concat"] = "concatenate axis=axis", ["stack"] = "stack axis=axis",
  ["unstack"] = "unstack axis=axis num=num",
  ["split"] = "split num_or_size_splits=indices_or_sections axis=axis",
  ["reshape"] = "reshape shape=newshape", ["broadcast_to"] = "broadcast_to shape=shape",
  ["transpose"] = "transpose perm=axes", ["compat.v1.transpose"] = "transpose perm=axes",
  ["expand_dims"] = "expand_dims axis=axis", ["squeeze"] = "squeeze axis=axis",
  ["compat.v1.squeeze"] = "squeeze axis=axis", ["reverse"] = "flip axis=axis",
  ["tile"] = "tile multiples=repeats", ["repeat"] = "repeat repeats=repeats axis=axis",
  ["pad"] = "pad paddings=pad_width constant_values=constant_values",
  ["compat.v1.pad"] = "pad paddings=pad_width constant_values=constant_values",
  ["gather"] = "take indices=indices axis=axis",
  ["compat.v1.gather"] = "take indices=indices axis=axis",
  ["where"] = "where x=x1 y=x2", ["cast"] = "cast dtype=dtype", ["one_hot"] = "one_hot "
    .. "depth=num_classes axis=axis",
  ["clip_by_value"] = "clip clip_value_min=x_min clip_value_max=x_max",
  ["identity"] = "copy", ["zeros_like"] = "zeros_like", ["ones_like"] = "ones_like",
  ["stop_gradient"] = "stop_gradient",
}

local means = {
  argmax = { axis = 0 }, argmin = { axis = 0 }, gelu = { approximate = false },
  take = { axis = 0 }, cumsum = { axis = 0 }, normalize = { epsilon = 1e-6 },
}

-- Options that change no number here, whatever they say (true), or that must say this.
local usual = {
  name = true, conjugate = true, validate_indices = true, batch_dims = 0, mode = "CONSTANT",
  ord = "euclidean", output_type = true, a_is_sparse = true, b_is_sparse = true,
}

-- Where TensorFlow splits by the sizes of the parts, we cut at positions.
local function positions(sizes)
  if type(sizes) ~= "table" then return sizes end
  local list, at = {}, 0
  for i, size in ipairs(sizes) do
    if math.type(size) ~= "integer" or size < 0 then
      core.raise("a split by sizes takes whole numbers, got %s", declare.show(sizes))
    end
    list[i], at = at + size, at + size
  end
  list[#list] = nil
  return #list > 0 and list or 1
end

-- op -> our option -> its value from TensorFlow's
local values = {
  split = { indices_or_sections = positions },
  -- there it bounds the sum of squares, here the norm
  normalize = { epsilon = function (x) return math.type(x) and math.max(x, 0) ^ 0.5 or x end },
}

local function read_row(name)
  local row = rows[name]
  if not row then
    core.raise('the op "%s" of TensorFlow is not known here%s', tostring(name),
      declare.suggestion(tostring(name), require "lunula.utils.nest".keys(rows)))
  end
  local op, options = row:match "^(%S+)", {}
  for theirs, ours in row:gmatch "([%w_]+)=([%w_]+)" do options[theirs] = ours end
  return op, options
end

-- None is what TensorFlow's options are when nothing is said.
local function translated(op, options, given)
  local kwargs = {}
  for name, value in pairs(means[op] or {}) do kwargs[name] = value end
  for name, value in pairs(given) do
    if value ~= core.None and not (options[name] == nil and value == false) then
      local ours = options[name]
      if ours then
        local change = values[op] and values[op][ours]
        kwargs[ours] = change and change(value) or value
      elseif usual[name] ~= true and usual[name] ~= value then
        core.raise('the op %s has no option "%s"', op, name)
      end
    end
  end
  -- TensorFlow would take all axes, our default is the last one
  if op == "normalize" and not kwargs.axis then
    core.raise "l2_normalize without an axis is not read"
  end
  return kwargs
end

-- {"layer", 0, 0, {options}}, {"_CONSTANT_VALUE", -1, value, {options}} or a list of tensors.
local function read_call(node)
  if type(node) ~= "table" then core.raise("a call is wanted, got %s", declare.show(node)) end
  if node[1] == "_CONSTANT_VALUE" then return node[3], node[4] end
  if type(node[1]) == "string" then return table.move(node, 1, 3, 1, {}), node[4] end
  local list, options = {}, {}
  for i, entry in ipairs(node) do
    list[i], options = read_call(entry)
  end
  return list, options
end

local function python_key(spec)
  if type(spec) ~= "table" then return spec end
  if spec.class_name == "__ellipsis__" then return "..." end
  local key = {}
  for name, value in pairs(spec) do
    if value ~= core.None then
      key[name] = python_key(value)
    elseif math.type(name) then
      key[name] = false
    end
  end
  return key
end

local function slicing(options)
  local spec = options.slice_spec
  local key = python_key(spec)
  if type(spec) ~= "table" or #spec == 0 then key = { key } end
  return { key = key }
end

-- The entry of a layer, {class_name = "TFOpLambda", …}, as an entry of Keras 3; modern(value) turns
-- {"layer", 0, 0} into a tensor.
function tf_ops.entry(entry, modern)
  local given, nodes = entry.config, entry.inbound_nodes or {}
  if type(given) ~= "table" or type(nodes) ~= "table" then
    core.raise("a %s has a config and calls", entry.class_name)
  end
  local op, options = "get_item", nil
  if entry.class_name == "TFOpLambda" then op, options = read_row(given["function"]) end
  local facts, calls = operations.facts(op), {}
  for i, node in ipairs(nodes) do
    local first, said = read_call(node)
    said = type(said) == "table" and said or {}
    local kwargs = options and translated(op, options, said) or slicing(said)
    for name, value in pairs(kwargs) do kwargs[name] = modern(value) end
    calls[i] = { args = { modern(first) }, kwargs = kwargs }
  end
  return {
    module = facts.module, class_name = facts.class, config = { name = given.name or entry.name },
    name = entry.name, inbound_nodes = calls,
  }
end

return tf_ops
