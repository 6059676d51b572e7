-- Loops in parts: where several threads run a loop, each for rows of its own, all numbers have the
-- same bits as on one thread. The sizes are such that a part is worth a thread.

local core = require "lunula.core"
local k = require "lunula"
local native = require "spec.support.native"
local stateful_runs = require "spec.support.stateful_runs"

local layers, ops = k.layers, k.ops
local threads = core.threads()
local batch, steps, features, units = 10, 120, 8, 64

-- Rows are mixed: the largest of the batch.
local Mixing = k.layer "MixingCell" {
  args = { { "units", "positive", required = true } },
  init = function (self) self.state_size = self.units end,
  build = function (self, shape)
    self:add_weight { name = "kernel", shape = { shape[#shape], self.units } }
    self:add_weight { name = "recurrent", shape = { self.units, self.units } }
  end,
  call = function (self, x, states)
    local h = states[1]
    local z = x:matmul(self.kernel) + h:matmul(self.recurrent) - ops.max(h, 0, true)
    h = z:tanh()
    return h, { h }
  end,
}

local makers = {
  LSTM = function () return layers.LSTM { units, return_sequences = true } end,
  ["LSTM backwards"] = function () return layers.LSTM { units, go_backwards = true } end,
  GRU = function () return layers.GRU(2 * units) end,
  ["GRU of old"] = function () return layers.GRU { 2 * units, reset_after = false } end,
  SimpleRNN = function () return layers.SimpleRNN(3 * units) end,
  ["LSTM with dropout"] = function ()
    return layers.LSTM { units, dropout = 0.2, recurrent_dropout = 0.3 }
  end,
  Bidirectional = function () return layers.Bidirectional { layers.LSTM(units) } end,
  StackedRNNCells = function ()
    return layers.RNN { { layers.LSTMCell(units), layers.GRUCell(units) } }
  end,
  ["a cell that mixes rows"] = function () return layers.RNN { Mixing(3 * units) } end,
}

-- The result of a layer and the gradients of its weights, compiled for n threads, as bytes. The
-- layer is made anew, since it draws other numbers each time.
local function bits(make, mask, n, passes)
  core.threads(n)
  k.set_random_seed(5)
  local x, layer, variables = k.random.normal { batch, steps, features }, make(), {}
  layer:build { batch, steps, features }
  for i, w in ipairs(layer.trainable_weights) do variables[i] = w end
  local f = core.trace({ { shape = { false, steps, features } } }, function (z)
    local y = layer(z, { training = true, mask = mask })
    return y, table.unpack(core.grad(ops.sum(y * y), variables))
  end)
  if passes then f:passes(passes) end
  local all = { f(x) }
  for i, y in ipairs(all) do all[i] = y:tobytes() end
  core.threads(threads)
  return table.concat(all)
end

local function check(make, mask)
  local alone = bits(make, mask, 1)
  for _, n in ipairs { 2, 4 } do
    assert.is_true(alone == bits(make, mask, n), n .. " threads give other bits")
  end
  assert.is_true(alone == bits(make, mask, 4, "-parts"), "the whole gives other bits")
end

describe("a loop in parts has the bits of the whole:", function ()
  after_each(function () core.threads(threads) end)

  for name, make in pairs(makers) do
    native(name, function () check(make) end)
  end

  native("with a mask", function ()
    local mask = ops.less(k.random.uniform { batch, steps }, 0.7)
    check(makers.LSTM, mask)
    check(function () return layers.GRU { 2 * units, zero_output_for_mask = true } end, mask)
  end)

  native("when it is run at once", function ()
    local layer, x = layers.LSTM { units, return_sequences = true },
      k.random.normal { batch, steps, features }
    layer(x)
    local function run(n)
      core.threads(n)
      return layer(x):tobytes()
    end
    local alone = run(1)
    assert.is_true(alone == run(4))
    local f = core.trace({ { shape = x.shape } }, function (z) return layer(z) end)
    assert.is_true(alone == f(x):tobytes())
  end)

  native("when there are more threads, or fewer, than at first", function ()
    local layer, x = layers.GRU(2 * units), k.random.normal { batch, steps, features }
    layer(x)
    local f = core.trace({ { shape = { false, steps, features } } }, function (z)
      return layer(z)
    end)
    local function run(n)
      core.threads(n)
      return f(x):tobytes(), f:memory()
    end
    local alone, bytes = run(1)
    local parts, more = run(4)
    assert.is_true(alone == parts)
    assert.is_true(more > bytes, "the plan was not made for 4 threads")
    assert.equal(more, select(2, run(1)))
  end)

  native("with images", function ()
    local layer = layers.ConvLSTM2D { 12, 3, padding = "same" }
    local x = k.random.normal { 5, 8, 12, 12, 3 }
    layer(x)
    local function run(n)
      core.threads(n)
      local spec = { shape = { false, 8, 12, 12, 3 } }
      local f = core.trace({ spec }, function (z) return layer(z) end)
      return f(x):tobytes()
    end
    assert.is_true(run(1) == run(3))
  end)

  native("with first states that are kept", function ()
    local layer = layers.LSTM { units, stateful = true }
    local run = stateful_runs(layer, { batch, steps, features })
    local parts = run(4)
    assert.is_true(parts == run(1))
  end)
end)
