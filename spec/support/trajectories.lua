-- The small models of spec/golden/trajectories.jsonl, made and trained as the recorder made them
-- (spec/golden/recorder/trajectories.py): the same data, the same first weights.

local k = require "lunula"
local core = require "lunula.core"
local layers, ops = k.layers, k.ops

local trajectories = {}

local SAMPLES <const> = 24

-- Numbers that both sides make alike.
local function wave(...)
  local shape, count = { ... }, 1
  for _, size in ipairs(shape) do count = count * size end
  local list = {}
  for i = 1, count do list[i] = math.sin(i * 1.7) end
  return ops.reshape(k.tensor(list), shape)
end

local function ids(classes, ...)
  local shape, count = { ... }, 1
  for _, size in ipairs(shape) do count = count * size end
  local list = {}
  for n = 0, count - 1 do list[n + 1] = (n * n + n // 3) % classes end
  return ops.reshape(k.tensor(list, "int32"), shape)
end

local function float(x) return ops.cast(x, "float32") end

-- ---- models and data ---------------------------------------------------------------------------

local function shallow(features)
  return k.Input { shape = { 3 } }, wave(SAMPLES, 3), features
end

-- name -> function of the hidden layer: inputs, outputs, x, y
local tasks = {}

local function on_rows(head, target)
  return function (hidden)
    local inputs, x = shallow()
    return inputs, head(hidden(inputs)), x, target()
  end
end

local function one(h) return layers.Dense(1)(h) end
local function one_sigmoid(h) return layers.Dense { 1, activation = "sigmoid" } (h) end
local function classes(h) return layers.Dense { 3, activation = "softmax" } (h) end
local function numbers() return wave(SAMPLES, 1) end
local function labels() return float(ids(2, SAMPLES, 1)) end

tasks.regression = on_rows(one, numbers)
tasks.regression01 = on_rows(one, labels)
tasks.binary = on_rows(one_sigmoid, labels)
tasks.sparse = on_rows(classes, function () return ids(3, SAMPLES, 1) end)
tasks.ids = on_rows(classes, function () return ids(3, SAMPLES) end)
tasks.one_hot = on_rows(classes, function () return ops.one_hot(ids(3, SAMPLES), 3) end)
tasks.norm = on_rows(function (h)
  return one(layers.BatchNormalization { momentum = 0.8 } (h))
end, numbers)

function tasks.ctc(hidden)
  local inputs = k.Input { shape = { 6, 3 } }
  return inputs, layers.Dense(5)(hidden(inputs)), wave(SAMPLES, 6, 3), ids(4, SAMPLES, 2) + 1
end

function tasks.conv()
  local inputs = k.Input { shape = { 5, 5, 1 } }
  local y = layers.Conv2D { 4, 2, activation = "tanh" } (inputs)
  y = layers.Flatten {} (layers.MaxPooling2D(2)(y))
  return inputs, one(y), wave(SAMPLES, 5, 5, 1), numbers()
end

function tasks.attention()
  local inputs = k.Input { shape = { 4, 3 } }
  local y = layers.LayerNormalization {} (layers.MultiHeadAttention { 2, 3 } (inputs, inputs))
  return inputs, one(layers.GlobalAveragePooling1D {} (y)), wave(SAMPLES, 4, 3), numbers()
end

local function embedded()
  local inputs = k.Input { shape = { 5 }, dtype = "int32" }
  return inputs, layers.Embedding { 6, 4, mask_zero = true } (inputs), ids(6, SAMPLES, 5)
end

function tasks.tokens()
  local inputs, h, x = embedded()
  return inputs, one_sigmoid(layers.LSTM(4)(h)), x, labels()
end

function tasks.steps()
  local inputs, h, x = embedded()
  return inputs, one(layers.GRU { 4, return_sequences = true } (h)), x, wave(SAMPLES, 5, 1)
end

tasks["two outputs"] = function (hidden)
  local inputs, x = shallow()
  local h = hidden(inputs)
  local outputs = { layers.Dense { 1, name = "a" } (h),
    layers.Dense { 3, activation = "softmax", name = "b" } (h) }
  return inputs, outputs, x, { numbers(), ids(3, SAMPLES, 1) }
end

local weights = {
  rows = function () return ops.abs(wave(SAMPLES)) end,
  steps = function () return ops.abs(wave(SAMPLES, 5)) end,
  ["a row each"] = function ()
    return { ops.abs(wave(SAMPLES)), ops.abs(wave(2, SAMPLES))[2] }
  end,
}

-- ---- what cases tell by name and options -------------------------------------------------------

local function copy(t)
  local new = {}
  for key, value in pairs(t) do new[key] = value end
  return new
end

local function made(module, told)
  if type(told) ~= "table" then return told end
  return module[told[1]](copy(told[2]))
end

local function optimizer_of(told)
  told = told or { "SGD", { learning_rate = 0.1 } }
  local options = copy(told[2])
  options.learning_rate = made(k.optimizers.schedules, options.learning_rate)
  return k.optimizers[told[1]](options)
end

local function metrics_of(told)
  local list = {}
  for i, metric in ipairs(told) do
    local is_class = type(metric) == "string" and metric:find "^%u"
    list[i] = made(k.metrics, is_class and { metric, {} } or metric)
  end
  return list
end

local function callback_of(told)
  if told[2] == "halve" then
    return k.callbacks.LearningRateScheduler { function (_, rate) return rate / 2 end }
  end
  return made(k.callbacks, told)
end

-- ---- models of a user's own --------------------------------------------------------------------

-- A train step of a loss: loss_of(y, y_pred), follow(model, gradients), logs(loss, y_pred).
local function step(loss_of, follow, logs)
  return function (self, data)
    local x, y = k.utils.unpack_x_y_sample_weight(data)
    local y_pred
    local loss, _, grads = k.value_and_grad(function ()
      y_pred = self(x, { training = true })
      return loss_of(y, y_pred)
    end, self.trainable_weights)()
    follow(self, grads)
    return logs and logs(loss, y_pred) or { loss = loss }
  end
end

local function squared(y, y_pred) return ops.mean((y - y_pred) ^ 2) end

local own = {
  step = k.model "TrajectoryStep" {
    train_step = step(function (y, y_pred) return ops.mean(ops.abs(y - y_pred) ^ 3) end,
      function (self, grads) self.optimizer:apply(grads, self.trainable_weights) end,
      function (loss, y_pred) return { loss = loss, peak = ops.max(y_pred) } end),
  },
  ["step metrics"] = k.model "TrajectoryStepMetrics" {
    train_step = function (self, data)
      local x, y, sample_weight = k.utils.unpack_x_y_sample_weight(data)
      local y_pred
      local loss, _, grads = k.value_and_grad(function ()
        y_pred = self(x, { training = true })
        return self:compute_loss { x = x, y = y, y_pred = y_pred, sample_weight = sample_weight }
      end, self.trainable_weights)()
      self.optimizer:apply(grads, self.trainable_weights)
      local logs = {}
      for _, metric in ipairs(self.metrics) do
        if metric.name == "loss" then metric:update_state(loss)
        else metric:update_state(y, y_pred) end
        logs[metric.name] = metric:result()
      end
      return logs
    end,
  },
  ["step and super"] = k.model "TrajectorySuper" {
    train_step = function (self, data)
      local logs = k.Model.train_step(self, data)
      logs.twice = 2 * logs.loss
      return logs
    end,
  },
  compute_loss = k.model "TrajectoryLoss" {
    compute_loss = function (_, _, y, y_pred)
      return squared(y, y_pred) + 0.1 * ops.mean(y_pred ^ 2)
    end,
  },
  compute_metrics = k.model "TrajectoryMetrics" {
    compute_metrics = function (self, x, y, y_pred, sample_weight)
      local results = k.Model.compute_metrics(self, x, y, y_pred, sample_weight)
      results.peak = ops.max(y_pred)
      return results
    end,
  },
  test_step = k.model "TrajectoryTest" {
    test_step = function (self, data)
      return { loss = ops.mean((data[2] - self(data[1], { training = false })) ^ 4) }
    end,
  },
  ["two optimizers"] = k.model "TrajectoryTwo" {
    compile = function (self, options)
      k.Model.compile(self, options)
      self.second = k.optimizers.Adam(0.05)
    end,
    train_step = step(squared, function (self, grads)
      local list = self.trainable_weights
      self.optimizer:apply({ grads[1], grads[2] }, { list[1], list[2] })
      self.second:apply({ grads[3], grads[4] }, { list[3], list[4] })
    end),
  },
  accumulates = k.model "TrajectoryAccumulates" {
    train_step = step(squared, function (self, grads)
      local sums = {}
      for i, kept in ipairs(self.kept) do
        kept:assign(0.5 * kept + grads[i])
        sums[i] = kept.value
      end
      self.optimizer:apply(sums, self.trainable_weights)
    end),
  },
}

local Penalty = k.layer "TrajectoryPenalty" {
  call = function (self, x)
    self:add_loss(0.3 * ops.mean(ops.abs(x)))
    return x
  end,
}

local Cubed = k.loss "TrajectoryCubed" {
  call = function (_, y, y_pred) return ops.mean(ops.abs(y - y_pred) ^ 3, -1) end,
}

local Peak = k.metric "TrajectoryPeak" {
  init = function (self) self.peak = self:add_weight { name = "peak", initializer = "zeros" } end,
  update_state = function (self, _, y_pred)
    self.peak:assign(ops.maximum(self.peak, ops.max(ops.abs(y_pred))))
  end,
  result = function (self) return self.peak.value end,
}

local Sign = k.optimizer "TrajectorySign" {
  update_step = function (self, gradient, variable, learning_rate)
    self:assign_sub(variable, learning_rate * ops.sign(gradient))
  end,
}

local function two_layers(features, units)
  local x = k.Input { shape = { features } }
  local h = layers.Dense { 4, activation = "tanh" } (x)
  return k.Model { inputs = x, outputs = layers.Dense(units)(h) }
end

local VAE = k.model "TrajectoryVAE" {
  init = function (self)
    local x = k.Input { shape = { 3 } }
    local h = layers.Dense { 4, activation = "tanh" } (x)
    self.encoder = k.Model { inputs = x, outputs = { layers.Dense(2)(h), layers.Dense(2)(h) } }
    self.decoder = two_layers(2, 3)
    self.total = k.metrics.Mean { name = "loss" }
    self.kl = k.metrics.Mean { name = "kl_loss" }
  end,
  metrics = function (self) return { self.total, self.kl } end,
  train_step = function (self, data)
    local x, noise = table.unpack(data[1])
    local kl
    local loss, _, grads = k.value_and_grad(function ()
      local mean, log_var = self.encoder(x)
      local z = mean + ops.exp(0.5 * log_var) * noise
      local error = ops.mean(ops.sum((x - self.decoder(z)) ^ 2, 1))
      kl = ops.mean(ops.sum(-0.5 * (1 + log_var - mean ^ 2 - ops.exp(log_var)), 1))
      return error + kl
    end, self.trainable_weights)()
    self.optimizer:apply(grads, self.trainable_weights)
    self.total:update_state(loss)
    self.kl:update_state(kl)
    return { loss = self.total:result(), kl_loss = self.kl:result() }
  end,
}

local GAN = k.model "TrajectoryGAN" {
  init = function (self)
    self.discriminator = two_layers(3, 1)
    self.generator = two_layers(2, 3)
    self.d_optimizer = k.optimizers.Adam { 0.02, epsilon = 0.01 }
    self.g_optimizer = k.optimizers.SGD { 0.1, momentum = 0.9 }
    self.error = k.losses.BinaryCrossentropy { from_logits = true }
  end,
  train_step = function (self, data)
    local real, noise = table.unpack(data[1])
    local both = ops.concatenate({ self.generator(noise), real }, 0)
    local truth = ops.concatenate({ ops.ones { 8, 1 }, ops.zeros { 8, 1 } }, 0)
    local d_weights, g_weights =
      self.discriminator.trainable_weights, self.generator.trainable_weights
    local d_loss, _, d_grads = k.value_and_grad(function ()
      return self.error(truth, self.discriminator(both))
    end, d_weights)()
    self.d_optimizer:apply(d_grads, d_weights)
    local g_loss, _, g_grads = k.value_and_grad(function ()
      return self.error(ops.zeros { 8, 1 }, self.discriminator(self.generator(noise)))
    end, g_weights)()
    self.g_optimizer:apply(g_grads, g_weights)
    return { d_loss = d_loss, g_loss = g_loss }
  end,
}

-- ---- training ----------------------------------------------------------------------------------

-- The compiled model, x and y.
local function model_of(case)
  if case.own == "vae" or case.own == "gan" then
    local model = (case.own == "vae" and VAE or GAN) {}
    model:compile { optimizer = k.optimizers.Adam(0.02) }
    return model, { wave(SAMPLES, 3), wave(SAMPLES, 2) }
  end
  local hidden = { 4, activation = "tanh" }
  for name, value in pairs(case.layer or {}) do hidden[name] = value end
  local inputs, outputs, x, y = tasks[case.task or "regression"](layers.Dense(hidden))
  if case.own == "objects" then
    local model = k.Model { inputs = inputs, outputs = Penalty {} (outputs) }
    model:compile { optimizer = Sign(0.01), loss = Cubed {}, metrics = { Peak { name = "peak" } } }
    return model, x, y
  end
  local model = (own[case.own] or k.Model) { inputs = inputs, outputs = outputs }
  if case.own == "accumulates" then
    local kept = {}
    for i, weight in ipairs(model.trainable_weights) do
      kept[i] = core.variable { value = ops.zeros(weight.shape), name = "kept", trainable = false }
    end
    model.kept = kept
  end
  local options = { optimizer = optimizer_of(case.optimizer),
    loss = made(k.losses, case.loss or "mse") }
  for _, name in ipairs { "metrics", "weighted_metrics" } do
    options[name] = case[name] and metrics_of(case[name])
  end
  for name, value in pairs(case.compile or {}) do options[name] = value end
  model:compile(options)
  return model, x, y
end

-- The logs of each epoch by name, and the final weights in a row.
function trajectories.run(case)
  local model, x, y = model_of(case)
  local list = case.own == "accumulates" and model.trainable_weights or model.weights
  for _, weight in ipairs(list) do
    local value = 0.5 * wave(table.unpack(weight.shape))
    weight:assign(weight.name:find "variance" and ops.abs(value) or value)
  end
  local options = { epochs = 3, batch_size = 8, shuffle = false, verbose = 0 }
  for name, value in pairs(case.fit or {}) do options[name] = value end
  if case.callback then options.callbacks = { callback_of(case.callback) } end
  if case.sample_weight then options.sample_weight = weights[case.sample_weight]() end
  local history = model:fit(x, y, options)
  local flat = {}
  for _, weight in ipairs(list) do
    local numbers_of = ops.reshape(weight.value, { -1 }):totable()
    table.move(numbers_of, 1, #numbers_of, #flat + 1, flat)
  end
  return history.history, flat
end

return trajectories
