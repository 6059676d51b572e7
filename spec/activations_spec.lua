local core = require "lunula.core"
local activations = require "lunula.activations"
local declare = require "lunula.declare"

local x = core.tensor { -3, -1, -0.5, 0, 0.5, 1, 3 }

-- What keras.activations gives at x.
local golden = {
  linear = { -3, -1, -0.5, 0, 0.5, 1, 3 },
  relu = { 0, 0, 0, 0, 0.5, 1, 3 },
  leaky_relu = { -0.6, -0.2, -0.1, 0, 0.5, 1, 3 },
  elu = { -0.950213, -0.632121, -0.393469, 0, 0.5, 1, 3 },
  celu = { -0.950213, -0.632121, -0.393469, 0, 0.5, 1, 3 },
  selu = { -1.670569, -1.111331, -0.691758, 0, 0.525351, 1.050701, 3.152103 },
  gelu = { -0.00405, -0.158655, -0.154269, 0, 0.345731, 0.841345, 2.99595 },
  silu = { -0.142278, -0.268941, -0.18877, 0, 0.31123, 0.731059, 2.857722 },
  mish = { -0.145647, -0.303401, -0.220744, 0, 0.375245, 0.865098, 2.986535 },
  softplus = { 0.048587, 0.313262, 0.474077, 0.693147, 0.974077, 1.313262, 3.048587 },
  softsign = { -0.75, -0.5, -0.333333, 0, 0.333333, 0.5, 0.75 },
  sigmoid = { 0.047426, 0.268941, 0.377541, 0.5, 0.622459, 0.731059, 0.952574 },
  hard_sigmoid = { 0, 0.333333, 0.416667, 0.5, 0.583333, 0.666667, 1 },
  hard_silu = { 0, -0.333333, -0.208333, 0, 0.291667, 0.666667, 3 },
  log_sigmoid = { -3.048587, -1.313262, -0.974077, -0.693147, -0.474077, -0.313262, -0.048587 },
  sparse_sigmoid = { 0, 0, 0.25, 0.5, 0.75, 1, 1 },
  tanh = { -0.995055, -0.761594, -0.462117, 0, 0.462117, 0.761594, 0.995055 },
  hard_tanh = { -1, -1, -0.5, 0, 0.5, 1, 1 },
  tanh_shrink = { -2.004945, -0.238406, -0.037883, 0, 0.037883, 0.238406, 2.004945 },
  soft_shrink = { -2.5, -0.5, 0, 0, 0, 0.5, 2.5 },
  hard_shrink = { -3, -1, 0, 0, 0, 1, 3 },
  relu6 = { 0, 0, 0, 0, 0.5, 1, 3 },
  sparse_plus = { 0, 0, 0.0625, 0.25, 0.5625, 1, 3 },
  squareplus = { 0.302776, 0.618034, 0.780776, 1, 1.280776, 1.618034, 3.302776 },
  exponential = { 0.049787, 0.367879, 0.606531, 1, 1.648721, 2.718282, 20.085537 },
  softmax = { 0.00188, 0.013894, 0.022908, 0.037769, 0.062271, 0.102667, 0.758611 },
  log_softmax = { -6.276267, -4.276267, -3.776267, -3.276267, -2.776267, -2.276267, -0.276267 },
  sparsemax = { 0, 0, 0, 0, 0, 0, 1 },
}

describe("activations", function ()
  for name, wanted in pairs(golden) do
    it("compute " .. name, function ()
      assert.near_all(activations[name](x), wanted, 2e-6)
      assert.near_all(activations.get(name)(x), wanted, 2e-6)
    end)
  end

  -- x, x Phi(x), Phi(x) + x phi(x), in double precision
  it("compute gelu and its slope from end to end", function ()
    local rows <const> = {
      { -1e30, 0, 0 }, { -30, 0, 0 }, { -9, 0, 0 }, { -5.5, -1.04442594e-07, -5.7334724e-07 },
      { -4, -0.000126684967, -0.000503649661 }, { -2.5, -0.0155241633, -0.0376110859 },
      { -1, -0.158655254, -0.0833154706 }, { -0.3, -0.114626573, 0.267672233 }, { 0, 0, 0.5 },
      { 0.2, 0.115851942, 0.657468248 }, { 0.7, 0.530625443, 0.976614101 },
      { 1.9, 1.84543854, 1.09595349 }, { 3.3, 3.2984047, 1.00520105 }, { 8, 8, 1 },
      { 1e30, 1e30, 1 },
    }
    for _, row in ipairs(rows) do
      local value, slope = core.value_and_grad(function (v)
        return core.ops.sum(activations.gelu(v, false))
      end)(core.tensor { row[1] })
      assert.near(row[2], value:item(), 1.5e-7 * math.max(1, math.abs(row[2])))
      assert.near(row[3], slope[1]:item(), 1.5e-7)
    end
    local none = activations.gelu(core.tensor { 0 / 0 }):item()
    assert.is_true(none ~= none)
  end)

  it("are known by their other names", function ()
    assert.are.equal(activations.silu, activations.swish)
    assert.are.equal(activations.hard_silu, activations.hard_swish)
    assert.are.equal(activations.linear, activations.get(nil))
    assert.near_all(activations.get "swish" (x), golden.silu, 2e-6)
    assert.near_all(activations.get "ReLU" (x), golden.relu)
  end)

  it("take their arguments by position and by name", function ()
    assert.near_all(activations.elu(x, 0.5), { -0.4751065, -0.3160603, -0.1967347, 0, 0.5, 1, 3 })
    assert.near_all(activations.elu(x, { alpha = 0.5 }), activations.elu(x, 0.5))
    assert.near_all(activations.relu(x, 0.1, 2, 0.25),
      { -0.325, -0.125, -0.075, -0.025, 0.5, 1, 2 })
    assert.near_all(activations.threshold(x, 0.6, -7), { -7, -7, -7, -7, -7, 1, 3 })
    assert.near_all(activations.gelu(x, true),
      { -0.003637, -0.158808, -0.154286, 0, 0.345714, 0.841192, 2.996363 }, 2e-6)
    assert.near_all(activations.softmax(core.tensor { { 1, 2 }, { 1, 4 } }, 0),
      { { 0.5, 0.1192029 }, { 0.5, 0.8807971 } }, 1e-6)
    assert.near_all(activations.glu(core.tensor { { 1, 2, 0, 3 } }), { { 0.5, 1.9051483 } }, 1e-6)
  end)

  it("keep options when called with them alone", function ()
    local mine = activations.leaky_relu { negative_slope = 0.5 }
    assert.near_all(mine(x), { -1.5, -0.5, -0.25, 0, 0.5, 1, 3 })
    local record = activations.serialize(mine)
    assert.are.equal("leaky_relu", record.class_name)
    assert.near_all(activations.deserialize(record)(x), mine(x))
    assert.near_all(activations.hard_sigmoid { slope = 0.2 } (x), { 0, 0.3, 0.4, 0.5, 0.6, 0.7, 1 })
  end)

  it("are written as names", function ()
    assert.are.equal("relu", activations.serialize(activations.relu))
    assert.are.equal("linear", activations.serialize(activations.get(nil)))
    local function cube(y) return y ^ 3 end
    assert.are.equal(cube, activations.serialize(cube))
    activations.register("cube", cube)
    assert.are.equal("cube", activations.serialize(cube))
    assert.are.equal(cube, activations.get "cube")
    declare.custom_objects().cube = nil
  end)

  it("suggest the nearest name", function ()
    assert.error_at_line(function () activations.get "rleu" end,
      'unknown activation "rleu" (did you mean "relu"?)')
  end)
end)
