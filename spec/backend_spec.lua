-- K: the functions of Keras 1 and 2 whose rules or defaults differ from today's ops.

local core = require "lunula.core"
local layers = require "lunula.layers"
local ops = require "lunula.ops"
local K = require "lunula.backend"

local x = core.tensor({ { 1, -2, 3 }, { -4, 5, 6 } }, { dtype = "float32" })

local function shape(t) return t.shape end

describe("K", function ()
  it("has the settings", function ()
    assert.are.equal("float32", K.floatx())
    assert.are.equal(1e-7, K.epsilon())
    assert.are.equal("channels_last", K.image_data_format())
    K.set_epsilon(1e-5)
    assert.are.equal(1e-5, K.epsilon())
    K.set_epsilon(1e-7)
    K.set_floatx "float32"
    assert.error_at_line(function () K.set_floatx "float16" end,
      "set_floatx: everything computes in float32, got float16; tensors are stored in other")
    assert.error_at_line(function () K.set_image_data_format "channels" end, "channels_first")
  end)

  it("has variables", function ()
    local v = K.variable({ 1, 2 }, { name = "v" })
    assert.are.equal("v", v.name)
    assert.are.equal("float32", v.dtype)
    K.set_value(v, { 3, 4 })
    assert.near_all(K.get_value(v), { 3, 4 })
    K.update_add(v, 1)
    K.update_sub(v, 2)
    assert.near_all(K.eval(v), { 2, 3 })
    K.moving_average_update(v, core.tensor { 0, 1 }, 0.9)
    assert.near_all(v.value, { 1.8, 2.8 })
    K.batch_set_value { { v, { 7, 8 } } }
    assert.near_all(K.batch_get_value { v }[1], { 7, 8 })
  end)

  it("asks for the last axis where Keras 2 did", function ()
    assert.near_all(K.argmax(x), { 2, 2 })
    assert.are.same({ 2, 6 }, shape(K.concatenate { x, x }))
    assert.are.same({ 2, 3, 1 }, shape(K.expand_dims(x)))
    assert.near_all(K.cumsum(x), { { 1, -2, 3 }, { -3, 3, 9 } })
    assert.near_all(K.cumprod(x, 0), { { 1, -2, 3 }, { -4, -10, 18 } })
  end)

  it("has its own hard_sigmoid, sqrt, relu, clip", function ()
    assert.near_all(K.hard_sigmoid(x), { { 0.7, 0.1, 1 }, { 0, 1, 1 } })
    assert.near_all(K.sqrt(core.tensor { 4, -1 }), { 2, 0 })
    assert.near_all(K.relu(x, { alpha = 0.5, max_value = 4 }), { { 1, -1, 3 }, { -2, 4, 4 } })
    assert.near_all(K.relu(x, 0, nil, 2), { { 0, 0, 3 }, { 0, 5, 6 } })
    assert.near_all(K.relu(x, 0.5, nil, 2), { { -0.5, -2, 3 }, { -3, 5, 6 } })
    assert.near_all(K.clip(x, 2, 1), { { 2, 2, 2 }, { 2, 2, 2 } })
    assert.near_all(K.clip(x, nil, 1), { { 1, -2, 1 }, { -4, 1, 1 } })
  end)

  it("normalises to length 1", function ()
    assert.near_all(ops.norm(K.l2_normalize(x, 1), nil, 1), { 1, 1 })
    assert.near_all(ops.norm(K.l2_normalize(x)), 1)
    assert.near_all(K.l2_normalize(core.tensor { 0.0, 0.0 }, 0), { 0, 0 })
  end)

  it("dot follows Theano's rule", function ()
    local a, b = ops.ones { 2, 3, 4 }, ops.ones { 5, 4, 6 }
    assert.are.same({ 2, 3, 5, 6 }, shape(K.dot(a, b)))
    assert.are.same({ 2, 3, 6 }, shape(K.dot(a, ops.ones { 4, 6 })))
    assert.are.same({ 2, 2 }, shape(K.dot(x, ops.transpose(x))))
  end)

  it("batch_dot sums one axis of each, batch by batch", function ()
    local a, b = ops.ones { 5, 2, 3 }, ops.ones { 5, 3, 4 }
    assert.are.same({ 5, 2, 4 }, shape(K.batch_dot(a, b)))
    assert.are.same({ 5, 2, 2 }, shape(K.batch_dot(a, a, 2)))
    assert.are.same({ 5, 3, 4 }, shape(K.batch_dot(a, ops.ones { 5, 2, 4 }, { 1, 1 })))
    assert.are.same({ 5, 4 }, shape(K.batch_dot(ops.ones { 5, 3 }, b)))
    assert.near_all(K.batch_dot(x, x, 1), { { 14 }, { 77 } })
    assert.are.same({ 5, 2, 6, 4 }, shape(K.batch_dot(a, ops.ones { 5, 6, 3, 4 }, { 2, 2 })))
    assert.error_at_line(function () K.batch_dot(a, b, 0) end, "axis 0 is the batch")
  end)

  it("adds a bias in both layouts", function ()
    local image = ops.zeros { 1, 2, 2, 3 }
    assert.near_all(K.bias_add(image, core.tensor { 1, 2, 3 })[1][2][1], { 1, 2, 3 })
    local first = K.bias_add(ops.zeros { 1, 3, 2, 2 }, core.tensor { 1, 2, 3 }, "channels_first")
    assert.near_all(first[1][3], { { 3, 3 }, { 3, 3 } })
    assert.error_at_line(function () K.bias_add(image, x) end, "bias has rank 2; it must be 1 or 3")
  end)

  it("repeats and enlarges", function ()
    assert.are.same({ 2, 4, 3 }, shape(K["repeat"](x, 4)))
    assert.near_all(K.repeat_elements(x, 2, 0),
      { { 1, -2, 3 }, { 1, -2, 3 }, { -4, 5, 6 }, { -4, 5, 6 } })
    assert.are.same({ 1, 4, 6, 1 }, shape(K.resize_images(ops.ones { 1, 2, 2, 1 }, 2, 3)))
    assert.near_all(K.resize_images(ops.reshape(x, { 1, 2, 3, 1 }), 1, 2, nil, "bilinear")[1][1],
      { { 1 }, { 0.25 }, { -1.25 }, { -0.75 }, { 1.75 }, { 3 } })
    assert.are.same({ 1, 1, 2, 4, 6 },
      shape(K.resize_volumes(ops.ones { 1, 1, 2, 2, 2 }, 1, 2, 3, "channels_first")))
    assert.are.same({ 1, 5, 3 }, shape(K.temporal_padding(ops.ones { 1, 3, 3 })))
    assert.are.same({ 1, 4, 6, 1 },
      shape(K.spatial_2d_padding(ops.ones { 1, 2, 2, 1 }, { { 1, 1 }, { 2, 2 } })))
    assert.are.same({ 1, 1, 4, 4 },
      shape(K.spatial_2d_padding(ops.ones { 1, 1, 2, 2 }, nil, "channels_first")))
    assert.are.same({ 2, 12 }, shape(K.batch_flatten(ops.ones { 2, 3, 4 })))
    assert.near_all(K.reverse(x, 1), { { 3, -2, 1 }, { 6, 5, -4 } })
  end)

  it("switches between tensors and between functions", function ()
    assert.near_all(K.switch(core.tensor { true, false }, x, ops.zeros_like(x)),
      { { 1, -2, 3 }, { 0, 0, 0 } })
    local ran = false
    local function other()
      ran = true
      return x * 2
    end
    assert.near_all(K.switch(core.tensor(1), function () return x end, other), x)
    assert.is_false(ran)
    local input = layers.Input { shape = { 3 } }
    assert.are.same({ false, 3 }, shape(K.switch(input, input, input * 2)))
    assert.error_at_line(function () K.switch(x, "yes", x) end,
      "K.switch: a tensor, a number or a table of numbers is wanted, got string")
  end)

  it("says in errors once whose they are", function ()
    local pictures = layers.Input { shape = { false, 4, 1 } }
    for wanted, f in pairs {
      ["K.switch: the condition has rank 2, then_expression only 0"] = function ()
        K.switch(x, 1, 0)
      end,
      ["K.batch_dot: both need rank 2 or more: x is (3,), y is (3,)"] = function ()
        K.batch_dot(x[1], x[1])
      end,
      ["K.batch_dot: axes are one of x and one of y, got 3"] = function ()
        K.batch_dot(x, x, { 1, 1, 1 })
      end,
      ["K.batch_dot: axis 5 is out of range"] = function () K.batch_dot(x, x, 5) end,
      ["K.bias_add: bias has rank 2; it must be 1 or 1"] = function () K.bias_add(x, x) end,
      ["K.pool2d: pool_mode must be max or avg, got sum"] = function ()
        K.pool2d(ops.ones { 1, 2, 2, 1 }, 2, { pool_mode = "sum" })
      end,
      ["K.resize_images: the size of axis 1 must be known"] = function ()
        K.resize_images(pictures, 2, 2, { interpolation = "bilinear" })
      end,
      ["K.conv2d_transpose: the size of axis 1 must be known"] = function ()
        K.conv2d_transpose(pictures, ops.ones { 2, 2, 1, 1 }, { 1, 8, 8, 1 }, 2)
      end,
    } do
      assert.error_at_line(f, wanted)
    end
  end)

  it("folds", function ()
    local function minus(a, b) return a - b end
    assert.near_all(K.foldl(minus, core.tensor { 10, 3, 2 }), 5)
    assert.near_all(K.foldr(minus, core.tensor { 10, 3, 2 }), -11)
    assert.near_all(K.foldl(minus, core.tensor { 10, 3, 2 }, 0), -15)
    assert.near_all(K.map_fn(function (row) return ops.sum(row) end, x), { 2, 7 })
  end)

  it("convolves and pools", function ()
    local image = ops.reshape(ops.arange(16, nil, nil, "float32"), { 1, 4, 4, 1 })
    assert.near_all(K.pool2d(image, { 2, 2 }, { 2, 2 })[1],
      { { { 5 }, { 7 } }, { { 13 }, { 15 } } })
    assert.are.same({ 1, 3, 3, 1 }, shape(K.pool2d(image, 2, { pool_mode = "avg" })))
    assert.are.same({ 1, 4, 4, 2 },
      shape(K.conv2d(image, ops.ones { 3, 3, 1, 2 }, { padding = "same" })))
    local line = core.tensor({ { { 1 }, { 2 }, { 3 } } }, { dtype = "float32" })
    assert.near_all(K.conv1d(line, ops.ones { 2, 1, 1 }, 1, "causal"), { { { 1 }, { 3 }, { 5 } } })
    local grown = K.conv2d_transpose(image, ops.ones { 3, 3, 2, 1 }, { false, 8, 8, 2 }, 2, "same")
    assert.are.same({ 1, 8, 8, 2 }, shape(grown))
    assert.are.same({ 1, 9, 9, 2 },
      shape(K.conv2d_transpose(image, ops.ones { 3, 3, 2, 1 }, { false, 9, 9, 2 }, 2)))
  end)

  it("runs a cell over time", function ()
    local seq = ops.reshape(ops.arange(1, 7, nil, "float32"), { 2, 3, 1 })
    local function step(x_t, states)
      local sum = x_t + states[1]
      return sum * 10, { sum }
    end
    local last, all, states = K.rnn(step, seq, { ops.zeros { 2, 1 } })
    assert.near_all(last, { { 60 }, { 150 } })
    assert.near_all(all, { { { 10 }, { 30 }, { 60 } }, { { 40 }, { 90 }, { 150 } } })
    assert.near_all(states[1], { { 6 }, { 15 } })
    last, all = K.rnn(step, seq, { ops.zeros { 2, 1 } }, true)
    assert.near_all(all, { { { 30 }, { 50 }, { 60 } }, { { 60 }, { 110 }, { 150 } } })
    assert.near_all(last, { { 60 }, { 150 } })
    local mask = core.tensor { { true, true, false }, { false, true, true } }
    last, all, states = K.rnn(step, seq, { ops.zeros { 2, 1 } }, { mask = mask })
    assert.near_all(all, { { { 10 }, { 30 }, { 30 } }, { { 0 }, { 50 }, { 110 } } })
    assert.near_all(last, { { 30 }, { 110 } })
    assert.near_all(states[1], { { 3 }, { 11 } })
    local _, zeroed = K.rnn(step, seq, { ops.zeros { 2, 1 } },
      { mask = mask, zero_output_for_mask = true })
    assert.near_all(zeroed, { { { 10 }, { 30 }, { 0 } }, { { 0 }, { 50 }, { 110 } } })
    local constant = core.tensor(2.0)
    last = K.rnn(function (x_t, s) return x_t * s[2], { s[1] } end, seq, { ops.zeros { 2, 1 } },
      { constants = { constant } })
    assert.near_all(last, { { 6 }, { 12 } })
  end)

  it("draws with the deviations of Keras 2", function ()
    core.seed(3)
    assert.near_all(ops.std(K.random_normal { 100, 100 }):item(), 1, 0.03)
    assert.near_all(ops.mean(K.random_bernoulli({ 100, 100 }, 0.3)):item(), 0.3, 0.03)
    assert.are.same({ 2, 3 }, shape(K.random_uniform_variable({ 2, 3 }, 0, 1)))
  end)

  it("checks its arguments as the ops do", function ()
    for text, f in pairs {
      ['K.update: argument "x" must be a variable'] = function () K.update(1, 2) end,
      ['K.get_value: argument "x" is missing'] = function () K.get_value() end,
      ['K.rnn: argument "step_function" must be a function'] = function () K.rnn(1, { 1 }, {}) end,
      ['K.batch_set_value: entry 1 must be {variable, value}'] = function ()
        K.batch_set_value { 1 }
      end,
      ['K.random_normal: argument "mean"'] = function () K.random_normal({ 2 }, "x") end,
    } do
      assert.error_at_line(f, text)
    end
  end)

  it("names the arguments that it knows", function ()
    assert.error_at_line(function () K.argmax(x, { axes = 1 }) end,
      "K.argmax: unknown argument \"axes\" (did you mean \"axis\"?)")
  end)
end)
