-- Loops abreast: where neither of two loops needs the other, each runs on a thread of its own. All
-- numbers have the same bits as on one thread. One row, so that no loop runs in parts.

local core = require "lunula.core"
local k = require "lunula"
local ask = require "spec.support.ask"
local native = require "spec.support.native"
local stateful_runs = require "spec.support.stateful_runs"

local layers, ops = k.layers, k.ops
local threads = core.threads()
local steps, features, units = 150, 8, 24

local function bidirectional(options)
  return function () return layers.Bidirectional(options()) end
end

local makers = {
  LSTM = bidirectional(function () return { layers.LSTM(units) } end),
  ["GRU over time"] = bidirectional(function ()
    return { layers.GRU { units, return_sequences = true }, merge_mode = "sum" }
  end),
  ["LSTM with dropout"] = bidirectional(function ()
    return { layers.LSTM { units, dropout = 0.2, recurrent_dropout = 0.3 } }
  end),
  ["one above another"] = function ()
    return k.Sequential { k.Input { shape = { steps, features } },
      layers.Bidirectional { layers.LSTM { units, return_sequences = true } },
      layers.Bidirectional { layers.SimpleRNN(3 * units) } }
  end,
  ["four towers"] = function ()
    local x, towers = k.Input { shape = { steps, features } }, {}
    for i = 1, 4 do towers[i] = layers.GRU(units + i)(x * i) end
    return k.Model { inputs = x, outputs = layers.concatenate(towers) }
  end,
}

-- The result of a layer and the gradients of its weights, for n threads, as bytes.
local function bits(make, n, passes)
  core.threads(n)
  k.set_random_seed(5)
  local x, layer = k.random.normal { 1, steps, features }, make()
  layer:build { 1, steps, features }
  local f = core.trace({ { shape = { false, steps, features } } }, function (z)
    local y = layer(z, { training = true })
    return y, table.unpack(core.grad(ops.sum(y * y), layer.trainable_weights))
  end)
  if passes then f:passes(passes) end
  local all = { f(x) }
  for i, y in ipairs(all) do all[i] = y:tobytes() end
  core.threads(threads)
  return table.concat(all)
end

-- A cell that looks its input up in a table of so many rows.
local Looking = k.layer "LookingCell" {
  args = { { "units", "positive", required = true } },
  init = function (self) self.state_size = self.units end,
  build = function (self) self:add_weight { name = "rows", shape = { self.units, self.units } } end,
  call = function (self, x, states)
    local h = states[1] + ops.take(self.rows, ops.cast(x[{ {}, 1 }], "int32"), 0)
    return h, { h }
  end,
}

-- What the plan of such layers prints, for so many steps.
local function plan_of(stack, length)
  local out = ask("LUNULA_DEBUG=plan", ([[
    local k = require "lunula"
    k.threads(2)
    local x = k.zeros { 1, %d, 8 }
    k.Sequential { k.Input { shape = { %d, 8 } }, %s }:predict(x)]]):format(length, length, stack))
  assert.matches("scan", out)
  return out
end

describe("loops abreast have the bits of one after the other:", function ()
  after_each(function () core.threads(threads) end)

  for name, make in pairs(makers) do
    native(name, function ()
      local alone = bits(make, 1)
      for _, n in ipairs { 2, 4 } do
        assert.is_true(alone == bits(make, n), n .. " threads give other bits")
      end
      assert.is_true(alone == bits(make, 2, "-parts"), "one after the other gives other bits")
    end)
  end

  native("with first states that are kept", function ()
    local layer = layers.Bidirectional { layers.LSTM { units, stateful = true } }
    local run = stateful_runs(layer, { 1, steps, features })
    local both = run(2)
    assert.is_true(both == run(1))
  end)
end)

describe("loops abreast", function ()
  after_each(function () core.threads(threads) end)

  it("are those of Bidirectional, when they are long enough", function ()
    local both = "k.layers.Bidirectional { k.layers.LSTM(24) }"
    assert.matches("scan %(with the next%)", plan_of(both, 150))
    assert.not_matches("with the next", plan_of(both, 60))
    assert.matches("scan %(with the next%)", plan_of(both:gsub("24", "128"), 60))
    local stacked = "k.layers.LSTM { 24, return_sequences = true }, k.layers.LSTM(24)"
    assert.not_matches("with the next", plan_of(stacked, 150))
  end)

  it("say which of them found what is wrong", function ()
    core.threads(2)
    local cells = { layers.RNN(Looking(units)), layers.RNN(Looking(units + 1)) }
    local x = k.Input { shape = { steps, 1 } }
    local model = k.Model { inputs = x, outputs = layers.concatenate { cells[1](x), cells[2](x) } }
    assert.equal(2 * units + 1, #model:predict(k.zeros { 1, steps, 1 })[1])
    local bad = k.ops.full({ 1, steps, 1 }, units) -- a row of the second table alone
    local _, text = pcall(model.predict, model, bad)
    assert.matches(("gather: id %d in sample 1 is out of range 0..%d; op at .-Cell; op at"):format(
      units, units - 1), text)
    assert.equal(2 * units + 1, #model:predict(k.zeros { 1, steps, 1 })[1])
  end)

  it("tell the fault of the first one, also where the second finds its own before", function ()
    core.threads(2)
    local cells = { layers.RNN(Looking(units)),
      layers.RNN { Looking(units + 1), go_backwards = true } }
    local x = k.Input { shape = { steps, 1 } }
    local model = k.Model { inputs = x, outputs = layers.concatenate { cells[1](x), cells[2](x) } }
    local last = ops.full({ 1, 1, 1 }, units + 1)
    local bad = ops.concatenate({ ops.zeros { 1, steps - 1, 1 }, last }, 1)
    for _ = 1, 20 do
      local _, text = pcall(model.predict, model, bad)
      assert.matches(("is out of range 0..%d; op at"):format(units - 1), text)
    end
  end)
end)
