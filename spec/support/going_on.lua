-- Models for the specs of training that goes on in another process, made the same in each.

local k = require "lunula"
local layers = k.layers

local cases = {}

local function optimizer(name, options)
  return function () return k.optimizers[name](options or {}) end
end

for name, options in pairs {
  SGD = {}, Adam = { amsgrad = true }, AdamW = {}, Adamax = {}, Nadam = {}, Lamb = {},
  RMSprop = { momentum = .5, centered = true }, Adagrad = {}, Adadelta = { learning_rate = 1. },
  Ftrl = {}, Adafactor = {}, Muon = {}, Lion = {}, ScheduleFreeAdamW = {},
} do
  cases[name] = { optimizer = optimizer(name, options) }
end

cases.momentum = { optimizer = optimizer("SGD", { momentum = .9, nesterov = true }) }
cases.averages = { optimizer = optimizer("Adam", { use_ema = true, ema_overwrite_frequency = 3 }) }
cases.accumulation = { optimizer = optimizer("Adam", { gradient_accumulation_steps = 3 }) }
cases.clipping = { optimizer = optimizer("SGD", { global_clipnorm = .1, weight_decay = .01 }) }
cases.schedule = { optimizer = function ()
  return k.optimizers.SGD { learning_rate = k.optimizers.schedules.CosineDecay(.1, 20) }
end }
cases.metrics = { metrics = { "mae", "r2_score" } }
cases.validation = { fit = { validation_split = .25 } }
cases.classes = { classes = true, metrics = { "accuracy" } }
cases.penalties = { body = function ()
  return { layers.Dense { 8, kernel_regularizer = "l2", kernel_constraint = "max_norm",
    activity_regularizer = "l1" } }
end }

local function dropouts()
  return { layers.Dense { 8, activation = "relu" }, layers.Dropout(.3),
    layers.Dropout { .2, seed = 5 }, layers.BatchNormalization {}, layers.GaussianNoise(.1) }
end

cases.dropout = { body = dropouts }
cases.eager = { eager = true, body = dropouts }
cases.order = { fit = { shuffle = "batch" }, body = dropouts }
cases.recurrent = { body = function ()
  return { layers.Reshape { { 2, 2 } },
    layers.LSTM { 5, dropout = .2, recurrent_dropout = .2, return_sequences = true },
    layers.Bidirectional { layers.GRU { 3, dropout = .2, seed = 3 } } }
end }
cases.stateful = { batch = 4, fit = { shuffle = false }, body = function ()
  return { layers.Reshape { { 2, 2 } }, layers.SimpleRNN { 5, stateful = true } }
end }

-- A layer with a state of its own.
local Counting = k.layer "Counting" {
  init = function (self)
    self.seen = self:add_weight { name = "seen", shape = {}, initializer = "zeros",
      trainable = false }
  end,
  call = function (self, x, options)
    if options.training then self.seen:assign(self.seen + 1) end
    return x * (1 + self.seen * .01)
  end,
}
cases.custom = { body = function () return { layers.Dense(6), Counting {} } end }

local Net = k.model "Net" {
  args = { { "units", "positive", default = 6 } },
  init = function (self)
    self.a = layers.Dense { self.units, activation = "tanh", name = "a" }
    self.b = layers.Dense { 1, name = "b" }
    self.drop = layers.Dropout(.2)
  end,
  call = function (self, x) return self.b(self.drop(self.a(x))) end,
}
cases.subclass = { model = function () return Net { units = 5 } end }

cases.several = { several = true, metrics = { out_a = { "mae" } }, model = function ()
  local a, b = k.Input { shape = { 4 }, name = "a" }, k.Input { shape = { 4 }, name = "b" }
  local shared = layers.Dense { 5, activation = "relu", name = "shared" }
  local inner = k.Sequential { k.Input { shape = { 5 } }, layers.Dense(3), layers.Dropout(.2) }
  local both = layers.concatenate { inner(shared(a)), inner(shared(b)) }
  return k.Model {
    inputs = { a = a, b = b },
    outputs = { out_a = layers.Dense { 1, name = "out_a" }(both),
      out_b = layers.Dense { 1, name = "out_b" }(both) },
  }
end }

-- An optimizer for each layer and a metric, in fields that a compile of its own fills.
local Two = k.model "TwoOptimizers" {
  init = function (self)
    self.a = layers.Dense { 6, activation = "tanh", name = "a" }
    self.b = layers.Dense { 1, name = "b" }
    self.seen = k.metrics.Mean { name = "seen" }
  end,
  call = function (self, x) return self.b(self.a(x)) end,
  compile = function (self, o)
    k.Model.compile(self, { optimizer = o.optimizer, loss = o.loss })
    self.second, self.rest = o.second, o.rest
  end,
  train_step = function (self, data)
    local list = self.trainable_weights
    local loss, _, grads = k.value_and_grad(function ()
      return self:compute_loss { y = data[2], y_pred = self(data[1], { training = true }) }
    end, list)()
    self.optimizer:apply({ grads[1] }, { list[1] })
    self.second:apply({ grads[2], grads[3] }, { list[2], list[3] })
    self.rest[1]:apply({ grads[4] }, { list[4] })
    self.seen:update_state(loss)
    return { loss = loss, seen = self.seen:result() }
  end,
}
cases.optimizers = {
  model = function () return Two {} end,
  compile = function ()
    return { second = k.optimizers.Adam { .03 },
      rest = { k.optimizers.SGD { .02, momentum = .9 } } }
  end,
}

-- Only where callbacks go on as well.
cases.plateau = { callbacks = function ()
  return { k.callbacks.ReduceLROnPlateau { monitor = "loss", patience = 2, factor = .5,
    min_delta = 10. } }
end }

-- ---- runs --------------------------------------------------------------------------------------

local going_on = { cases = cases, names = {} }

for name in pairs(cases) do going_on.names[#going_on.names + 1] = name end
table.sort(going_on.names)

function going_on.model(case)
  going_on.data(case)
  k.set_random_seed(11)
  local model
  if case.model then
    model = case.model()
  else
    local stack = { k.Input { shape = { 4 }, batch_size = case.batch } }
    local body = case.body and case.body() or { layers.Dense { 8, activation = "relu" } }
    table.move(body, 1, #body, 2, stack)
    stack[#stack + 1] = layers.Dense { case.classes and 3 or 1,
      activation = case.classes and "softmax" or nil }
    model = k.Sequential(stack)
  end
  local options = {
    optimizer = case.optimizer and case.optimizer() or "adam", metrics = case.metrics,
    run_eagerly = case.eager,
    loss = case.classes and "sparse_categorical_crossentropy" or "mse",
  }
  for name, value in pairs(case.compile and case.compile() or {}) do options[name] = value end
  model:compile(options)
  return model
end

local made = {}

local function make_data(case)
  local random = k.random
  local x = random.normal({ 24, 4 }, { seed = 1 })
  local y = case.classes and random.randint({ 24 }, 0, 3, { seed = 2 })
    or k.ops.sum(x, 1, true) + random.normal({ 24, 1 }, { seed = 3 })
  if case.several then return { a = x, b = x * 2 }, { out_a = y, out_b = y * 3 } end
  return x, y
end

-- Made once, before the model: what is drawn within its training moves its random numbers on.
function going_on.data(case)
  made[case] = made[case] or { make_data(case) }
  return table.unpack(made[case])
end

function going_on.fit(model, case, first, last, callbacks)
  local options = { verbose = 0, batch_size = 4, initial_epoch = first, epochs = last,
    callbacks = case.callbacks and case.callbacks() or {} }
  for _, callback in ipairs(callbacks or {}) do
    options.callbacks[#options.callbacks + 1] = callback
  end
  for key, value in pairs(case.fit or {}) do options[key] = value end
  local x, y = going_on.data(case)
  return model:fit(x, y, options)
end

return going_on
