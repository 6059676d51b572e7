local core = require "lunula.core"
local layers = require "lunula.layers"
local ops = require "lunula.ops"
local check_layer = require "spec.support.check_layer"

local x = core.tensor { { 1, 2 }, { 3, 6 }, { 5, 1 } }
local training = { training = true }

describe("BatchNormalization", function ()
  it("uses the batch in training and running moments otherwise", function ()
    local bn = layers.BatchNormalization()
    assert.near_all(bn(x, training),
      { { -1.224515, -0.46286 }, { 0, 1.388581 }, { 1.224515, -0.925721 } }, 2e-6)
    assert.near_all(bn.moving_mean, { 0.03, 0.03 }, 1e-6)
    assert.near_all(bn.moving_variance, { 1.016667, 1.036667 }, 1e-6)
    assert.near_all(bn(x),
      { { 0.961544, 1.933915 }, { 2.944108, 5.860645 }, { 4.926672, 0.952232 } }, 2e-6)
    assert.near_all(bn.moving_mean, { 0.03, 0.03 }, 1e-6)
  end)

  it("updates its running moments in a planned run", function ()
    local bn = layers.BatchNormalization { momentum = 0.5 }
    local f = core.trace({ { shape = { false, 2 } } }, function (y) return bn(y, training) end)
    f(x)
    assert.near_all(bn.moving_mean, { 1.5, 1.5 }, 1e-6)
    f(x)
    assert.near_all(bn.moving_mean, { 2.25, 2.25 }, 1e-6)
  end)

  it("has four weights, two of them not trainable", function ()
    local bn = layers.BatchNormalization()
    bn(x)
    assert.are.equal(4, #bn.weights)
    assert.are.equal(2, #bn.trainable_weights)
    assert.are.equal(8, bn:count_params())
    local plain = layers.BatchNormalization { center = false, scale = false }
    plain(x)
    assert.are.equal(2, #plain.weights)
  end)

  it("works as in inference when it is frozen", function ()
    local bn = layers.BatchNormalization { trainable = false }
    assert.near_all(bn(x, training), x * (1 / math.sqrt(1.001)), 1e-5)
    assert.near_all(bn.moving_mean, { 0, 0 })
  end)

  it("works along any axis", function ()
    local y = layers.BatchNormalization { axis = 1 } (ops.reshape(x, { 1, 3, 2 }), training)
    for _, row in ipairs(y[1]:totable()) do assert.near_all(row[1] + row[2], 0, 1e-5) end
    check_layer.any { layer = layers.BatchNormalization { axis = 1 }, input = ops.ones { 2, 3, 4 },
      output = { 2, 3, 4 }, weights = 4 }
  end)

  it("leaves masked steps out of the moments", function ()
    local steps = core.tensor { { { 1, 10 }, { 3, 20 }, { 100, 100 } } }
    local bn = layers.BatchNormalization { momentum = 0 }
    bn(steps, { training = true, mask = { { true, true, false } } })
    assert.near_all(bn.moving_mean, { 2, 15 }, 1e-5)
    assert.near_all(bn.moving_variance, { 1, 25 }, 1e-5)
    assert.error_at_line(function () bn(steps, { training = true, mask = { true } }) end,
      "the mask must have one axis less than the input")
  end)

  it("renormalises", function ()
    local bn = layers.BatchNormalization { renorm = true, renorm_momentum = 0.5, momentum = 0.5 }
    local y = bn(x, training)
    -- with clipping off, r and d undo the batch's moments: (x - 0) / 1
    assert.near_all(y, x, 1e-4)
    assert.near_all(bn.renorm_mean, { 1.5, 1.5 }, 1e-5)
    assert.are.equal(7, #bn.weights)
    local clipped = layers.BatchNormalization {
      renorm = true, renorm_clipping = { rmax = 1, rmin = 1, dmax = 0 },
    }
    assert.near_all(clipped(x, training), layers.BatchNormalization()(x, training), 1e-5)
  end)

  it("does not span machines", function ()
    assert.error_at_line(function () layers.BatchNormalization { synchronized = true } end,
      "synchronized=true needs more than one machine")
  end)
end)

describe("LayerNormalization", function ()
  it("normalises each sample", function ()
    assert.near_all(layers.LayerNormalization()(x),
      { { -0.998006, 0.998006 }, { -0.999778, 0.999778 }, { 0.999875, -0.999875 } }, 2e-6)
  end)

  it("works over several axes, in their order in the input", function ()
    local norm = layers.LayerNormalization { axis = { -1, 1 } }
    local y = norm(ops.reshape(ops.arange(12), { 1, 2, 2, 3 }))
    assert.are.same({ 2, 3 }, norm.gamma.shape)
    assert.near_all(ops.mean(y, { 1, 3 }), { { 0, 0 } }, 1e-5)
  end)

  it("may leave out the mean", function ()
    local norm = layers.LayerNormalization { rms_scaling = true }
    norm(x)
    assert.are.equal(1, #norm.weights)
  end)
end)

describe("merging layers", function ()
  it("align lower ranks after the batch", function ()
    local a, b = ops.ones { 2, 3, 4 }, core.tensor { { 1, 2, 3, 4 }, { 5, 6, 7, 8 } }
    local y = layers.Add() { a, b }
    assert.are.same({ 2, 3, 4 }, y.shape)
    assert.near_all(y[1][3], { 2, 3, 4, 5 })
    assert.near_all(y[2][1], { 6, 7, 8, 9 })
  end)

  it("join masks", function ()
    local Masking = layers.Masking
    local a = Masking() { { { 1 }, { 0 }, { 0 } } }
    local b = Masking() { { { 0 }, { 0 }, { 2 } } }
    assert.near_all(layers.Add() { a, b } .mask, { { true, false, true } })
    assert.is_nil(layers.Add() { a, core.tensor { { { 1 }, { 1 }, { 1 } } } } .mask)
    assert.near_all(layers.Concatenate(1) { a, b } .mask,
      { { true, false, false, false, false, true } })
    assert.near_all(layers.Concatenate() { a, core.tensor { { { 1 }, { 1 }, { 1 } } } } .mask,
      { { true, true, true } })
    assert.is_nil(layers.Concatenate() { x, x } .mask)
  end)

  it("take a list", function ()
    assert.error_at_line(function () layers.Add()(x) end, "takes a list of tensors")
    assert.near_all(layers.Add() { x }, x)
  end)
end)
