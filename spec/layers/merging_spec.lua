-- Layers that merge several tensors, where Keras's numbers do not reach.

local core = require "lunula.core"
local k = require "lunula"
local ops = require "lunula.ops"
local check_layer = require "spec.support.check_layer"

local layers = k.layers
local x = core.tensor { { 1, 2 }, { 3, 6 }, { 5, 1 } }

-- Two sequences of three steps: the first has its first step only, the second its last.
local function masked_pair()
  local Masking = layers.Masking
  return Masking() { { { 1 }, { 0 }, { 0 } } }, Masking() { { { 0 }, { 0 }, { 2 } } }
end

describe("merging layers", function ()
  it("align lower ranks after the batch", function ()
    local a, b = ops.ones { 2, 3, 4 }, core.tensor { { 1, 2, 3, 4 }, { 5, 6, 7, 8 } }
    local y = layers.Add() { a, b }
    assert.are.same({ 2, 3, 4 }, y.shape)
    assert.near_all(y[1][3], { 2, 3, 4, 5 })
    assert.near_all(y[2][1], { 6, 7, 8, 9 })
  end)

  it("join masks", function ()
    local a, b = masked_pair()
    local bare = core.tensor { { { 1 }, { 1 }, { 1 } } }
    for _, name in ipairs { "Add", "Average", "Subtract", "Multiply", "Maximum", "Minimum" } do
      assert.near_all(layers[name]() { a, b } .mask, { { true, false, true } })
      assert.is_nil(layers[name]() { a, bare } .mask)
    end
    assert.near_all(layers.Concatenate(1) { a, b } .mask,
      { { true, false, false, false, false, true } })
    assert.near_all(layers.Concatenate() { a, bare } .mask, { { true, true, true } })
    assert.is_nil(layers.Concatenate() { x, x } .mask)
    assert.is_nil(layers.Dot(1) { a, b } .mask)
  end)

  it("leave masked values out where that has a meaning", function ()
    local a, b = masked_pair()
    assert.near_all(layers.Multiply() { a, b }, { { { 1 }, { 0 }, { 2 } } })
    assert.near_all(layers.Minimum() { a, b }, { { { 1 }, { 0 }, { 2 } } })
    assert.near_all(layers.Maximum() { -a, b }, { { { -1 }, { 0 }, { 2 } } })   -- only b has a mask
  end)

  it("have functions", function ()
    local a, b = core.tensor { { 3, 4 } }, core.tensor { { 1, 2 } }
    assert.near_all(layers.add { a, b }, { { 4, 6 } })
    assert.near_all(layers.subtract { a, b }, { { 2, 2 } })
    assert.near_all(layers.multiply { a, b }, { { 3, 8 } })
    assert.near_all(layers.average { a, b }, { { 2, 3 } })
    assert.near_all(layers.maximum { a, b }, { { 3, 4 } })
    assert.near_all(layers.minimum { a, b }, { { 1, 2 } })
    assert.near_all(layers.concatenate({ a, b }, 1), { { 3, 4, 1, 2 } })
    assert.near_all(layers.dot { a, b }, { { 11 } })
    assert.near_all(layers.dot({ a, b }, 1), { { 11 } })
    assert.near_all(layers.dot({ a, b }, { normalize = true }), { { 0.98387 } }, 1e-5)
    assert.near_all(layers.dot({ a, b }, { axes = { 1, 1 }, normalize = true }), { { 0.98387 } },
      1e-5)
    local y = layers.add({ k.Input { shape = { 2 } }, k.Input { shape = { 2 } } },
      { name = "sum" })
    assert.are.same({ false, 2 }, y.shape)
    assert.are.equal("sum", y.name)
  end)

  it("keep an unknown batch and length", function ()
    for _, name in ipairs { "Average", "Multiply", "Maximum", "Minimum" } do
      assert.are.same({ false, false, 4 },
        (layers[name]():compute_output_shape { { false, false, 4 }, { false, 4 } }))
    end
    assert.are.same({ false, false, 5 },
      (layers.Dot { { 2, 1 } }:compute_output_shape { { false, false, 4 }, { false, 4, 5 } }))
    check_layer.any { layer = layers.Dot { { 1, 2 } },
      input = { ops.ones { 2, 3, 4 }, ops.ones { 2, 5, 3 } }, output = { 2, 4, 5 }, weights = 0 }
  end)

  it("say what they cannot merge", function ()
    assert.error_at_line(function () layers.Add()(x) end, "takes a list of tensors")
    assert.near_all(layers.Add() { x }, x)
    assert.error_at_line(function () layers.Subtract { name = "less" } { x, x, x } end,
      'layer "less" (Subtract): takes 2 tensors, got 3')
    assert.error_at_line(function () layers.Add { name = "a" } { x, ops.ones { 1, 2 } } end,
      'layer "a" (Add): the inputs have 3 and 1 samples')
    assert.error_at_line(function () layers.Multiply { name = "m" } { x, ops.ones { 3, 4 } } end,
      'layer "m" (Multiply): multiply: shapes (3, 2) and (3, 4)')
  end)
end)

describe("Dot", function ()
  it("says which axes do not fit", function ()
    local y = ops.ones { 3, 4 }
    assert.error_at_line(function () layers.Dot { 1, name = "d" } { x, y } end,
      'layer "d" (Dot): axes 1: axis 1 of (3, 2) has size 2, axis 1 of (3, 4) has size 4')
    assert.error_at_line(function () layers.Dot(0) { x, x } end, "axis 0 is the batch")
    assert.error_at_line(function () layers.Dot(2) { x, x } end, "axis 2 is out of range")
    assert.error_at_line(function () layers.Dot() end, "axes is missing")
    assert.error_at_line(function () layers.Dot { { 1, 2, 3 } } end,
      "axes must be an axis number or a list of two")
    assert.error_at_line(function () layers.Dot(1) { x } end, "takes 2 tensors, got 1")
  end)
end)
