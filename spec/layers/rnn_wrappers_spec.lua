-- Bidirectional and TimeDistributed beyond the recorded cases.

local core = require "lunula.core"
local k = require "lunula"
local check_layer = require "spec.support.check_layer"

local layers, ops = k.layers, k.ops

local x = k.random.normal({ 3, 4, 5 }, { seed = 1 })
local mask = core.tensor({
  { true, true, true, false }, { false, true, true, true }, { true, true, true, true },
}, { dtype = "bool" })

describe("Bidirectional", function ()
  -- The two directions as layers of their own, with the weights of `both`.
  local function halves(both, options)
    local forward = layers.GRU(options)
    options.go_backwards = true
    local backward = layers.GRU(options)
    local weights = both:get_weights()
    for i, layer in ipairs { forward, backward } do
      layer:build { false, 4, 5 }
      layer:set_weights { table.unpack(weights, 3 * i - 2, 3 * i) }
    end
    return forward, backward
  end

  it("merges what two layers say", function ()
    local merges = {
      sum = function (a, b) return a + b end, mul = function (a, b) return a * b end,
      ave = function (a, b) return (a + b) / 2 end,
      concat = function (a, b) return ops.concatenate({ a, b }, -1) end,
    }
    for mode, merge in pairs(merges) do
      local both = layers.Bidirectional { layers.GRU { 2, return_sequences = true },
        merge_mode = mode }
      local y = both(x)
      local forward, backward = halves(both, { 2, return_sequences = true })
      assert.near_all(y, merge(forward(x), ops.flip(backward(x), 1)), 1e-6)
    end
  end)

  it("keeps them apart without a mode", function ()
    local both = layers.Bidirectional { layers.GRU(2), merge_mode = false }
    local y, z = both(x)
    local forward, backward = halves(both, { 2 })
    assert.near_all(y, forward(x), 1e-6)
    assert.near_all(z, backward(x), 1e-6)
    local again = layers.Bidirectional.from_config(both:get_config())
    assert.is_nil(again.merge_mode)
    assert.are.equal(2, select("#", again(x)))
  end)

  it("makes layers of its own from the given one", function ()
    local pattern = layers.LSTM { 2, name = "reader" }
    pattern(x)
    local both = layers.Bidirectional(pattern)
    assert.are.equal("forward_reader", both.forward_layer.name)
    assert.are.equal("backward_reader", both.backward_layer.name)
    assert.is_true(both.backward_layer.go_backwards)
    both(x)
    local old, new = pattern:get_weights(), both:get_weights()
    assert.are.equal(6, #new)
    assert.is_true(ops.max(ops.abs(old[1] - new[1])):item() > 1e-3)
  end)

  it("begins with given weights", function ()
    local first = layers.Bidirectional(layers.GRU(2))
    local y = first(x)
    local second = layers.Bidirectional { layers.GRU(2), weights = first:get_weights() }
    assert.near_all(second(x), y)
  end)

  it("takes and gives the states of both", function ()
    local both = layers.Bidirectional(layers.LSTM { 2, return_state = true })
    local y, h, c, g, d = both(x)
    assert.near_all(y, ops.concatenate({ h, g }, -1))
    local again = both(x, { initial_state = { h, c, g, d } })
    assert.near_all(again, (both { x, h, c, g, d }))
    assert.is_true(ops.max(ops.abs(again - y)):item() > 1e-3)
    assert.error_at_line(function () both(x, { initial_state = { h, c } }) end,
      "(Bidirectional): initial_state: the layers have 4 states, got 2")
    local input = k.Input { shape = { 4, 5 } }
    local _, a, b, e, f = both(input)
    local model = k.Model { inputs = input,
      outputs = layers.Bidirectional(layers.LSTM(2))(input, { initial_state = { a, b, e, f } }) }
    assert.are.same({ 3, 4 }, model:predict(x).shape)
  end)

  it("gives 0 for masked steps of a sequence", function ()
    local both = layers.Bidirectional(layers.GRU { 2, return_sequences = true })
    local y = both(x, { mask = mask })
    assert.near_all(y[1][4], ops.zeros { 4 })
    assert.near_all(y[2][1], ops.zeros { 4 })
    assert.near_all(y.mask, mask)
    local cut = both(ops.slice(x, { 0, 0, 0 }, { 1, 3, 5 }))
    assert.near_all(ops.slice(y, { 0, 0, 0 }, { 1, 3, 4 }), cut, 1e-6)
    local last = layers.Bidirectional(layers.GRU(2))
    assert.is_nil(last(x, { mask = mask }).mask)
  end)

  it("may keep states", function ()
    local both = layers.Bidirectional(layers.GRU { 2, stateful = true })
    local y = both(x)
    assert.are.equal(2, #both.states)
    assert.is_true(ops.max(ops.abs(both(x) - y)):item() > 1e-4)
    both:reset_state()
    assert.near_all(both(x), y)
  end)

  it("goes around cells of users, stacks and other wrappers", function ()
    local Cell = k.layer "EchoCell" {
      state_size = 5,
      call = function (_, step, states)
        local h = states[1] * 0.5 + step
        return h, { h }
      end,
    }
    check_layer.any { layer = layers.Bidirectional(layers.RNN(Cell())), input = x,
      output = { 3, 10 }, custom = { EchoCell = Cell } }
    check_layer.any { input = x, output = { 3, 4, 6 }, weights = 12,
      layer = layers.Bidirectional(layers.RNN { { layers.LSTMCell(2), layers.GRUCell(3) },
        return_sequences = true }) }
    check_layer.any { input = x, output = { 3, 5 }, layer = layers.Bidirectional {
      layers.GRU(2), backward_layer = layers.LSTM { 3, go_backwards = true } } }
  end)

  it("says what is wrong", function ()
    local LSTM, Bidirectional = layers.LSTM, layers.Bidirectional
    assert.error_at_line(function () Bidirectional { LSTM(2), merge_mode = "add" } end,
      'Bidirectional: merge_mode must be one of "sum", "mul", "ave", "concat"')
    assert.error_at_line(function () Bidirectional { LSTM(2), backward_layer = LSTM(2) } end,
      "layer and backward_layer must have opposite go_backwards, both have false")
    assert.error_at_line(function ()
      Bidirectional { LSTM(2), backward_layer = LSTM { 2, go_backwards = true, stateful = true } }
    end, "must agree in stateful: one has false, the other true")
    assert.error_at_line(function () Bidirectional(layers.Dense(2)) end,
      "Bidirectional: layer must be a recurrent layer, which has an option go_backwards")
    assert.error_at_line(function () Bidirectional(3) end, "layer must be a layer, got 3")
    assert.error_at_line(function () Bidirectional(LSTM(2))(ops.zeros { 2, 3 }) end,
      "takes an input of rank 3, got shape (2, 3)")
  end)
end)

describe("TimeDistributed", function ()
  it("works for any batch and length", function ()
    for _, layer in ipairs { layers.TimeDistributed(layers.Dense(2)),
      layers.TimeDistributed(layers.LayerNormalization()) } do
      local y = layer(x)
      for _, shape in ipairs { { false, 4, 5 }, { 3, false, 5 }, { false, false, 5 } } do
        local f = core.trace({ { shape = shape } }, function (z) return layer(z) end)
        assert.near_all(f(x), y, 1e-6)
      end
    end
    assert.are.same({ false, false, 2 },
      layers.TimeDistributed(layers.Dense(2)):compute_output_shape { false, false, 5 })
  end)

  it("is the layer on every step", function ()
    local dense = layers.Dense { 2, activation = "tanh" }
    local y = layers.TimeDistributed(dense)(x)
    for i = 1, 4 do
      local step = ops.squeeze(ops.slice(x, { 0, i - 1, 0 }, { 3, 1, 5 }), 1)
      assert.near_all(ops.squeeze(ops.slice(y, { 0, i - 1, 0 }, { 3, 1, 2 }), 1), dense(step), 1e-6)
    end
  end)

  it("goes around models and layers with several results", function ()
    local model = k.Sequential { k.Input { shape = { 5 } }, layers.Dense(3), layers.Dense(2) }
    assert.are.same({ 3, 4, 2 }, layers.TimeDistributed(model)(x).shape)
    local images = k.random.normal { 2, 3, 4, 5 }
    local y, h = layers.TimeDistributed(layers.GRU { 2, return_state = true })(images)
    assert.are.same({ 2, 3, 2 }, y.shape)
    assert.near_all(y, h)
  end)

  it("passes the part of a mask that belongs to a step", function ()
    local Double = k.layer "MaskSeer" {
      supports_masking = true,
      call = function (_, y, ctx) return y * ops.expand_dims(ops.cast(ctx.mask, "float32"), -1) end,
    }
    local y = layers.TimeDistributed(Double())(x, { mask = mask })
    assert.near_all(y[1][4], ops.zeros { 5 })
    assert.near_all(y[1][1], x[1][1])
    assert.near_all(y.mask, mask)
    local words = k.random.normal { 2, 3, 4, 5 }
    local inner = layers.Masking() (words)
    assert.are.same({ 2, 3, 2 }, layers.TimeDistributed(layers.LSTM(2))(inner).shape)
    assert.error_at_line(function ()
      layers.TimeDistributed(Double())(x, { mask = ops.ones({ 3, 3 }, "bool") })
    end, "the mask must begin with the batch and the steps of the input (3, 4, 5), got (3, 3)")
  end)

  it("goes step by step where the layer keeps something", function ()
    local norm = layers.BatchNormalization { momentum = 0.5 }
    local around = layers.TimeDistributed(norm)
    local y = around(x, { training = true })
    for i = 1, 4 do   -- the moments are those of one step
      local step = ops.squeeze(ops.slice(y, { 0, i - 1, 0 }, { 3, 1, 5 }), 1)
      assert.near_all(ops.mean(step, 0), ops.zeros { 5 }, 1e-5)
    end
    local mean = ops.zeros { 5 }
    for i = 1, 4 do
      local step = ops.squeeze(ops.slice(x, { 0, i - 1, 0 }, { 3, 1, 5 }), 1)
      mean = mean * 0.5 + ops.mean(step, 0) * 0.5
    end
    assert.near_all(norm.moving_mean, mean, 1e-5)
    assert.error_at_line(function ()
      around(k.Input { shape = { false, 5 } }, { training = true })
    end, 'the layer inside, "')
    local state = layers.TimeDistributed(layers.GRU { 2, stateful = true })
    local images = k.random.normal { 2, 3, 4, 5 }
    assert.are.same({ 2, 3, 2 }, state(images).shape)
    local first = images[1]
    assert.are.equal(3, first.rank)
  end)

  it("needs an axis of time", function ()
    local layer = layers.TimeDistributed(layers.Dense(2))
    assert.error_at_line(function () layer(ops.zeros { 2, 3 }) end,
      "(TimeDistributed): takes an input of rank 3 or more, (batch, time, …), got (2, 3)")
  end)
end)
