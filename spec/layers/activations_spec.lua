-- Activation layers, where Keras's numbers do not reach.

local core = require "lunula.core"
local layers = require "lunula.layers"
local ops = require "lunula.ops"

local x = core.tensor { { -2, -1, 0, 1, 2 } }

describe("LeakyReLU", function ()
  it("knows the name that Keras 2 had for its slope", function ()
    assert.near_all(layers.LeakyReLU { alpha = 0.5 } (x), { { -1, -0.5, 0, 1, 2 } })
    assert.near_all(layers.LeakyReLU()(x), { { -0.6, -0.3, 0, 1, 2 } })
    assert.are.equal(0.5, layers.LeakyReLU { alpha = 0.5 }:get_config().negative_slope)
    assert.error_at_line(function () layers.LeakyReLU(-1) end, "negative_slope must be a number, 0")
  end)
end)

describe("PReLU", function ()
  it("shares its slopes along axes counted from 1", function ()
    local prelu = layers.PReLU { shared_axes = { 1, 2 }, alpha_initializer = "ones" }
    assert.are.same({ false, false, false, 3 },
      (prelu:compute_output_shape { false, false, false, 3 }))
    assert.are.same({ 1, 1, 3 }, prelu.alpha.shape)
    assert.are.same({ 1 }, layers.PReLU { shared_axes = 1 }:get_config().shared_axes)
  end)

  it("needs known sizes where it does not share", function ()
    assert.error_at_line(function ()
      layers.PReLU { name = "p" }:build { false, false, 3 }
    end, 'weight "alpha" needs known sizes')
    assert.error_at_line(function () layers.PReLU { shared_axes = 3 } (x) end,
      "shared_axes {3}: an input of shape (1, 5) has the axes 1 to 1")
    local prelu = layers.PReLU()
    prelu(x)
    assert.error_at_line(function () prelu { { 1, 2 } } end, "built for size 5 on axis 1")
  end)
end)

describe("Softmax", function ()
  it("gives nothing to what is masked", function ()
    local mask = core.tensor({ { 1, 1, 0, 0, 0 } }, { dtype = "float32" })
    assert.near_all(layers.Softmax()(x, { mask = mask }), { { 0.268941, 0.731059, 0, 0, 0 } }, 1e-5)
    local none = ops.zeros({ 1, 5 }, "bool")
    assert.near_all(layers.Softmax()(x, { mask = none }), { { 0, 0, 0, 0, 0 } }, 0)
  end)

  it("takes several axes", function ()
    local y = layers.Softmax { axis = { 1, 2 } } (ops.ones { 2, 2, 5 })
    assert.near_all(y, ops.full({ 2, 2, 5 }, 0.1), 1e-6)
  end)

  it("takes no mask that is larger than its input", function ()
    local mask = ops.ones({ 4, 5 }, "bool")
    assert.error_at_line(function () layers.Softmax()(x, { mask = mask }) end,
      "a mask of shape (4, 5) does not broadcast to an input of shape (1, 5)")
    local batch = ops.ones({ 4, 5 })
    assert.error_at_line(function ()
      layers.Softmax()(batch, { mask = ops.ones({ 2, 4, 5 }, "bool") })
    end, "a mask of shape (2, 4, 5) does not broadcast")
    assert.near_all(layers.Softmax()(batch, { mask = ops.ones({ 5 }, "bool") }), batch / 5)
  end)

  it("says what mask it cannot use", function ()
    assert.error_at_line(function ()
      layers.Softmax { name = "s" } (x, { mask = ops.ones({ 1, 4 }, "bool") })
    end, 'layer "s" (Softmax): ')
  end)
end)

describe("ReLU", function ()
  it("is bent, cut and sloped", function ()
    local relu = layers.ReLU { max_value = 1.5, negative_slope = 0.1, threshold = 1 }
    assert.near_all(relu(x), { { -0.3, -0.2, -0.1, 0, 1.5 } }, 1e-6)
    assert.error_at_line(function () layers.ReLU { max_value = -1 } end,
      "max_value must be a number, 0 or more")
  end)
end)

describe("ThresholdedReLU", function ()
  it("keeps what is above theta", function ()
    assert.near_all(layers.ThresholdedReLU()(x), { { 0, 0, 0, 0, 2 } }, 0)
    assert.near_all(layers.ThresholdedReLU { theta = 0.5 } (x), { { 0, 0, 0, 1, 2 } }, 0)
  end)
end)
