-- Recurrent layers in training: dropout, fit, gradients that flow through time.

local core = require "lunula.core"
local k = require "lunula"

local layers, ops = k.layers, k.ops
local training = { training = true }

-- A SimpleRNN that passes its input on: identity kernel, nothing from the state.
local function passing(n, options)
  options.units, options.activation, options.use_bias = n, "linear", false
  options.return_sequences = true
  local layer = layers.SimpleRNN(options)
  layer:build { false, 3, n }
  layer:set_weights { ops.eye(n), ops.zeros { n, n } }
  return layer
end

local function share(t) return ops.mean(ops.cast(t, "float32")):item() end

describe("dropout", function ()
  it("of the input is one mask for all steps", function ()
    local layer = passing(40, { dropout = 0.3 })
    local ones = ops.ones { 64, 3, 40 }
    local y = layer(ones, training)
    local first = ops.slice(y, { 0, 0, 0 }, { 64, 1, 40 })
    assert.near_all(y - first, ops.zeros { 64, 3, 40 })
    assert.near_all(share(ops.equal(y, 0)), 0.3, 0.05)
    assert.near_all(ops.max(y), 1 / 0.7, 1e-6)
    assert.near_all(ops.mean(y), 1, 0.05)
    assert.near_all(layer(ones), ones)
    assert.is_true(ops.max(ops.abs(layer(ones, training) - y)):item() > 0)
  end)

  it("of the state is one mask for all steps", function ()
    local n = 40
    local layer = layers.SimpleRNN { n, recurrent_dropout = 0.5, activation = "linear",
      use_bias = false, return_sequences = true }
    layer:build { false, 3, n }
    layer:set_weights { ops.zeros { n, n }, ops.eye(n) }
    local y = layer(ops.zeros { 64, 3, n }, { training = true, initial_state = ops.ones { 64, n } })
    local function step(i) return ops.slice(y, { 0, i, 0 }, { 64, 1, n }) end
    assert.near_all(step(1), step(0) * 2)
    assert.near_all(step(2), step(0) * 4)
    assert.near_all(share(ops.equal(step(0), 0)), 0.5, 0.05)
  end)

  it("is the same in a planned run of many", function ()
    local layer = passing(40, { dropout = 0.5 })
    local f = core.trace({ { shape = { false, 3, 40 } } }, function (x)
      return layer(x, training)
    end)
    local ones = ops.ones { 64, 3, 40 }
    local a, b = f(ones), f(ones)
    assert.near_all(a - ops.slice(a, { 0, 0, 0 }, { 64, 1, 40 }), ops.zeros { 64, 3, 40 })
    assert.near_all(share(ops.equal(a, 0)), 0.5, 0.05)
    assert.is_true(ops.max(ops.abs(a - b)):item() > 0)
  end)

  it("comes from the seed", function ()
    for _, name in ipairs { "SimpleRNN", "GRU", "LSTM" } do
      local x = ops.ones { 4, 3, 5 }
      local first = layers[name] { 6, dropout = 0.5, recurrent_dropout = 0.5, seed = 7 }
      local y = first(x, training)
      local second = layers[name] { 6, dropout = 0.5, recurrent_dropout = 0.5, seed = 7 }
      second:build(x.shape)
      second:set_weights(first:get_weights())
      assert.near_all(second(x, training), y)
    end
  end)

  it("of gates: one mask of the input, one for each gate when the state is dropped", function ()
    for name, gates in pairs { LSTMCell = 4, GRUCell = 3 } do
      local x = ops.ones { 8, 5 }
      local function drawn(options)
        options[1] = 6
        local cell = layers[name](options)
        return cell:draw(x, { ops.zeros { 8, 6 } })
      end
      assert.are.equal(1, #drawn { dropout = 0.5 } .input)
      local both = drawn { dropout = 0.5, recurrent_dropout = 0.2 }
      assert.are.equal(gates, #both.input)
      assert.are.equal(gates, #both.state)
      assert.are.same({ 8, 6 }, both.state[1].shape)
      assert.is_nil(drawn {})
      assert.is_nil(drawn { dropout = 1 })
    end
  end)

  it("of stacked cells and convolutions", function ()
    local x = ops.ones { 16, 3, 5 }
    local rnn = layers.RNN { { layers.LSTMCell { 6, dropout = 0.5 }, layers.GRUCell { 7,
      dropout = 0.5, recurrent_dropout = 0.5 }, layers.SimpleRNNCell(2) }, return_sequences = true }
    local y = rnn(x)
    assert.near_all(rnn(x), y)
    assert.is_true(ops.max(ops.abs(rnn(x, training) - y)):item() > 1e-4)
    local f = core.trace({ { shape = { false, 3, 5 } } }, function (z) return rnn(z, training) end)
    assert.are.same({ 16, 3, 2 }, f(x).shape)
    local conv = layers.ConvLSTM1D { 4, 2, dropout = 0.5, recurrent_dropout = 0.5,
      data_format = "channels_first" }
    local images = ops.ones { 8, 3, 2, 5 }
    assert.is_true(ops.max(ops.abs(conv(images, training) - conv(images))):item() > 1e-4)
  end)

  it("has the gradient of the masks it drew", function ()
    local layer = passing(6, { dropout = 0.5 })
    local kernel = layer.weights[1]
    local g = core.value_and_grad(function (x) return ops.sum(layer(x, training)) end, { kernel })
    local value, _, gradients = g(ops.ones { 4, 3, 6 })
    -- the output is linear in the kernel
    assert.near_all(ops.sum(gradients[1] * kernel), value, 1e-4)
  end)
end)

-- Is the sum of the first feature positive?
local function task(n, steps)
  local x = k.random.normal({ n, steps, 3 }, { seed = 5 })
  local sums = ops.sum(ops.slice(x, { 0, 0, 0 }, { n, steps, 1 }), { 1, 2 })
  return x, ops.expand_dims(ops.cast(ops.less(0, sums), "float32"), -1)
end

describe("fit", function ()
  before_each(function () k.set_random_seed(3) end) -- a layer draws a seed when it is made

  local function learns(layer)
    local x, y = task(128, 6)
    local model = k.Sequential { k.Input { shape = { 6, 3 } }, layer,
      layers.Dense { 1, activation = "sigmoid" } }
    model:compile { optimizer = k.optimizers.Adam(0.02), loss = "binary_crossentropy" }
    local history = model:fit(x, y, { epochs = 12, verbose = 0 })
    local losses = history.history.loss
    assert.is_true(losses[#losses] < 0.6 * losses[1],
      ("%s: from %.3f to %.3f"):format(layer.name, losses[1], losses[#losses]))
  end

  for _, name in ipairs { "SimpleRNN", "GRU", "LSTM", "CuDNNGRU", "CuDNNLSTM" } do
    it("learns with " .. name, function () learns(layers[name](8)) end)
  end

  it("learns with GRU without reset_after", function ()
    learns(layers.GRU { 8, reset_after = false })
  end)

  it("learns with an unrolled layer", function () learns(layers.GRU { 8, unroll = true }) end)

  it("learns with Bidirectional", function () learns(layers.Bidirectional(layers.LSTM(6))) end)

  it("learns with stacked cells and dropout", function ()
    learns(layers.RNN { { layers.LSTMCell { 8, dropout = 0.1 },
      layers.GRUCell { 8, recurrent_dropout = 0.1 } } })
  end)

  it("learns with a cell of the user", function ()
    local Cell = k.layer "LearningCell" {
      args = { { "units", "positive" } },
      init = function (self) self.state_size = self.units end,
      build = function (self, shape)
        self:add_weight { name = "kernel", shape = { shape[#shape], self.units } }
        self:add_weight { name = "recurrent", shape = { self.units, self.units },
          initializer = "orthogonal" }
      end,
      call = function (self, x, states)
        local h = (x:matmul(self.kernel) + states[1]:matmul(self.recurrent)):tanh()
        return h, { h }
      end,
    }
    learns(layers.RNN(Cell(8)))
  end)

  it("learns with ConvLSTM1D and TimeDistributed", function ()
    local x, y = task(64, 4)
    local images = ops.reshape(x, { 64, 4, 3, 1 })
    local model = k.Sequential { k.Input { shape = { 4, 3, 1 } },
      layers.ConvLSTM1D { 4, 2, return_sequences = true },
      layers.TimeDistributed(layers.Flatten()), layers.GRU(4),
      layers.Dense { 1, activation = "sigmoid" } }
    model:compile { optimizer = k.optimizers.Adam(0.02), loss = "binary_crossentropy" }
    local losses = model:fit(images, y, { epochs = 15, verbose = 0 }).history.loss
    assert.is_true(losses[#losses] < 0.7 * losses[1])
  end)

  it("freezes a layer", function ()
    local x, y = task(32, 4)
    local lstm = layers.LSTM { 4, trainable = false }
    local model = k.Sequential { k.Input { shape = { 4, 3 } }, lstm, layers.Dense(1) }
    model:compile { optimizer = "sgd", loss = "mse" }
    local before = lstm:get_weights()
    model:fit(x, y, { verbose = 0 })
    for i, value in ipairs(lstm:get_weights()) do assert.near_all(value, before[i], 0) end
    assert.are.equal(0, #lstm.trainable_weights)
    assert.are.equal(3, #lstm.non_trainable_weights)
  end)

  it("adds up penalties of weights and activity", function ()
    local lstm = layers.LSTM { 2, kernel_regularizer = "l2", activity_regularizer = "l1" }
    local y = lstm(ops.ones { 4, 3, 2 })
    local losses = lstm.losses
    assert.are.equal(2, #losses)
    assert.near_all(losses[1], ops.sum(ops.abs(y)) * 0.01 / 4, 1e-6)
    assert.near_all(losses[2], ops.sum(ops.square(lstm.weights[1])) * 0.01, 1e-6)
  end)
end)

describe("gradients of gradients", function ()
  it("go through time", function ()
    local gru = layers.GRU(2)
    local x = k.random.normal({ 2, 3, 2 }, { seed = 2 })
    gru(x)
    local function penalty(z)
      local _, g = core.value_and_grad(function (w) return ops.sum(ops.square(gru(w))) end)(z)
      return g[1]
    end
    local way = k.random.normal({ 2, 3, 2 }, { seed = 3 })
    local f = core.trace({ { shape = { 2, 3, 2 } } }, function (z)
      local first = core.grad(ops.sum(ops.square(gru(z))), { z })[1]
      return core.grad(ops.sum(ops.square(first)), { z })[1]
    end)
    local second = ops.sum(f(x) * way):item()
    local function norm(s) return ops.sum(ops.square(penalty(x + way * s))):item() end
    assert.near_all(second, (norm(1e-2) - norm(-1e-2)) / 2e-2, 2e-2)
  end)
end)
