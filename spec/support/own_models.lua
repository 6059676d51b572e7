-- Models of ours that are written as JSON: every form that a graph can take, and every layer that
-- Keras has, in the settings of the recorded cases. spec/models/json_spec.lua reads them back;
-- spec/golden/write_ours.lua writes them to files for check_ours.py, which asks Keras.
--
-- A form is { name =, make = function (k, custom) -> model, inputs = { shape, … } }; an input may
-- be { shape, ids = n } for integers below n. All shapes have a batch of 2.

local golden = require "spec.support.golden"
local functions = require "spec.support.custom_functions"

local own = {}

local function form(name, inputs, make)
  own[#own + 1] = { name = name, inputs = inputs, make = make }
end

form("stack", { { 5 } }, function (k, L)
  return k.Sequential { k.Input { shape = { 5 } }, L.Dense { 4, activation = "relu" },
    L.Dropout(0.5), L.BatchNormalization {}, L.Dense { 3, activation = "softmax" }, name = "s" }
end)

form("stack without an input", { { 5 } }, function (k, L)
  return k.Sequential { L.Dense { 4, input_shape = { 5 } }, L.Dense(2) }
end)

form("nested stacks", { { 4 } }, function (k, L)
  local inner = k.Sequential { k.Input { shape = { 4 } }, L.Dense(3), L.ELU {}, name = "inner" }
  return k.Sequential { k.Input { shape = { 4 } }, inner, k.Sequential { L.Dense(2) } }
end)

form("images", { { 6, 7, 2 } }, function (k, L)
  return k.Sequential { k.Input { shape = { 6, 7, 2 } }, L.Conv2D { 3, 3, padding = "same" },
    L.MaxPooling2D(2), L.SeparableConv2D { 2, 2 }, L.GlobalAveragePooling2D {}, L.Dense(2) }
end)

form("text", { { 5, ids = 9 } }, function (k, L)
  return k.Sequential { k.Input { shape = { false }, dtype = "int32" },
    L.Embedding { 9, 4, mask_zero = true }, L.Bidirectional(L.LSTM { 3, return_sequences = true }),
    L.GRU(4), L.Dense(2) }
end)

form("shared", { { 4 }, { 4 } }, function (k, L)
  local a, b = k.Input { shape = { 4 }, name = "a" }, k.Input { shape = { 4 }, name = "b" }
  local shared = L.Dense { 3, name = "shared" }
  local joined = L.Concatenate {} { shared(a), shared(b), shared(L.Dense(4)(a)) }
  return k.Model { inputs = { a, b }, outputs = { L.Dense(1)(joined), L.Dense(2)(joined) } }
end)

form("nested twice", { { 4 }, { 4 } }, function (k, L)
  local t = k.Input { shape = { 4 } }
  local encoder = k.Model { inputs = t, outputs = L.Dense { 3, activation = "tanh" } (t) }
  local a, b = k.Input { shape = { 4 } }, k.Input { shape = { 4 } }
  local left, right = encoder(a), encoder(b)
  return k.Model { inputs = { a, b }, outputs = { L.Subtract {} { left, right }, right } }
end)

form("nested with many ends", { { 6 }, { 3 } }, function (k, L)
  local a, b = k.Input { shape = { 6 } }, k.Input { shape = { 3 } }
  local x = L.Dense(3)(a)
  local inner = k.Model { inputs = { a, b }, name = "inner",
    outputs = { L.Add {} { x, b }, L.Multiply {} { x, b } } }
  local c, d = k.Input { shape = { 6 } }, k.Input { shape = { 3 } }
  local first, second = inner { c, d }
  local middle = k.Model { inputs = { c, d }, outputs = { L.Dense(2)(second), first } }
  local e, f = k.Input { shape = { 6 } }, k.Input { shape = { 3 } }
  local p, q = middle { e, f }
  return k.Model { inputs = { e, f }, outputs = { q, p } }
end)

form("by name", { { 3 }, { 4 } }, function (k, L)
  local a, b = k.Input { shape = { 3 }, name = "a" }, k.Input { shape = { 4 }, name = "b" }
  local joined = L.Concatenate {} { L.Dense(2)(a), b }
  return k.Model { inputs = { a = a, b = b }, outputs = {
    class = L.Dense { 2, name = "class", activation = "softmax" } (joined),
    score = L.Dense { 1, name = "score" } (joined) } }
end)

form("lists of one", { { 3 } }, function (k, L)
  local a = k.Input { shape = { 3 } }
  return k.Model { inputs = { a }, outputs = { L.Dense(2)(a) } }
end)

form("operators", { { 4 }, { 4 } }, function (k, L)
  local ops = k.ops
  local a, b = k.Input { shape = { 4 }, name = "a" }, k.Input { shape = { 4 }, name = "b" }
  local c = (a * 2.0 + b) / 3 - 1.0
  local d = -ops.abs(a) ^ 2
  local e = ops.concatenate({ ops.get_item(c, { {}, { start = 1 } }),
    ops.get_item(1.0 - b, { "...", { stop = -1, step = 2 } }), d }, -1)
  return k.Model { inputs = { a, b }, outputs = { L.Dense(2)(e), ops.mean(e, 1, true) } }
end)

form("ops", { { 3, 4 } }, function (k)
  local ops = k.ops
  local a = k.Input { shape = { 3, 4 } }
  local b = ops.relu(a)
  local c = ops.matmul(b, ops.transpose(a, { 0, 2, 1 }))
  local d = ops.softmax(c)
  local e = ops.sum(d * ops.exp(-ops.square(c)), { axis = 2 })
  local f = ops.reshape(e, { false, 3, 1 })
  local g = ops.squeeze(ops.maximum(f, ops.expand_dims(ops.max(a, -1), -1)), -1)
  local left, right = ops.split(ops.stack({ g, e }, { axis = 1 }), 2, 1)
  return k.Model { inputs = a, outputs = { ops.tanh(g),
    ops.where(ops.greater(left, right), left, right), ops.clip(e, -0.5, 0.5),
    ops.einsum("bij,bkj->bik", a, b), ops.cast(ops.argmax(a, 1), "float32"),
    ops.take(a, { 2, 0 }, { axis = 1 }), ops.leaky_relu(a), ops.pad(g, { { 0, 0 }, { 1, 2 } }),
    ops.slice(a, { 0, 1, 0 }, { 2, 2, 3 }), ops.logsumexp(a, { 1, 2 }) } }
end)

form("constants", { { 3 } }, function (k)
  local a = k.Input { shape = { 3 } }
  local b = a + { 1, 2, 3 }
  return k.Model { inputs = a, outputs = { b, k.tensor { { 2 }, { 3 } } * b } }
end)

form("call options", { { 5, 4 }, { 3, 4 } }, function (k, L)
  local a, b = k.Input { shape = { 5, 4 } }, k.Input { shape = { 3, 4 } }
  local x = L.MultiHeadAttention { 2, 3 } (a, b, { use_causal_mask = true })
  x = L.BatchNormalization {} (x, { training = false })
  x = L.Dropout(0.5)(x, { training = false })
  x = L.MultiHeadAttention { 1, 2 } (x, { value = b, key = b })
  local y, scores = L.Attention { use_scale = true } ({ x, b },
    { return_attention_scores = true })
  return k.Model { inputs = { a, b }, outputs = { y, scores } }
end)

form("a mask as an input", { { 3, 4 }, { 3, mask = true } }, function (k, L)
  local a, keep = k.Input { shape = { 3, 4 } }, k.Input { shape = { 3 }, dtype = "bool" }
  return k.Model { inputs = { a, keep },
    outputs = L.LSTM { 2, return_sequences = true } (a, { mask = keep }) }
end)

form("initial states", { { 4, 3 }, { 5, 2 } }, function (k, L)
  local a, b = k.Input { shape = { 4, 3 } }, k.Input { shape = { 5, 2 } }
  local _, h, c = L.LSTM { 4, return_state = true } (a)
  local y = L.LSTM { 4, return_sequences = true } (b, { initial_state = { h, c } })
  return k.Model { inputs = { a, b }, outputs = L.TimeDistributed(L.Dense(2))(y) }
end)

form("a state as an input", { { 4, 3 }, { 3 } }, function (k, L)
  local a, h = k.Input { shape = { 4, 3 } }, k.Input { shape = { 3 } }
  local sequence, last = L.GRU { 3, return_sequences = true, return_state = true } (a,
    { initial_state = h })
  return k.Model { inputs = { a, h }, outputs = { sequence, last } }
end)

form("cells", { { 4, 3 } }, function (k, L)
  local a = k.Input { shape = { 4, 3 } }
  local b = L.RNN { { L.LSTMCell(3), L.GRUCell(2), L.SimpleRNNCell(2) }, return_sequences = true }
    (a)
  local c, d = L.Bidirectional { L.LSTM { 2, return_sequences = true }, merge_mode = false } (b)
  return k.Model { inputs = a, outputs = { c, d, L.Bidirectional { L.GRU(2), merge_mode = "mul",
    backward_layer = L.LSTM { 2, go_backwards = true } } (b) } }
end)

form("masks", { { 4, ids = 5 } }, function (k, L)
  local a = k.Input { shape = { 4 }, dtype = "int32" }
  local b = L.Embedding { 5, 3, mask_zero = true } (a)
  return k.Model { inputs = a,
    outputs = L.GlobalAveragePooling1D {} (L.LSTM { 3, return_sequences = true } (b)) }
end)

form("part of a larger graph", { { 4 } }, function (k, L)
  local a = k.Input { shape = { 4 }, name = "a" }
  local shared = L.Dense { 4, name = "shared" }
  local first = shared(a)
  local second = shared(first)
  local third = L.Dense { 4, name = "third" } (second)
  L.Dense(2)(shared(third))
  local tail = k.Model { inputs = second, outputs = L.Dense(3)(third), name = "tail" }
  return k.Model { inputs = a, outputs = { L.Dense(2)(shared(L.ReLU {} (first))), tail(second) } }
end)

form("objects", { { 4 } }, function (k, L)
  local i, r, c = k.initializers, k.regularizers, k.constraints
  local a = k.Input { shape = { 4 } }
  local b = L.Dense { 3, kernel_initializer = i.VarianceScaling { 2.0, "fan_avg", "uniform" },
    bias_initializer = i.Constant(0.5), kernel_regularizer = r.L1L2 { 0.1, 0.2 },
    bias_regularizer = r.L2(0.3), activity_regularizer = r.L1(0.4),
    kernel_constraint = c.MinMaxNorm { 0.1, 0.9, 0.5, axis = 1 }, bias_constraint = c.NonNeg {} }
    (a)
  local d = L.Dense { 3, kernel_initializer = i.Orthogonal { 0.7, seed = 2 }, trainable = false,
    kernel_regularizer = r.OrthogonalRegularizer { 0.1, "columns" } } (b)
  return k.Model { inputs = a, outputs = L.Activation(k.activations.silu)(
    L.PReLU { alpha_initializer = i.TruncatedNormal { 0.1, 0.2 }, shared_axes = { 1 } } (d)) }
end)

form("compiled", { { 4 } }, function (k, L)
  local model = k.Sequential { k.Input { shape = { 4 } }, L.Dense(3), L.Dense(1) }
  model:compile { optimizer = k.optimizers.Adam { 0.01, clipnorm = 1.0 }, loss = "mse",
    metrics = { "mae", k.metrics.RootMeanSquaredError {} } }
  return model
end)

form("frozen", { { 3 } }, function (k, L)
  local inner = k.Sequential { k.Input { shape = { 3 } }, L.Dense(3), L.BatchNormalization {} }
  inner.trainable = false
  return k.Sequential { k.Input { shape = { 3 } }, inner, L.Dense(2) }
end)

form("lambdas by name", { { 3 } }, function (k, L)
  return k.Sequential { k.Input { shape = { 3 } }, L.Lambda(functions.square_plus), L.Dense(2),
    L.Lambda { functions.scale_shift, arguments = { scale = 2.0, shift = 1.0 } } }
end)

form("a class of a user", { { 3 } }, function (k, L)
  return k.Sequential { k.Input { shape = { 3 } }, own.custom.Scale(3.0), L.Dense(2),
    own.custom.Scale {} }
end)

form("a fixed batch", { { 4, 3 } }, function (k, L)
  return k.Sequential { k.Input { batch_shape = { 2, false, 3 } },
    L.LSTM { 2, stateful = true, return_sequences = true } }
end)

-- ---- what users made ---------------------------------------------------------------------------

own.custom = {}
for name, value in pairs(functions) do own.custom[name] = value end

own.custom.Scale = require "lunula.layers.base" "Scale" {
  doc = "x * factor + bias",
  args = { { "factor", "number", default = 2.0 } },
  build = function (self, shape)
    self:add_weight { name = "bias", shape = { shape[#shape] }, initializer = "zeros" }
  end,
  call = function (self, x) return x * self.factor + self.bias end,
}

-- ---- numbers -----------------------------------------------------------------------------------

-- The inputs of a form: tensors that depend on nothing but their shapes.
function own.inputs(k, given)
  local list = {}
  for i, spec in ipairs(given.inputs) do
    local shape, n, data = table.move(spec, 1, #spec, 2, { 2 }), 1, {}
    for _, size in ipairs(shape) do n = n * size end
    for j = 1, n do
      local u = (j * 0.6180339887 + i * 0.3) % 1
      data[j] = spec.ids and math.floor(u * spec.ids) or spec.mask and (u < 0.6 and 1 or 0)
        or 3 * u - 1.5
    end
    local dtype = spec.ids and "int32" or spec.mask and "bool" or "float32"
    list[i] = k.tensor(data, { shape = shape, dtype = "float32" }):cast(dtype)
  end
  return list
end

-- ---- layers ------------------------------------------------------------------------------------

-- The batch is left open unless the layer keeps states of it.
local function placeholder(k, record, fixed)
  local shape = table.move(record.shape, 1, #record.shape, 1, {})
  if not fixed and #shape > 0 then shape[1] = false end
  return k.Input { batch_shape = shape, dtype = record.dtype }
end

local function argument(value, tensors)
  if type(value) ~= "table" then return value end
  if value.input then return tensors[value.input + 1] end
  local copy = {}
  for key, inner in pairs(value) do copy[key] = argument(inner, tensors) end
  return copy
end

local function any(list)
  for _, value in ipairs(list or {}) do
    if value then return true end
  end
  return false
end

local function strings(records)
  for _, record in ipairs(records) do
    if record.dtype == "string" then return true end
  end
  return false
end

-- Can the case stand in a functional model?
function own.fits(case)
  return case.outputs and not any(case.input_masks) and not case.class_name:find "Cell"
    and case.class_name ~= "InputLayer" and #case.inputs > 0 and #case.inputs[1].shape > 0
    and not case.adapt and not strings(case.inputs) and not strings(case.outputs)
end

-- Does Keras 3 have it? What a model is told of training goes there before what its layers were
-- told.
function own.is_of_keras3(case)
  return case.source == "keras" and case.call.keywords.training ~= true
end

-- The recorded case of a layer as a model, and its inputs; nil when it cannot be one.
function own.of_case(k, case)
  if not own.fits(case) then return nil end
  local layer = k.layers.deserialize({ class_name = case.class_name, config = case.config },
    own.custom)
  local places, inputs = {}, {}
  for i, record in ipairs(case.inputs) do
    places[i] = placeholder(k, record, layer.stateful)
    inputs[i] = golden.tensor(record)
  end
  local options = argument(case.call.keywords, places)
  for key, value in pairs(options) do
    if value == false and key ~= "training" then options[key] = nil end
  end
  for i = 2, #case.call.arguments do
    options[layer.call_args[i - 1]] = argument(case.call.arguments[i], places)
  end
  local results = table.pack(layer(argument(case.call.arguments[1], places),
    next(options) and options or nil))
  local model = k.Model { inputs = places, outputs = table.move(results, 1, results.n, 1, {}) }
  local weights = {}
  for i, weight in ipairs(case.weights or {}) do weights[i] = golden.tensor(weight.tensor) end
  if #weights > 0 then model:set_weights(weights) end
  return model, inputs
end

return own
