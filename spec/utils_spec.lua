-- The small tools of k.utils, and the facade: names, seeds, help, gradients of functions.

local k = require "lunula"

describe("utils", function()
  it("makes one-hot rows", function()
    assert.near_all(k.utils.to_categorical { 0, 2, 1 }, { { 1, 0, 0 }, { 0, 0, 1 }, { 0, 1, 0 } })
    assert.near_all(k.utils.to_categorical(k.tensor { { 1 }, { 0 } }, 3),
      { { 0, 1, 0 }, { 1, 0, 0 } })
    assert.error_at_line(function()
      k.utils.to_categorical({ 0, 3 }, 3)
    end, "must lie in 0..2, got 3")
    assert.error_at_line(function() k.utils.to_categorical { -1, 0 } end, "got -1")
    assert.near_all(k.utils.to_categorical({ 0, 1 }, { num_classes = 3 }),
      { { 1, 0, 0 }, { 0, 1, 0 } })
    assert.error_at_line(function() k.utils.to_categorical({ 0, 1 }, { num_clases = 3 }) end,
      'to_categorical: unknown option "num_clases" (did you mean "num_classes"?)')
    assert.same({ 0, 3 }, { table.unpack(k.utils.to_categorical({}, 3).shape) })
    assert.error_at_line(function() k.utils.to_categorical {} end, "give num_classes")
  end)

  it("pads sequences as Keras does", function()
    local sequences = { { 1 }, { 2, 3 }, { 4, 5, 6 } }
    local pad = k.utils.pad_sequences
    assert.error_at_line(function() pad { a = { 1 } } end,
      "pad_sequences takes a list of lists of numbers, got {a={1}}")
    assert.error_at_line(function() pad { { 1 }, { a = 1 } } end,
      "pad_sequences: sequence 2 is no list but {a=1}")
    assert.same({ { 0, 0, 1 }, { 0, 2, 3 }, { 4, 5, 6 } }, pad(sequences):totable())
    assert.equal("int32", pad(sequences).dtype)
    assert.same({ { 0, 1 }, { 2, 3 }, { 5, 6 } }, pad(sequences, { maxlen = 2 }):totable())
    assert.same({ { 0, 1 }, { 2, 3 }, { 4, 5 } },
      pad(sequences, { maxlen = 2, truncating = "post" }):totable())
    assert.same({ { 1, 9, 9 }, { 2, 3, 9 }, { 4, 5, 6 } },
      pad(sequences, { padding = "post", value = 9 }):totable())
    assert.error_at_line(function()
      pad(sequences, { pading = "post" })
    end, 'did you mean "padding"?')
    assert.error_at_line(function() pad(sequences, { padding = "left" }) end, '"pre" or "post"')
    assert.error_at_line(function() pad { 1, 2 } end, "sequence 1 is no list")
  end)

  it("splits and normalises", function()
    local left, right = k.utils.split(k.tensor { 1, 2, 3, 4, 5 }, .8)
    assert.near_all(left, { 1, 2, 3, 4 })
    assert.near_all(right, { 5 })
    local a, b = k.utils.split({ k.ones { 4, 2 }, k.zeros { 4 } }, .5)
    assert.same({ 2, 2 }, a[1].shape)
    assert.same({ 2 }, b[2].shape)
    assert.near_all(k.utils.normalize { { 3, 4 } }, { { .6, .8 } })
    assert.near_all(k.utils.normalize({ { 3, 5 } }, { order = 1 }), { { .375, .625 } })
    assert.near_all(k.utils.normalize({ { 3, 5 } }, { axis = 0 }), { { 1, 1 } })
    assert.error_at_line(function() k.utils.normalize({ { 3, 5 } }, { ordr = 1 }) end,
      'normalize: unknown option "ordr" (did you mean "order"?)')
  end)
end)

describe("the facade", function()
  it("makes tensors", function()
    assert.near_all(k.zeros { 2, 2 }, { { 0, 0 }, { 0, 0 } })
    assert.near_all(k.ones(3), { 1, 1, 1 })
    assert.near_all(k.full({ 2 }, 7), { 7, 7 })
    assert.equal("int32", k.zeros({ 2 }, "int32").dtype)
    assert.equal("int32", k.ones({ 2 }, { dtype = "int32" }).dtype)
    assert.equal("int32", k.ones { 2, dtype = "int32" }.dtype)
    assert.same({ 2, 3 }, { table.unpack(k.zeros { shape = { 2, 3 } }.shape) })
    assert.same({ 2, 3 }, { table.unpack(k.zeros(table.pack(2, 3)).shape) })
    assert.error_at_line(function () k.zeros { size = 2 } end,
      'zeros: unknown option "size"; it takes shape, dtype')
    assert.error_at_line(function () k.ones({ 2 }, { dtyp = "int32" }) end,
      'ones: unknown option "dtyp" (did you mean "dtype"?)')
    assert.near_all(k.arange(4), { 0, 1, 2, 3 })
    assert.same({ 2, 3 }, k.random.normal { 2, 3 }.shape)
    assert.error_at_line(function() k.zeros "three" end, "takes a shape")
  end)

  it("has a place for every name of the design", function()
    for _, name in ipairs { "tensor", "zeros", "ones", "full", "arange", "random", "ops",
      "backend", "Input", "Sequential",
      "Model", "model", "layers", "layer", "models", "activations", "initializers",
      "regularizers", "constraints",
      "losses", "metrics", "optimizers", "callbacks", "utils", "value_and_grad", "gradcheck",
      "help", "set_random_seed",
      "memory" } do
      assert.truthy(k[name], name)
    end
    assert.is_nil(k.nothing_of_that_name)
    assert.truthy(k.memory().live >= 0)
  end)

  it("repeats itself after a seed", function()
    k.set_random_seed(9)
    local first = k.random.normal { 4 }:totable()
    k.set_random_seed(9)
    assert.same(first, k.random.normal { 4 }:totable())
    assert.error_at_line(function() k.set_random_seed "nine" end, "whole number")
  end)

  it("tells about ops, classes and objects", function()
    local help = require "lunula.help"
    assert.truthy(help.text "softmax":find("ops.softmax(x, axis:axes or None=-1)", 1, true))
    assert.truthy(help.text(k.ops.sum):find("axis:axes=None", 1, true))
    assert.truthy(help.text(k.layers.Dense):find("units", 1, true))
    assert.truthy(help.text "Dense":find("activation(x . kernel + bias)", 1, true))
    assert.truthy(help.text(k.layers.Dense(3)):find("Dense{units=3", 1, true))
    assert.truthy(help.text "Adam":find("beta_1", 1, true))
    assert.truthy(help.text(k.layer):find("training, mask, options", 1, true))
    assert.equal(help.text(k.model), help.text "model")
    assert.truthy(help.text "k.model":find("train_step, test_step", 1, true))
    assert.truthy(help.text(k.ones { 2 }):find("methods", 1, true))
    assert.truthy(help.text():find "k.help")
    for _, name in ipairs { "fit", "evaluate", "predict" } do
      assert.truthy(help.text(name):find(("model:%s(x, "):format(name), 1, true))
      assert.truthy(help.text("model:" .. name):find("batch_size=", 1, true))
    end
    assert.truthy(help.text "compile":find("weighted_metrics=", 1, true))
    for _, input in ipairs { "Input", "k.Input", k.Input } do
      assert.truthy(help.text(input):find("^Input{shape, batch_size"))
    end
    assert.truthy(help.text "to_categorical":find "^k.utils.to_categorical%(x, num_classes%)")
    local nothing, message = help.text "no such thing"
    assert.is_nil(nothing)
    assert.truthy(message:find "nothing is known")
    assert.truthy(select(2, help.text "Dens"):find('did you mean "Dense"?', 1, true))
    assert.truthy(help.text(k.Sequential):find("stack of layers", 1, true))
    assert.truthy(help.text(k.losses):find("mean_squared_error", 1, true))
  end)

  it("differentiates functions", function()
    local g = k.value_and_grad(function(x, y) return k.ops.sum(x * x * y) end)
    local value, grads = g(k.tensor { 1, 2 }, k.tensor { 3, 4 })
    assert.near_all(value:item(), 19)
    assert.near_all(grads[1], { 6, 16 })
    assert.near_all(grads[2], { 1, 4 })
  end)

  it("checks gradients", function()
    assert.truthy(k.gradcheck(function(x) return k.ops.tanh(x) * x end, { { .5, -1, 2 } }) < 2e-2)
    assert.error_at_line(function()
      k.gradcheck(function(x) return k.ops.stop_gradient(x) * x end, { { .5, -1, 2 } })
    end, "the gradient of input 1 is wrong")
  end)
end)
