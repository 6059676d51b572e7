local core = require "lunula.core"
local regularizers = require "lunula.regularizers"

local w = core.tensor { { 1, -2 }, { 3, -4 } }

describe("regularizers", function ()
  it("are Keras's formulas", function ()
    assert.near_all(regularizers.L1(0.1)(w), 1.0)
    assert.near_all(regularizers.L2(0.1)(w), 3.0)
    assert.near_all(regularizers.L1L2 { l1 = 0.1, l2 = 0.2 } (w), 7.0)
    assert.near_all(regularizers.l1_l2 { l1 = 0.1 } (w), 1.0)
  end)

  it("have Keras's defaults", function ()
    assert.near_all(regularizers.l1()(w), 0.1)
    assert.near_all(regularizers.get("l2")(w), 0.3)
    assert.near_all(regularizers.get("l1_l2")(w), 0)
    assert.are.same({ l1 = 0, l2 = 0 }, regularizers.L1L2():get_config())
  end)

  it("measure how far rows are from orthogonal", function ()
    local rows = core.tensor { { 1, 0 }, { 1, 1 } }
    assert.near_all(regularizers.OrthogonalRegularizer(1.0)(rows), 0.70710678)
    local columns = regularizers.orthogonal_regularizer { 1.0, mode = "columns" }
    assert.near_all(columns(rows), 0.70710678)
    assert.near_all(regularizers.OrthogonalRegularizer()(core.tensor { { 2, 0 }, { 0, 3 } }), 0)
    local orthogonal = regularizers.OrthogonalRegularizer()
    assert.error_at_line(function () orthogonal(core.tensor { 1, 2 }) end,
      "the weight must have rank 2")
  end)

  it("refuse factors that are no penalty", function ()
    assert.error_at_line(function () regularizers.L1(-1) end, "l1 must be a number, 0 or more")
    assert.error_at_line(function () regularizers.L2(0 / 0) end, "l2 must be a number, 0 or more")
    assert.error_at_line(function () regularizers.L2(math.huge) end, "l2 must be")
  end)

  it("survive serialization", function ()
    local record = regularizers.serialize(regularizers.L2(0.25))
    assert.are.equal("keras.regularizers", record.module)
    assert.are.equal("L2", record.class_name)
    assert.are.equal(0.25, regularizers.deserialize(record).l2)
  end)
end)
