-- Examples of what no case of the specs shows: functions that take functions, base classes, what
-- writes files. They are run as all others are. { [full name] = code }

local small_model = [[
local model = k.Sequential { k.Input { shape = { 1 } }, k.layers.Dense(1) }
model:compile { optimizer = "sgd", loss = "mse" }
local x = k.tensor { { 1 }, { 2 }, { 3 }, { 4 } }
]]

return {
  -- ---- layers and models -----------------------------------------------------------------------
  ["k.layers.InputLayer"] = [[
local model = k.Sequential { k.layers.InputLayer { shape = { 3 } }, k.layers.Dense(2) }
print(model.input_shape, model.output_shape)]],
  ["k.distribution.DataParallel"] = [[
k.distribution.initialize()   -- of the processes that mpirun has started; here there is one
k.distribution.set_distribution(k.distribution.DataParallel())
print(k.distribution.rank(), k.distribution.size())]],
  ["k.layers.Lambda"] = [[
local layer = k.layers.Lambda(function (x) return x * k.ops.sigmoid(x) end)
print(layer(k.tensor { -1, 0, 1 }))]],
  ["k.layers.Layer"] = [[
local Scale = k.layer "Scale" {
  args = { { "factor", "number", default = 2 } },
  call = function (self, x) return x * self.factor end,
}
print(Scale { 3 } (k.tensor { 1, 2 }))
print(Scale().factor)]],
  ["k.layers.Wrapper"] = [[
local Twice = k.layer "Twice" {
  parent = k.layers.Wrapper,
  call = function (self, x) return self.layer(self.layer(x)) end,
}
print(Twice { k.layers.Dense(3) } (k.ones { 1, 3 }).shape)]],
  ["k.models.Model"] = [[
local x = k.Input { shape = { 4 } }
local hidden = k.layers.Dense { 8, activation = "relu" } (x)
local model = k.Model { inputs = x, outputs = k.layers.Dense(1) (hidden) }
print(model.output_shape, model:count_params())]],
  ["k.models.Sequential"] = [[
local model = k.Sequential {
  k.Input { shape = { 4 } },
  k.layers.Dense { 8, activation = "relu" },
  k.layers.Dense(1),
}
print(model.output_shape, model:count_params())]],

  -- ---- ops --------------------------------------------------------------------------------------
  ["k.ops.array"] = "print(k.ops.array { { 1, 2 }, { 3, 4 } })",
  ["k.ops.associative_scan"] = [[
print(k.ops.associative_scan(function (a, b) return a + b end, k.tensor { 1, 2, 3, 4 }))]],
  ["k.ops.cond"] = [[
local x = k.tensor(3.0)
print(k.ops.cond(k.ops.greater(x, 0), function () return x * 2 end, function () return -x end))]],
  ["k.ops.custom_gradient"] = [[
local straight = k.ops.custom_gradient(function (x)
  return k.ops.round(x), function (upstream) return upstream end
end)
local value, gradient = k.value_and_grad(function (x)
  return k.ops.sum(straight(x))
end)(k.tensor { 0.4, 1.6 })
print(value, gradient[1] or gradient)]],
  ["k.ops.dtype"] = 'print(k.ops.dtype(k.tensor({ 1, 2 }, "int32")))',
  ["k.ops.fori_loop"] = [[
print(k.ops.fori_loop(0, 5, function (i, sum) return sum + i end, k.tensor(0)))]],
  ["k.ops.is_tensor"] = "print(k.ops.is_tensor(k.ones { 2 }), k.ops.is_tensor { 1, 2 })",
  ["k.ops.jvp"] = [[
local value, change = k.ops.jvp(function (x) return x ^ 2 end, { k.tensor { 1, 2, 3 } },
  { k.tensor { 1, 1, 1 } })
print(value)
print(change)]],
  ["k.ops.map"] = [[
print(k.ops.map(function (row) return k.ops.sum(row) end, k.tensor { { 1, 2 }, { 3, 4 } }))]],
  ["k.ops.ndim"] = "print(k.ops.ndim(k.ones { 2, 3 }))",
  ["k.ops.random_normal_like"] = "print(k.ops.random_normal_like(k.zeros { 2, 3 }).shape)",
  ["k.ops.random_uniform_like"] = "print(k.ops.random_uniform_like(k.zeros { 2, 3 }).shape)",
  ["k.ops.scan"] = [[
local sum, sums = k.ops.scan(function (carry, x) return carry + x, carry + x end,
  k.tensor(0.0), k.tensor { 1, 2, 3 })
print(sum)
print(sums)]],
  ["k.ops.shape"] = "print(k.ops.shape(k.ones { 2, 3 }))",
  ["k.ops.size"] = "print(k.ops.size(k.ones { 2, 3 }))",
  ["k.ops.switch"] = [[
local double = function (x) return x * 2 end
local negative = function (x) return -x end
print(k.ops.switch(k.tensor(1, "int32"), { double, negative }, { k.tensor(3.0) }))]],
  ["k.ops.vectorize"] = [[
local distance = k.ops.vectorize(function (a, b) return k.ops.abs(a - b) end)
print(distance(k.tensor { 1, 2, 3 }, k.tensor { 3, 3, 3 }))]],
  ["k.ops.vectorized_map"] = [[
print(k.ops.vectorized_map(function (row) return k.ops.max(row) end,
  k.tensor { { 1, 2 }, { 4, 3 } }))]],
  ["k.ops.while_loop"] = [[
print(k.ops.while_loop(function (x) return k.ops.less(x, 100) end,
  function (x) return x * 2 end, { k.tensor(3.0) }))]],

  -- ---- losses and metrics -----------------------------------------------------------------------
  ["k.losses.CTC"] = [[
local labels = k.tensor({ { 1, 2 } }, "int32")
local logits = k.zeros { 1, 4, 3 }      -- 4 steps, 2 classes and the blank
print(k.losses.CTC()(labels, logits))]],
  ["k.losses.Loss"] = [[
local Cubic = k.loss "Cubic" {
  call = function (_, y_true, y_pred) return k.ops.mean(k.ops.abs(y_true - y_pred) ^ 3, -1) end,
}
print(Cubic()(k.tensor { { 0, 1 } }, k.tensor { { 1, 1 } }))]],
  ["k.losses.LossFunctionWrapper"] = [[
local loss = k.losses.LossFunctionWrapper { function (y_true, y_pred)
  return k.ops.mean(k.ops.abs(y_true - y_pred), -1)
end, name = "distance" }
print(loss(k.tensor { { 0, 1 } }, k.tensor { { 1, 1 } }))]],
  ["k.metrics.MeanMetricWrapper"] = [[
local metric = k.metrics.MeanMetricWrapper { function (y_true, y_pred)
  return k.ops.abs(y_true - y_pred)
end, name = "distance" }
metric:update_state(k.tensor { 0, 1 }, k.tensor { 1, 1 })
print(metric:result())]],
  ["k.metrics.Metric"] = [[
local Largest = k.metric "Largest" {
  init = function (self) self.largest = self:add_weight { name = "largest", shape = {} } end,
  update_state = function (self, _, y_pred)
    self.largest:assign(k.ops.maximum(self.largest, k.ops.max(y_pred)))
  end,
  result = function (self) return self.largest + 0 end,
}
local metric = Largest()
metric:update_state(k.tensor { 0, 1 }, k.tensor { 3, 2 })
print(metric:result())]],
  ["k.metrics.SparseCategoricalCrossentropy"] = [[
local metric = k.metrics.SparseCategoricalCrossentropy()
metric:update_state(k.tensor({ 1, 0 }, "int32"), k.tensor { { 0.2, 0.8 }, { 0.6, 0.4 } })
print(metric:result())]],
  ["k.metrics.SparseTopKCategoricalAccuracy"] = [[
local metric = k.metrics.SparseTopKCategoricalAccuracy { 2 }
metric:update_state(k.tensor({ 2, 0 }, "int32"), k.tensor { { 0.1, 0.6, 0.3 }, { 0.1, 0.6, 0.3 } })
print(metric:result())]],

  -- ---- optimizers -------------------------------------------------------------------------------
  ["k.optimizers.Optimizer"] = [[
local optimizer = k.optimizers.get "adam"
print(optimizer.learning_rate)]],
  ["k.mixed_precision.LossScaleOptimizer"] = [[
local w = k.Variable(1.0)
local optimizer = k.optimizers.LossScaleOptimizer { k.optimizers.SGD(0.1) }
optimizer:apply({ k.tensor(2.0 ^ 15) }, { w })     -- the gradient of the loss times 2 ^ 15
print(w.value)]],
  ["k.optimizers.OptimizerMap"] = [[
local map = k.optimizers.OptimizerMap { "sgd" }
map["encoder/.*"] = k.optimizers.Adam(0.001)
print(map["encoder/kernel"].name, map["decoder/kernel"].name)]],
  ["k.optimizers.MultiOptimizer"] = [[
local map = k.optimizers.OptimizerMap { k.optimizers.SGD(0.1) }
map[".*bias"] = k.optimizers.SGD(0.5)
local w, b = k.Variable(1.0, { name = "kernel" }), k.Variable(1.0, { name = "bias" })
local optimizer = k.optimizers.MultiOptimizer { map }
optimizer:apply({ k.tensor(1.0), k.tensor(1.0) }, { w, b })
print(w.value, b.value)]],
  ["k.optimizers.schedules.LearningRateSchedule"] = [[
local schedule = k.optimizers.schedules.ExponentialDecay { 0.1, 100, 0.5 }
local optimizer = k.optimizers.SGD { learning_rate = schedule }
print(optimizer.learning_rate)]],

  -- ---- callbacks --------------------------------------------------------------------------------
  ["k.callbacks.LearningRateScheduler"] = small_model .. [[
local slower = k.callbacks.LearningRateScheduler { function (epoch, rate)
  return epoch < 2 and rate or rate * 0.5
end }
model:fit(x, 2 * x, { epochs = 4, verbose = 0, callbacks = { slower } })
print(model.optimizer.learning_rate)]],
  ["k.callbacks.ModelCheckpoint"] = small_model .. [[
local path = os.tmpname() .. ".safetensors"
model:fit(x, 2 * x, { epochs = 3, verbose = 0, callbacks = {
  k.callbacks.ModelCheckpoint { path, monitor = "loss", save_best_only = true } } })
print(k.models.load_model(path).output_shape)
os.remove(path)]],
  ["k.callbacks.BackupAndRestore"] = small_model .. [[
local folder = os.tmpname()
os.remove(folder)
model:fit(x, 2 * x, { epochs = 3, verbose = 0, callbacks = {
  k.callbacks.BackupAndRestore { folder } } })
print(io.open(folder) == nil)           -- a fit that ends takes its backup away]],
  ["k.callbacks.CSVLogger"] = small_model .. [[
local path = os.tmpname()
model:fit(x, 2 * x, { epochs = 2, verbose = 0, callbacks = { k.callbacks.CSVLogger { path } } })
for line in io.lines(path) do print((line:gsub("(%d%.%d%d)%d*", "%1"))) end
os.remove(path)]],
  ["k.callbacks.SwapEMAWeights"] = [[
local model = k.Sequential { k.Input { shape = { 1 } }, k.layers.Dense(1) }
model:compile { optimizer = k.optimizers.SGD { use_ema = true }, loss = "mse" }
local x = k.tensor { { 1 }, { 2 } }
model:fit(x, 2 * x, { verbose = 0, callbacks = { k.callbacks.SwapEMAWeights() },
  validation_data = { x, 2 * x } })
print(#model.history.epoch)]],
  ["k.callbacks.TensorBoard"] = small_model .. [[
local folder = os.tmpname()
os.remove(folder)
model:fit(x, 2 * x, { verbose = 0, callbacks = { k.callbacks.TensorBoard { folder } } })
os.execute("ls " .. folder .. " >/dev/null && rm -r " .. folder)
print(#model.history.epoch)]],

  -- ---- initializers, regularizers, constraints --------------------------------------------------
  ["k.initializers.Initializer"] = [[
local Steps = k.layers.Dense { 2, kernel_initializer = function (shape, dtype)
  return k.ops.reshape(k.arange(shape[1] * shape[2]), shape)
end }
Steps(k.ones { 1, 2 })
print(Steps.kernel.value)]],
  ["k.initializers.STFT"] = [[
print(k.initializers.STFT { "real", "hann" } ({ 4, 1, 3 }).shape)]],
  ["k.regularizers.Regularizer"] = [[
local layer = k.layers.Dense { 2, kernel_initializer = "ones", kernel_regularizer = "l2" }
layer(k.ones { 1, 3 })
print(layer.losses[1])]],
  ["k.constraints.Constraint"] = [[
local constraint = k.constraints.get "non_neg"
print(constraint(k.tensor { -1, 2 }))]],
  ["k.constraints.RadialConstraint"] = [[
local kernel = k.random.uniform { 3, 3, 1, 1 }
print(k.constraints.RadialConstraint()(kernel).shape)]],
}
