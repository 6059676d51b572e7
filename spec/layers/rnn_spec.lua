-- Recurrent layers beyond the recorded cases: cells of users, states, masks, errors.

local core = require "lunula.core"
local k = require "lunula"
local check_layer = require "spec.support.check_layer"

local layers, ops = k.layers, k.ops

-- ((0 1 2 …) % 7 - 3) / 10 in the given shape.
local function weave(shape)
  local n, data = 1, {}
  for _, size in ipairs(shape) do n = n * size end
  for i = 0, n - 1 do data[i + 1] = (i % 7 - 3) / 10 end
  return core.tensor(data, { shape = shape })
end

local function with_weave(layer, x, options)
  layer:build(x.shape)
  local values = {}
  for i, weight in ipairs(layer.weights) do values[i] = weave(weight.shape) end
  layer:set_weights(values)
  return layer(x, options)
end

local short = weave { 1, 3, 2 } * 2
local x = weave { 2, 4, 5 }

-- A running sum: the simplest cell.
local Sum = k.layer "SumCell" {
  args = { { "units", "positive", required = true } },
  init = function (self) self.state_size = self.units end,
  call = function (_, step, states)
    local h = states[1] + step
    return h, h
  end,
}

describe("recurrent layers", function ()
  it("give the numbers of Keras", function ()
    local cases = {
      { layers.SimpleRNN(2), { { -.313264, -.196392 } } },
      { layers.LSTM { 2, return_sequences = true },
        { { { -.010963, -.009598 }, { .013718, .026922 }, { .050658, .070636 } } } },
      { layers.LSTM { 2, recurrent_activation = "hard_sigmoid" }, { { .053319, .080887 } } },
      { layers.GRU { 2, return_sequences = true },
        { { { .01939, .049841 }, { .048963, .147793 }, { .083523, .266903 } } } },
      { layers.GRU { 2, reset_after = false }, { { .092269, .207495 } } },
      { layers.LSTM { 2, return_sequences = true, go_backwards = true },
        { { { .043191, .057787 }, { .043784, .068236 }, { .015494, .035062 } } } },
      { layers.Bidirectional(layers.LSTM { 2, return_sequences = true }),
        { { { -.010963, -.009598, .015494, .035062 }, { .013718, .026922, .043784, .068236 },
          { .050658, .070636, .043191, .057787 } } } },
      { layers.LSTM { 2, return_sequences = true },
        { { { -.010963, -.009598 }, { .013718, .026922 }, { .013718, .026922 } } },
        { mask = { { true, true, false } } } },
      { layers.LSTM { 2, return_sequences = true },
        { { { 0, 0 }, { .019665, .03208 }, { .053686, .073138 } } },
        { mask = { { false, true, true } } } },
    }
    for _, case in ipairs(cases) do
      assert.near_all(with_weave(case[1], short, case[3]), case[2], 1e-6)
    end
  end)

  it("have ones in the bias of the forget gate", function ()
    for _, layer in ipairs { layers.LSTM(2), layers.CuDNNLSTM(2) } do
      layer:build { false, 3, 4 }
      local bias = layer.weights[3].value
      local from = bias.size - 6
      assert.near_all(ops.sum(bias), 2)
      assert.near_all(ops.slice(bias, { from }, { 2 }), { 1, 1 })
    end
    local plain = layers.LSTM { 2, unit_forget_bias = false }
    plain:build { false, 3, 4 }
    assert.near_all(plain.weights[3].value, ops.zeros { 8 })
  end)

  it("have orthogonal recurrent kernels", function ()
    local layer = layers.SimpleRNN(4)
    layer:build { false, 3, 2 }
    local kernel = layer.weights[2].value
    assert.near_all(ops.matmul(kernel, ops.transpose(kernel)), ops.eye(4), 1e-5)
  end)

  it("know what Keras 2 called things", function ()
    local layer = layers.LSTM { output_dim = 3, input_dim = 5, inner_activation = "hard_sigmoid",
      dropout_W = 0.2, dropout_U = 0.1, implementation = 2, time_major = false }
    assert.are.equal(3, layer.units)
    assert.are.same({ false, false, 5 }, layer.batch_input_shape)
    assert.are.equal(0.1, layer.cell.recurrent_dropout)
    assert.are.same({ false, 7, 5 },
      layers.GRU { 3, input_dim = 5, input_length = 7 } .batch_input_shape)
    assert.error_at_line(function () layers.LSTM { 3, time_major = true } end,
      "LSTM: time_major: not supported: inputs are (batch, time, …)")
  end)

  it("work for any length and batch", function ()
    for _, layer in ipairs { layers.LSTM { 3, return_sequences = true }, layers.GRU(3),
      layers.LSTM { 3, return_sequences = true, go_backwards = true } } do
      layer:build { false, false, 5 }
      local f = core.trace({ { shape = { false, false, 5 } } }, function (y) return layer(y) end)
      for _, shape in ipairs { { 1, 1, 5 }, { 3, 7, 5 }, { 2, 40, 5 } } do
        local y = weave(shape)
        assert.near_all(f(y), layer(y), 1e-5)
      end
    end
    assert.are.same({ false, false, 3 },
      layers.LSTM { 3, return_sequences = true }:compute_output_shape { false, false, 5 })
  end)

  it("give several results as several values", function ()
    local y, h, c = layers.LSTM { 3, return_state = true, return_sequences = true } (x)
    assert.are.same({ 2, 4, 3 }, y.shape)
    assert.are.same({ 2, 3 }, h.shape)
    assert.near_all(y[1][4], h[1])
    assert.is_not_nil(c)
    assert.are.equal(1, select("#", layers.LSTM(3)(x)))
  end)

  it("go through whatever a layer must hold", function ()
    for _, name in ipairs { "SimpleRNN", "GRU", "LSTM", "CuDNNGRU", "CuDNNLSTM" } do
      check_layer.any { layer = layers[name](3), input = x, output = { 2, 3 }, weights = 3 }
    end
    check_layer.any { layer = layers.Bidirectional(layers.GRU(3)), input = x, output = { 2, 6 },
      weights = 6 }
  end)

  it("unroll to the same numbers", function ()
    for _, options in ipairs { {}, { go_backwards = true }, { return_sequences = true } } do
      options[1] = 3
      local loop = layers.GRU(options)
      options.unroll = true
      local plain = layers.GRU(options)
      local y = loop(x)
      plain:build(x.shape)
      plain:set_weights(loop:get_weights())
      assert.near_all(plain(x), y, 1e-6)
    end
  end)

  it("say what is wrong with the input", function ()
    assert.error_at_line(function () layers.LSTM(3)(ops.zeros { 2, 3 }) end,
      "(LSTM): takes an input of rank 3, got shape (2, 3)")
    local layer = layers.GRU(3)
    layer(x)
    assert.error_at_line(function () layer(ops.zeros { 2, 4, 6 }) end,
      "(GRU): built for size 5 on axis -1, called on shape (2, 4, 6)")
    local open = k.Input { shape = { false, 5 } }
    assert.error_at_line(function () layers.LSTM { 3, unroll = true } (open) end,
      "unroll=true needs to know the number of steps; the input is (None, None, 5)")
    assert.error_at_line(function () layers.LSTM(3)(x, { mask = { { true, false } } }) end,
      "the mask must have shape (2, 4) (batch, time), got (1, 2)")
    local mask = ops.ones({ 2, 4 }, "bool")
    assert.error_at_line(function () layers.CuDNNGRU(3)(x, { mask = mask }) end,
      "(CuDNNGRU): masks are not supported; GRU takes them")
    assert.error_at_line(function () layers.LSTM { 3, dropout = 2 } end,
      "LSTM: dropout must be a number from 0 to 1, got 2")
    assert.error_at_line(function () layers.LSTM { 3, retrun_state = true } end,
      'did you mean "return_state"?')
  end)
end)

describe("a cell of the user", function ()
  it("is a layer with a state_size", function ()
    local rnn = layers.RNN { Sum(5), return_sequences = true, return_state = true }
    local y, h = rnn(x)
    assert.near_all(y, ops.cumsum(x, 1), 1e-6)
    assert.near_all(h, ops.sum(x, 1), 1e-6)
    assert.are.equal(5, rnn.state_size)
  end)

  it("can be called by itself", function ()
    local cell = Sum(2)
    local y, h = cell(core.tensor { { 1, 2 } }, { core.tensor { { 3, 4 } } })
    assert.near_all(y, { { 4, 6 } })
    assert.near_all(h, { { 4, 6 } })
    assert.near_all(cell(core.tensor { { 1, 2 } }), { { 1, 2 } })
    local lstm = layers.LSTMCell(3)
    local out, states = lstm(ops.zeros { 2, 4 }, { ops.zeros { 2, 3 }, ops.zeros { 2, 3 } })
    assert.are.same({ 2, 3 }, out.shape)
    assert.are.equal(2, #states)
    assert.error_at_line(function () lstm(ops.zeros { 2, 4 }, { ops.zeros { 2, 3 } }) end,
      "(LSTMCell): the cell has 2 states, got 1")
  end)

  it("may hold layers, made when it is first called", function ()
    local Cell = k.layer "HoldingCell" {
      init = function (self)
        self.state_size = 3
        self.of_input = layers.Dense(3)
        self.of_state = layers.Dense { 3, use_bias = false }
      end,
      call = function (self, step, states)
        local h = ops.tanh(self.of_input(step) + self.of_state(states[1]))
        return h, { h }
      end,
    }
    local rnn = layers.RNN(Cell())
    local y = rnn(x)
    assert.are.equal(3, #rnn.weights)
    local simple = layers.SimpleRNN(3)
    simple:build(x.shape)
    local w = rnn:get_weights()
    simple:set_weights { w[1], w[3], w[2] }
    assert.near_all(simple(x), y, 1e-5)
  end)

  it("may say what it begins with, for a batch that nobody knows", function ()
    local Cell = k.layer "StartCell" {
      state_size = 2,
      get_initial_state = function (_, batch_size) return ops.full({ batch_size, 2 }, 3) end,
      call = function (_, step, states)
        local h = states[1] + ops.sum(step, -1, true)
        return h, { h }
      end,
    }
    local rnn = layers.RNN(Cell())
    local wanted = ops.sum(x, { 1, 2 }) + 3
    assert.near_all(rnn(x)[1][1], wanted[1])
    local f = core.trace({ { shape = { false, 4, 5 } } }, function (y) return rnn(y) end)
    assert.near_all(f(x), rnn(x), 1e-6)
    -- before the first step that counts there was no output
    local y = layers.RNN { Cell(), return_sequences = true } (x, { mask = {
      { false, true, false, true }, { true, true, true, true } } })
    assert.near_all(y[1][1], { 0, 0 })
    assert.near_all(y[1][2], y[1][3])
  end)

  it("draws new numbers at every step, or once for all", function ()
    local Cell = k.layer "DrawingCell" {
      state_size = 50,
      draw = function (_, step) return k.random.uniform(step) end,
      call = function (_, step, states)
        local own = k.random.uniform(step)
        return ops.concatenate({ own, states.drawn or step }, -1), { states[1] }
      end,
    }
    local y = layers.RNN { Cell(), return_sequences = true } (ops.zeros { 2, 3, 50 },
      { training = true })
    local own, once = table.unpack { ops.split(y, 2, -1) }
    assert.is_true(ops.max(ops.abs(own[1][1] - own[1][2])):item() > 0.1)
    assert.near_all(once[1][1], once[1][3])
    assert.is_true(ops.max(ops.abs(once[1][1] - once[2][1])):item() > 0.1)
  end)

  it("can have an output that is no state", function ()
    local Cell = k.layer "TwiceCell" {
      state_size = 5, output_size = 5,
      call = function (_, step, states)
        local h = states[1] + step
        return h * 2, { h }
      end,
    }
    local mask = core.tensor({ { true, true, false, false }, { false, true, true, true } },
      { dtype = "bool" })
    local kept = x * ops.expand_dims(ops.cast(mask, "float32"), -1)
    local all = layers.RNN { Cell(), return_sequences = true } (x, { mask = mask })
    assert.near_all(all, ops.cumsum(kept, 1) * 2, 1e-5)
    assert.near_all(layers.RNN(Cell())(x, { mask = mask }), ops.sum(kept, 1) * 2, 1e-5)
    assert.near_all(layers.RNN(Cell())(x), ops.sum(x, 1) * 2, 1e-5)
    assert.near_all(layers.RNN { Cell(), go_backwards = true } (x), ops.sum(x, 1) * 2, 1e-5)
    local zero = layers.RNN { Cell(), zero_output_for_mask = true } (x, { mask = mask })
    assert.near_all(zero[1], ops.zeros { 5 })
  end)

  it("takes constants, as in Keras 2", function ()
    local Cell = k.layer "ShiftCell" {
      state_size = 5,
      call = function (_, step, states)
        local h = states[1] + step + states.constants[1]
        return h, { h }
      end,
    }
    local shift = weave { 2, 5 }
    local rnn = layers.RNN(Cell())
    local wanted = ops.sum(x, 1) + shift * 4
    assert.near_all(rnn(x, { constants = { shift } }), wanted, 1e-5)
    assert.near_all(rnn { x, ops.zeros { 2, 5 }, shift }, wanted, 1e-5)
    local told = layers.RNN { Cell(), num_constants = 1 }
    assert.near_all(told { x, shift }, wanted, 1e-5)
    assert.are.equal(1, told:get_config().num_constants)
    local a, b = k.Input { shape = { 4, 5 } }, k.Input { shape = { 5 } }
    local model = k.Model { inputs = { a, b }, outputs = rnn(a, { constants = { b } }) }
    assert.near_all(model:predict { x, shift }, wanted, 1e-5)
  end)

  it("is told what is wrong with it", function ()
    local function cell(call, more)
      local spec = { state_size = 5, call = call }
      for key, value in pairs(more or {}) do spec[key] = value end
      return k.layer "WrongCell" (spec) ()
    end
    assert.error_at_line(function ()
      layers.RNN(cell(function (_, step) return step end))(x)
    end, "(WrongCell): a cell returns its output and a table of its new states; it has 1 state, "
      .. "the call returned an output and no states")
    assert.error_at_line(function ()
      layers.RNN(cell(function (_, step) return step, { step, step } end))(x)
    end, "the call returned an output and 2 of them")
    assert.error_at_line(function ()
      layers.RNN(cell(function (_, step) return step, { ops.sum(step, 1) } end))(x)
    end, "state 1 goes in as float32 (2, 5) and comes out as float32 (2,)")
    assert.error_at_line(function ()
      layers.RNN(cell(function (self, step)
        self:add_loss(ops.sum(step))
        return step, { step }
      end))(x)
    end, "a cell cannot add to the loss in its call")
    assert.error_at_line(function () layers.RNN(layers.Dense(3)) end,
      "is no cell: a cell has a state_size")
    assert.error_at_line(function () layers.RNN { { layers.LSTMCell(2), layers.Dense(3) } } end,
      "number 2 is no cell")
    assert.error_at_line(function () layers.RNN { { } } end, "must be a list of cells")
    assert.error_at_line(function () layers.RNN() end, "RNN: cell is missing")
  end)
end)

describe("stacked cells", function ()
  local function stack()
    return layers.RNN { { layers.LSTMCell(3), layers.GRUCell(2), layers.SimpleRNNCell(4) },
      return_state = true }
  end

  it("are what the layers one after the other are", function ()
    local rnn = stack()
    local y, first, second, third = rnn(x)
    assert.are.equal(2, #first)
    assert.are.same({ 2, 2 }, second[1].shape)
    assert.near_all(third[1], y)
    local one, two, three = layers.LSTM { 3, return_sequences = true },
      layers.GRU { 2, return_sequences = true }, layers.SimpleRNN(4)
    three(two(one(x)))
    local weights, at = rnn:get_weights(), 0
    for _, layer in ipairs { one, two, three } do
      layer:set_weights { table.unpack(weights, at + 1, at + 3) }
      at = at + 3
    end
    assert.near_all(three(two(one(x))), y, 1e-5)
  end)

  it("take states as a list of lists or as a plain list", function ()
    local rnn = stack()
    local _, a, b, c = rnn(x)
    local nested = rnn(x, { initial_state = { a, b, c } })
    assert.near_all(rnn(x, { initial_state = { a[1], a[2], b[1], c[1] } }), nested, 1e-6)
    assert.error_at_line(function () rnn(x, { initial_state = { a[1], a[2] } }) end,
      "initial_state: the layer has 4 states, got 2")
  end)

  it("may be many, in training too", function ()
    local list = {}
    for i = 1, 8 do list[i] = layers.LSTMCell { 3, dropout = 0.1, recurrent_dropout = 0.1 } end
    local model = k.Sequential { k.Input { shape = { 4, 5 } }, layers.RNN { list } }
    model:compile { optimizer = "sgd", loss = "mse" }
    model:fit(x, weave { 2, 3 }, { verbose = 0 })
    assert.are.same({ 2, 3 }, model:predict(x).shape)
  end)

  it("mask all states", function ()
    local rnn = stack()
    local mask = core.tensor({ { true, true, false, false }, { true, true, true, true } },
      { dtype = "bool" })
    local y, a = rnn(x, { mask = mask })
    local z, b = rnn(ops.slice(x, { 0, 0, 0 }, { 2, 2, 5 }))
    assert.near_all(y[1], z[1], 1e-6)
    assert.near_all(a[2][1], b[2][1], 1e-6)
  end)
end)

describe("states", function ()
  it("are given in the call, as a list, a tensor or numbers", function ()
    local gru = layers.GRU(2)
    local h = core.tensor { { 1, 2 }, { 3, 4 } }
    local y = gru(x, { initial_state = { h } })
    assert.near_all(gru(x, { initial_state = h }), y)
    assert.near_all(gru(x, { initial_state = { { 1, 2 }, { 3, 4 } } }), y)
    assert.near_all(gru(x, h), y)
    assert.near_all(gru { x, h }, y)
    assert.error_at_line(function () gru(x, { initial_state = { h, h } }) end,
      "initial_state: the layer has 1 state, got 2")
    assert.error_at_line(function () gru(x, { initial_state = ops.zeros { 2, 3 } }) end,
      "initial_state: state 1 must have shape (2, 2), got (2, 3)")
    assert.error_at_line(function () gru(x, { initial_state = ops.zeros { 3, 2 } }) end,
      "initial_state: state 1 must have shape (2, 2), got (3, 2)")
    assert.error_at_line(function () gru(x, { inital_state = h }) end,
      'did you mean "initial_state"?')
  end)

  it("go from layer to layer in a functional model", function ()
    local source, target = k.Input { shape = { 4, 5 } }, k.Input { shape = { 3, 2 } }
    local _, h, c = layers.LSTM { 6, return_state = true } (source)
    local decoder = layers.LSTM { 6, return_sequences = true }
    local y = decoder(target, { initial_state = { h, c } })
    local model = k.Model { inputs = { source, target }, outputs = layers.Dense(2)(y) }
    assert.are.same({ false, 3, 6 }, decoder.output_shape)
    assert.are.equal(3, #decoder._nodes[1].inputs)
    local other = k.models.clone_model(model)
    other:set_weights(model:get_weights())
    local data = { x, weave { 2, 3, 2 } }
    assert.near_all(other:predict(data), model:predict(data), 1e-6)
    model:compile { optimizer = "adam", loss = "mse" }
    local before = model:get_weights()[2]
    model:fit(data, weave { 2, 3, 2 }, { verbose = 0 })
    assert.is_true(ops.max(ops.abs(model:get_weights()[2] - before)):item() > 0)
  end)

  it("have gradients", function ()
    local gru = layers.GRU(2)
    local h = weave { 2, 2 }
    gru(x)
    local g = core.value_and_grad(function (state)
      return ops.sum(gru(x, { initial_state = state }))
    end)
    local _, gradients = g(h)
    local way = weave { 2, 2 } + 0.05
    local function value(s) return ops.sum(gru(x, { initial_state = h + way * s })):item() end
    local slope = (value(1e-2) - value(-1e-2)) / 2e-2
    assert.near_all(ops.sum(gradients[1] * way), slope, 1e-3)
  end)

  it("are kept by a stateful layer", function ()
    local whole = layers.LSTM { 3, return_sequences = true }
    local parts = layers.LSTM { 3, return_sequences = true, stateful = true }
    local y = whole(x)
    local first, second = ops.slice(x, { 0, 0, 0 }, { 2, 3, 5 }),
      ops.slice(x, { 0, 3, 0 }, { 2, 1, 5 })
    parts:build(first.shape)
    parts:set_weights(whole:get_weights())
    assert.near_all(parts(first), ops.slice(y, { 0, 0, 0 }, { 2, 3, 3 }), 1e-6)
    assert.near_all(parts(second), ops.slice(y, { 0, 3, 0 }, { 2, 1, 3 }), 1e-6)
    parts:reset_state()
    assert.near_all(parts(first), ops.slice(y, { 0, 0, 0 }, { 2, 3, 3 }), 1e-6)
    assert.are.equal(3, #parts.weights)
    assert.are.equal(2, #parts.states)
    parts:reset_states { ops.ones { 2, 3 }, ops.zeros { 2, 3 } }
    assert.near_all(parts(second),
      whole(second, { initial_state = { ops.ones { 2, 3 }, ops.zeros { 2, 3 } } }), 1e-6)
  end)

  it("are kept in predict and fit", function ()
    local model = k.Sequential {
      k.Input { shape = { 4, 5 }, batch_size = 2 },
      layers.GRU { 3, stateful = true },
    }
    local a = model:predict(x)
    local b = model:predict(x)
    assert.is_true(ops.max(ops.abs(a - b)):item() > 1e-4)
    model:reset_states()
    assert.near_all(model:predict(x), a)
    -- four rows are two batches, the second of which goes on from the first
    model:reset_states()
    local both = model:predict(ops.concatenate({ x, x }, 0), { batch_size = 2 })
    assert.near_all(both[1], a[1])
    assert.near_all(both[3], b[1])
    model:compile { optimizer = "sgd", loss = "mse" }
    model:reset_states()
    model:fit(x, weave { 2, 3 }, { batch_size = 2, verbose = 0, shuffle = false })
    assert.near_all(model.layers[1].states[1], a, 1e-5)
    assert.error_at_line(function () model:predict(ops.zeros { 3, 4, 5 }) end,
      "it should be float32 (2, 4, 5)")
  end)

  it("need a batch size to be kept", function ()
    assert.error_at_line(function () layers.LSTM { 3, stateful = true } (k.Input { 4, 5 }) end,
      "(LSTM): stateful=true needs to know the batch size: give batch_size to Input, or "
        .. "batch_input_shape to the first layer; the input is (None, 4, 5)")
    local layer = layers.LSTM { 3, stateful = true }
    assert.error_at_line(function () layer:reset_states() end, "the layer has no states yet")
    layer(x)
    assert.error_at_line(function () layer(ops.zeros { 3, 4, 5 }) end,
      "it was built for a batch of 2, got 3")
    assert.error_at_line(function () layer:reset_states { ops.zeros { 2, 3 } } end,
      "the layer has 2 states, got 1")
    assert.error_at_line(function () layers.LSTM(3):reset_states() end,
      "only a stateful layer keeps states")
  end)
end)

describe("masks", function ()
  local mask = core.tensor({ { true, true, false, false }, { true, true, true, true } },
    { dtype = "bool" })

  it("make padding at the end as if it were not there", function ()
    for _, name in ipairs { "SimpleRNN", "GRU", "LSTM" } do
      local layer = layers[name](3)
      local y = layer(x, { mask = mask })
      assert.near_all(y[1], layer(ops.slice(x, { 0, 0, 0 }, { 1, 2, 5 }))[1], 1e-6)
    end
  end)

  it("go on with all steps, and end with the last", function ()
    local masked = layers.Masking() (x)
    assert.is_not_nil(layers.LSTM { 3, return_sequences = true } (masked).mask)
    assert.is_nil(layers.LSTM(3)(masked).mask)
    local y, h = layers.GRU { 3, return_sequences = true, return_state = true } (masked)
    assert.is_not_nil(y.mask)
    assert.is_nil(h.mask)
  end)

  it("come from an Embedding through a model", function ()
    local model = k.Sequential {
      k.Input { shape = { false }, dtype = "int32" }, layers.Embedding { 10, 4, mask_zero = true },
      layers.LSTM { 3, return_sequences = true }, layers.GRU(2),
    }
    local y = model(core.tensor({ { 1, 2, 0, 0 }, { 3, 4, 0, 0 } }, { dtype = "int32" }))
    local z = model(core.tensor({ { 1, 2 }, { 3, 4 } }, { dtype = "int32" }))
    assert.near_all(y, z, 1e-6)
  end)

  it("may have an axis of size 1 more", function ()
    local gru = layers.GRU(3)
    assert.near_all(gru(x, { mask = ops.expand_dims(mask, -1) }), gru(x, { mask = mask }))
  end)

  it("of numbers count as true unless they are 0", function ()
    local gru = layers.GRU(3)
    assert.near_all(gru(x, { mask = ops.cast(mask, "float32") }), gru(x, { mask = mask }))
  end)
end)

describe("ConvLSTM", function ()
  local images = weave { 2, 3, 4, 5, 2 }

  it("of size 1 is an LSTM at every place", function ()
    local conv = layers.ConvLSTM2D { 3, 1 }
    local y = conv(images)
    local lstm = layers.LSTM(3)
    lstm:build { false, 3, 2 }
    local w = conv:get_weights()
    lstm:set_weights { ops.reshape(w[1], { 2, 12 }), ops.reshape(w[2], { 3, 12 }), w[3] }
    local flat = ops.reshape(ops.transpose(images, { 0, 2, 3, 1, 4 }), { 40, 3, 2 })
    assert.near_all(ops.reshape(y, { 40, 3 }), lstm(flat), 1e-5)
  end)

  it("knows both layouts", function ()
    local options = { 3, { 2, 3 }, return_sequences = true, return_state = true }
    local last = layers.ConvLSTM2D(options)
    options.data_format = "channels_first"
    local first = layers.ConvLSTM2D(options)
    local y, h, c = last(images)
    local turned = ops.moveaxis(images, -1, 2)
    first:build(turned.shape)
    first:set_weights(last:get_weights())
    local z, g, d = first(turned)
    assert.near_all(ops.moveaxis(z, 2, -1), y, 1e-5)
    assert.near_all(ops.moveaxis(g, 1, -1), h, 1e-5)
    local again = first(turned, { initial_state = { g, d } })
    assert.near_all(ops.moveaxis(again, 2, -1), last(images, { initial_state = { h, c } }), 1e-5)
    assert.are.same({ 4, 3, 3, 3 }, first:get_initial_state(4)[1].shape)
    local cell = layers.ConvLSTM2DCell { 3, 2, data_format = "channels_first" }
    assert.are.same({ 2, 3, 3, 4 }, cell(ops.slice(turned, { 0, 0, 0, 0, 0 },
      { 2, 1, 2, 4, 5 }):reshape { 2, 2, 4, 5 }).shape)
  end)

  it("works for any batch and length", function ()
    local layer = layers.ConvLSTM2D { 3, 2, return_sequences = true }
    local y = layer(images)
    local f = core.trace({ { shape = { false, false, 4, 5, 2 } } }, function (z)
      return layer(z)
    end)
    assert.near_all(f(images), y, 1e-5)
    assert.are.same({ 1, 7, 3, 4, 3 }, f(weave { 1, 7, 4, 5, 2 }).shape)
  end)

  it("may be stateful and stacked", function ()
    local layer = layers.ConvLSTM2D { 2, 2, padding = "same", stateful = true }
    local a = layer(images)
    local b = layer(images)
    assert.is_true(ops.max(ops.abs(a - b)):item() > 1e-5)
    layer:reset_states()
    assert.near_all(layer(images), a)
    local rnn = layers.RNN { { layers.ConvLSTM2DCell(2, 2), layers.ConvLSTM2DCell(3, 2) } }
    assert.are.same({ 2, 2, 3, 3 }, rnn(images).shape)
  end)

  it("says what is wrong", function ()
    assert.error_at_line(function () layers.ConvLSTM2D(3, 3)(weave { 1, 2, 2, 2, 1 }) end,
      "kernel_size={3, 3} does not fit an input of shape (1, 2, 2, 1)")
    assert.error_at_line(function () layers.ConvLSTM1D(3, 3)(images) end,
      "(ConvLSTM1D): takes an input of rank 4, got shape (2, 3, 4, 5, 2)")
    local layer = layers.ConvLSTM2D { 3, 3, padding = "same" }
    assert.are.same({ false, false, 5, 3 }, layer(k.Input { shape = { 3, false, 5, 1 } }).shape)
    assert.error_at_line(function () layer:get_initial_state(2) end,
      "the sizes of the images are not known, which its states have")
    assert.error_at_line(function () layers.ConvLSTM2D { 3, 3, strides = 2, dilation_rate = 2 } end,
      "strides above 1 and dilation_rate above 1 exclude each other")
  end)
end)
