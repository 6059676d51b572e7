-- Whether lunula has a name of Keras's table spec/golden/names.txt: "layers.Dense" is looked up in
-- the facade, "model:fit" and "layer.weights" in an object of that kind, which has been used.

local k = require "lunula"
local declare = require "lunula.declare"

local live_names = {}

local function object_of(make)
  local object
  return function ()
    object = object or make()
    return object
  end
end

local function used(layer, ...)
  layer(k.Input { ... })
  return layer
end

local function sequential()
  local model = k.Sequential { k.Input { shape = { 3 } }, k.layers.Dense(2) }
  model:compile { optimizer = "sgd", loss = "mse", metrics = { "mae" } }
  model:fit(k.ones { 4, 3 }, k.ones { 4, 2 }, { verbose = 0 })
  return model
end

local layers = k.layers

local function layer_of(name, options, ...)
  local shape = { ... }
  return object_of(function () return used(layers[name](options), table.unpack(shape)) end)
end

-- What stands before the colon or the point, and an object of that kind.
local makers = {
  layer = layer_of("Dense", { 2 }, 3), model = sequential, sequential = sequential,
  placeholder = function () return k.Input { 3 } end,
  variable = function ()
    local options = { 2, kernel_regularizer = "l2", kernel_constraint = "non_neg" }
    return used(layers.Dense(options), 3).kernel
  end,
  optimizer = function () return sequential().optimizer end,
  metric = function () return k.metrics.Mean() end,
  loss = function () return k.losses.MeanSquaredError() end,
  callback = function ()
    local callback = k.callbacks.Callback()
    sequential():fit(k.ones { 2, 3 }, k.ones { 2, 2 }, { callbacks = { callback }, verbose = 0 })
    return callback
  end,
  schedule = function () return k.optimizers.schedules.CosineDecay { 1, 2 } end,
  initializer = function () return k.initializers.HeNormal() end,
  regularizer = function () return k.regularizers.L1() end,
  constraint = function () return k.constraints.NonNeg() end,
  input_spec = function () return layers.InputSpec { ndim = 2 } end,
  seed_generator = function () return k.random.SeedGenerator(1) end,
  input_layer = function () return layers.InputLayer { shape = { 3 } } end,
  dense = layer_of("Dense", { 2 }, 3), conv = layer_of("Conv2D", { 2, 3 }, 8, 8, 1),
  embedding = layer_of("Embedding", { 4, 2 }, 3),
  einsum_dense = layer_of("EinsumDense", { "ab,bc->ac", 2 }, 3),
  rnn = layer_of("RNN", { layers.LSTMCell(2) }, 4, 3), lstm = layer_of("LSTM", { 2 }, 4, 3),
  lstm_cell = function () return layers.LSTMCell(2) end,
  stacked_cells = function () return layers.StackedRNNCells { { layers.LSTMCell(2) } } end,
  conv_lstm = layer_of("ConvLSTM2D", { 2, 3 }, 4, 8, 8, 1),
  bidirectional = layer_of("Bidirectional", { layers.LSTM(2) }, 4, 3),
  attention = function ()
    local layer, x = layers.MultiHeadAttention { 2, 3 }, k.Input { 4, 3 }
    layer(x, x)
    return layer
  end,
  spectral = function () return layers.SpectralNormalization { layers.Dense(2) } end,
  normalization = function () return layers.Normalization() end,
  discretization = function () return layers.Discretization { num_bins = 3 } end,
  string_lookup = function () return layers.StringLookup() end,
  text_vectorization = function () return layers.TextVectorization() end,
  resizing = function () return layers.Resizing { 2, 2 } end,
  auc = function () return k.metrics.AUC() end,
  early_stopping = function () return k.callbacks.EarlyStopping() end,
  reduce_lr = function () return k.callbacks.ReduceLROnPlateau() end,
  callback_list = function () return k.callbacks.CallbackList() end,
  py_dataset = function ()
    return k.utils.PyDataset "Rows" { len = function () return 1 end, get_item = k.ones } ()
  end,
  progbar = function () return k.utils.Progbar { target = 3 } end,
  feature_space = function ()
    local space = k.utils.FeatureSpace { features = { age = "float" } }
    return setmetatable({}, { __index = function (_, key)
      return space[key] or k.utils.FeatureSpace[key]
    end })
  end,
  multi_optimizer = function ()
    return k.optimizers.MultiOptimizer { k.optimizers.OptimizerMap "sgd" }
  end,
  loss_scale_optimizer = function () return k.optimizers.LossScaleOptimizer { "sgd" } end,
}

for word, make in pairs(makers) do makers[word] = object_of(make) end

-- The value under a key, nil where there is none.
local function value_at(owner, key)
  local ok, value = pcall(function () return owner[key] end)
  if ok then return value end
end

-- A field that is None is there too: what an argument or a getter declares.
local function declares(object, key)
  local class = declare.class_of(object)
  return class and (class.by_name[key] or class.metatable.getters[key]) and true or false
end

-- The object that a name of the table is asked of, and its word there.
function live_names.split(name)
  local word, mark, key = name:match "^([%l_]+)([:.])([%w_]+)$"
  if makers[word] then return makers[word](), key, mark == ":" end
  local owner = k
  for part in name:gmatch "([^.]+)%." do owner = owner and value_at(owner, part) end
  return owner, name:match "[^.]+$", false
end

local function can_be_called(value)
  local metatable = getmetatable(value)
  return type(value) == "function" or type(metatable) == "table" and metatable.__call ~= nil
end

function live_names.has(name)
  local object, key, is_method = live_names.split(name)
  if object == nil then return false end
  local value = value_at(object, key)
  if is_method then return value ~= nil and can_be_called(value) end
  return value ~= nil or declares(object, key)
end

return live_names
