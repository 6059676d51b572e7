-- LSTM(128) over 100 steps, batch 32: predict and a train step against their matrix products alone
-- by cblas; then a cell that a user wrote in Lua against the built-in one. One thread.

local bench = require "bench"
local core = require "lunula.core"
local k = require "lunula"
local peer = bench.peer "lstm_peer"

local ops = k.ops
local batch, steps, features, units = 32, 100, 128, 128
local threads = core.threads()
core.threads(1)

-- As in a text book: one product for the input, one for the state, then the gates.
local Cell = k.layer "BenchCell" {
  args = { { "units", "positive", required = true } },
  init = function (self) self.state_size = { self.units, self.units } end,
  build = function (self, shape)
    local n = 4 * self.units
    self:add_weight { name = "kernel", shape = { shape[#shape], n } }
    self:add_weight { name = "recurrent", shape = { self.units, n }, initializer = "orthogonal" }
    self:add_weight { name = "bias", shape = { n }, initializer = "zeros" }
  end,
  call = function (self, x, states)
    local h, c = states[1], states[2]
    local z = x:matmul(self.kernel) + h:matmul(self.recurrent) + self.bias
    local i, f, g, o = ops.split(z, 4, -1)
    c = f:sigmoid() * c + i:sigmoid() * g:tanh()
    h = o:sigmoid() * c:tanh()
    return h, { h, c }
  end,
}

local function model_of(layer)
  local model = k.Sequential { k.Input { shape = { steps, features } }, layer }
  model:compile { optimizer = "sgd", loss = "mse" }
  return model
end

local built_in = model_of(k.layers.LSTM(units))
local written = model_of(k.layers.RNN(Cell(units)))

local x = k.random.normal { batch, steps, features }
local rows = batch * 10
local many, targets = k.random.normal { rows, steps, features }, k.random.normal { rows, units }

local function predict(model)
  return function ()
    return bench.time(10, function () model:predict_on_batch(x):release() end)
  end
end

local function train(model)
  return function ()
    local start = core.clock()
    model:fit(many, targets, { batch_size = batch, verbose = 0, shuffle = false })
    return (core.clock() - start) / (rows / batch)
  end
end

local function products(backward)
  return function () return peer.time(batch, steps, features, units, backward, 10) end
end

train(built_in)()
train(written)()
bench.compare("LSTM(128), predict (products alone)", predict(built_in), products(false))
bench.compare("LSTM(128), train step (products alone)", train(built_in), products(true))
bench.compare("a cell in Lua, predict (built in)", predict(written), predict(built_in))
bench.compare("a cell in Lua, train step (built in)", train(written), train(built_in))
core.threads(threads)
