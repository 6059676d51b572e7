-- What is not finite changes nothing: after an error, weights, states and optimizer are those of
-- the last good batch, bit for bit.

local core = require "lunula.core"
local k = require "lunula"
local layers, ops = k.layers, k.ops

local NAN = 0 / 0

local function layers_of(more)
  return {
    layers.Dense { 4, kernel_constraint = "max_norm" }, layers.BatchNormalization(),
    layers.SpectralNormalization { layers.Dense(3) }, table.unpack(more or {}),
  }
end

local function model_with(optimizer, options)
  local model = k.Sequential { k.Input { 3 } }
  for _, layer in ipairs(layers_of()) do model:add(layer) end
  model:add(layers.Dense(1))
  local o = { optimizer = optimizer, loss = "mse", metrics = { "mae" } }
  for key, value in pairs(options or {}) do o[key] = value end
  model:compile(o)
  return model
end

-- Five batches of four, of which the third holds a number that is none.
local function data()
  k.set_random_seed(5)
  local x, y = k.random.normal { 20, 3 }, k.random.normal { 20, 1 }
  local bad = x:totable()
  bad[10][2] = NAN
  return x, y, bad
end

local options = { batch_size = 4, shuffle = false, verbose = 0 }

local function state_of(model)
  local list = {}
  for _, variable in ipairs(model.weights) do list[#list + 1] = variable.value:tobytes() end
  for _, variable in ipairs(model.optimizer.variables) do
    list[#list + 1] = variable.value:tobytes()
  end
  return list
end

local function first(x, n)
  local list = {}
  for i = 1, n do list[i] = x[i]:totable() end
  return list
end

local optimizers = {
  { "SGD", { momentum = 0.9, nesterov = true } }, { "SGD", { clipnorm = 0.1 } },
  { "SGD", { global_clipnorm = 0.1 } }, { "SGD", { clipvalue = 0.1 } },
  { "Adam", { amsgrad = true } }, { "Adam", { gradient_accumulation_steps = 2 } },
  { "Adam", { use_ema = true, ema_overwrite_frequency = 2 } },
  { "AdamW", { weight_decay = 0.1 } }, { "Adamax" }, { "Nadam" }, { "Lamb" },
  { "RMSprop", { momentum = 0.9, centered = true } }, { "Adagrad" }, { "Adadelta" }, { "Ftrl" },
  { "Lion" }, { "Adafactor" }, { "Muon" }, { "ScheduleFreeAdamW" },
  { "SGD", { learning_rate = k.optimizers.schedules.ExponentialDecay { 0.1, 2, 0.5 } } },
}

describe("a batch that is not finite", function ()
  for i, entry in ipairs(optimizers) do
    local function make()
      local given = {}
      for key, value in pairs(entry[2] or {}) do given[key] = value end
      return k.optimizers[entry[1]](given)
    end
    it(("changes nothing with %s (%d)"):format(entry[1], i), function ()
      local x, y, bad = data()
      local broken, good = model_with(make()), model_with(make())
      good:set_weights(broken:get_weights())
      assert.error_at_line(function () broken:fit(bad, y, options) end,
        "fit: the loss is not a finite number at batch 3 of epoch 1")
      good:fit(first(x, 8), first(y, 8), options)
      -- Averages replace the weights at the end of a fit that is not interrupted.
      if not (good.optimizer.use_ema or entry[1] == "ScheduleFreeAdamW") then
        assert.same(state_of(good), state_of(broken))
      end
      for _, w in ipairs(broken:get_weights()) do
        assert.is_true(ops.all(ops.isfinite(w)):item())
      end
      assert.equal(2, good.optimizer.iterations)
      assert.equal(2, broken.optimizer.iterations)
    end)
  end

  it("with a finite loss and a gradient that is none, too", function ()
    local root = k.Sequential {
      k.Input { 1 }, layers.Dense { 1, use_bias = false, kernel_initializer = "ones" },
      layers.Lambda(function (x) return ops.where(ops.equal(x, 0), 0, ops.sqrt(x)) end),
    }
    root:compile { optimizer = "adam", loss = "mae" }
    assert.error_at_line(function ()
      root:fit({ { 1 }, { 2 }, { 0 }, { 3 } }, { { 1 }, { 1 }, { 1 }, { 1 } },
        { batch_size = 1, shuffle = false, verbose = 0 })
    end, "fit: a gradient is not a finite number at batch 3 of epoch 1; the weights are those of "
      .. "the batch before")
    assert.equal(2, root.optimizer.iterations)
    assert.is_true(ops.isfinite(root:get_weights()[1]):item())
    local text
    local real = require "_G"
    local kept = real.print
    real.print = function (line) text = line end
    local ok, history = pcall(root.fit, root, { { 1 }, { 0 }, { 2 } }, { { 1 }, { 1 }, { 1 } }, {
      batch_size = 1, shuffle = false, verbose = 0, epochs = 5,
      callbacks = { k.callbacks.TerminateOnNaN {} },
    })
    real.print = kept
    assert.is_true(ok)
    assert.equal(1, #history.epoch)
    assert.equal("Batch 1: Invalid gradient, terminating training", text)
    assert.equal(3, root.optimizer.iterations)
  end)

  it("with run_eagerly, too", function ()
    local x, y, bad = data()
    local broken = model_with("adam", { run_eagerly = true })
    local good = model_with("adam", { run_eagerly = true })
    good:set_weights(broken:get_weights())
    assert.error_at_line(function () broken:fit(bad, y, options) end, "at batch 3 of epoch 1")
    good:fit(first(x, 8), first(y, 8), options)
    assert.same(state_of(good), state_of(broken))
  end)

  it("in the first batch of a model that has no weights yet", function ()
    local Net = k.model "LateNet" {
      init = function (self)
        self.dense = layers.Dense { 2, kernel_initializer = "ones" }
        self.norm = layers.BatchNormalization()
      end,
      call = function (self, x) return self.norm(self.dense(x)) end,
    }
    local net = Net {}
    net:compile { optimizer = "sgd", loss = "mse" }
    assert.error_at_line(function ()
      net:fit({ { NAN, 1 } }, { { 1, 1 } }, { verbose = 0 })
    end, "at batch 1 of epoch 1")
    assert.near_all(net.dense.kernel.value, { { 1, 1 }, { 1, 1 } })
    assert.near_all(net.norm.moving_mean.value, { 0, 0 })
    assert.near_all(net.norm.moving_variance.value, { 1, 1 })
  end)

  it("leaves the states of a stateful layer", function ()
    local model = k.Sequential {
      k.Input { shape = { 2, 1 }, batch_size = 1 }, layers.LSTM { 2, stateful = true },
      layers.Dense(1),
    }
    model:compile { optimizer = "sgd", loss = "mse" }
    model:train_on_batch({ { { 1 }, { 2 } } }, { { 1 } })
    local states = model.layers[1].states
    local before = { states[1].value:tobytes(), states[2].value:tobytes() }
    assert.error_at_line(function () model:train_on_batch({ { { 1 }, { NAN } } }, { { 1 } }) end,
      "train_on_batch: the loss is not a finite number")
    assert.same(before, { states[1].value:tobytes(), states[2].value:tobytes() })
  end)

  it("is an error of train_on_batch, after which training goes on", function ()
    local x, y, bad = data()
    local model = model_with("adam")
    local before = model:get_weights()
    assert.error_at_line(function () model:train_on_batch(bad, y) end,
      "train_on_batch: the loss is not a finite number; the weights are those before")
    for i, w in ipairs(model:get_weights()) do assert.near_all(w, before[i], 0) end
    local loss = model:train_on_batch(x, y)
    assert.is_true(loss == loss)
    assert.equal(1, model.optimizer.iterations)
    model:fit(x, y, options)
    assert.equal(6, model.optimizer.iterations)
  end)

  it("ends fit, of which the History is kept", function ()
    local x, y, bad = data()
    local model, turn = model_with("sgd"), 0
    local function epochs()
      local given, batch = turn == 2 and bad or x:totable(), 0
      turn = turn + 1
      return function ()
        batch = batch + 1
        if batch <= 20 then return { given[batch] }, { y[batch]:totable() } end
      end
    end
    assert.error_at_line(function () model:fit(epochs, nil, { epochs = 5, verbose = 0 }) end,
      "at batch 10 of epoch 3")
    assert.same({ 0, 1 }, model.history.epoch)
    assert.equal(2, #model.history.history.loss)
    assert.is_true(model.history.history.mae[2] < math.huge)
  end)

  it("ends fit without an error for TerminateOnNaN, with the last good weights", function ()
    local x, y, bad = data()
    local broken, good = model_with("adam"), model_with("adam")
    good:set_weights(broken:get_weights())
    local real = require "_G"
    local kept = real.print
    real.print = function () end
    local ok, history = pcall(broken.fit, broken, bad, y, {
      batch_size = 4, shuffle = false, verbose = 0, epochs = 3,
      callbacks = { k.callbacks.TerminateOnNaN {} },
    })
    real.print = kept
    assert.is_true(ok, history)
    assert.equal(1, #history.epoch)
    good:fit(first(x, 8), first(y, 8), options)
    assert.same(state_of(good), state_of(broken))
    broken:fit(x, y, options)
    assert.equal(7, broken.optimizer.iterations)
  end)
end)

describe("an optimizer by hand", function ()
  it("refuses a gradient that is not finite, and names its variable", function ()
    local function variable(name, value)
      return core.variable { value = k.tensor(value), name = name, trainable = true }
    end
    local v, w = variable("v", { 1, 2 }), variable("w", { 3 })
    local adam = k.optimizers.Adam {}
    adam:apply({ k.tensor { 1, 1 }, k.tensor { 1 } }, { v, w })
    local before = { v.value:tobytes(), w.value:tobytes() }
    for _, wrong in ipairs { NAN, math.huge, -math.huge } do
      assert.error_at_line(function ()
        adam:apply({ k.tensor { 1, 1 }, k.tensor { wrong } }, { v, w })
      end, 'Adam: the gradient of "w" is not finite; the update is not applied')
    end
    assert.same(before, { v.value:tobytes(), w.value:tobytes() })
    assert.equal(1, adam.iterations)
    for _, option in ipairs { "clipnorm", "global_clipnorm" } do   -- of which the norm overflows
      local sgd = k.optimizers.SGD { [option] = 0.5 }
      assert.error_at_line(function () sgd:apply({ k.tensor { 1e30, 1 } }, { v }) end,
        'SGD: the gradient of "v" is not finite')
      sgd:apply({ k.tensor { 3e18, 4e18 } }, { v })
      assert.is_true(ops.all(ops.isfinite(v.value)):item())
    end
  end)
end)
