local core = require "lunula.core"
local constraints = require "lunula.constraints"

local w = core.tensor { { 3, 0.1 }, { -4, 0.2 } }   -- column norms 5 and 0.2236068

describe("constraints", function ()
  it("hold norms below a maximum", function ()
    assert.near_all(constraints.MaxNorm(2)(w), { { 1.2, 0.1 }, { -1.6, 0.2 } }, 1e-6)
    assert.near_all(constraints.max_norm { max_value = 1, axis = 1 } (core.tensor { { 3, 4 } }),
      { { 0.6, 0.8 } }, 1e-6)
  end)

  it("cut off what is negative", function ()
    assert.near_all(constraints.NonNeg()(w), { { 3, 0.1 }, { 0, 0.2 } })
  end)

  it("make norms 1", function ()
    assert.near_all(constraints.UnitNorm()(w), { { 0.6, 0.4472136 }, { -0.8, 0.8944272 } }, 1e-5)
    assert.near_all(constraints.unit_norm { axis = { 0, 1 } } (core.tensor { { 3, 4 } }),
      { { 0.6, 0.8 } }, 1e-6)
  end)

  it("hold norms between two bounds, at a rate", function ()
    assert.near_all(constraints.MinMaxNorm { 0.5, 1.0 } (w),
      { { 0.6, 0.2236068 }, { -0.8, 0.4472136 } }, 1e-5)
    local half = constraints.min_max_norm { min_value = 0.5, rate = 0.5 }
    assert.near_all(half(core.tensor { { 3 }, { 4 } }), { { 1.8 }, { 2.4 } }, 1e-5)
  end)

  it("make kernels the same on every ring", function ()
    local kernel = {}
    for i = 0, 3 do
      kernel[i + 1] = {}
      for j = 0, 3 do kernel[i + 1][j + 1] = { { 10 * i + j } } end
    end
    local y = constraints.RadialConstraint()(core.tensor(kernel)):totable()
    assert.are.equal(33, y[1][1][1][1])
    assert.are.equal(33, y[4][2][1][1])
    assert.are.equal(11, y[2][2][1][1])
    assert.are.equal(11, y[3][3][1][1])
  end)

  it("are found by Keras 2 names", function ()
    for _, name in ipairs { "maxnorm", "max_norm", "MaxNorm" } do
      assert.are.equal(2, constraints.get(name).max_value)
    end
    assert.is_not_nil(constraints.get "nonneg")
    assert.is_not_nil(constraints.get "unitnorm")
    assert.are.same({ max_value = 2, axis = 0 }, constraints.MaxNorm():get_config())
  end)
end)
