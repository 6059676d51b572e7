-- None said to ops: core.None, and false where it can mean nothing else.

local k = require "lunula"

local ops, None = k.ops, k.None

describe("None in a call", function ()
  local x = k.tensor { { 1, 2 }, { 3, 4 } }
  local all = ops.exp(x) / ops.sum(ops.exp(x))

  it("is said by k.None and by false, by name and by position", function ()
    for _, none in ipairs { None, false } do
      assert.near_all(ops.softmax(x, { axis = none }), all)
      assert.near_all(ops.softmax(x, none), all)
      assert.near_all(x:softmax(none), all)
      assert.near_all(ops.sum(x, { axis = none, keepdims = None }), 10)
    end
    assert.near_all(ops.softmax(x, nil), ops.softmax(x, -1))
    assert.equal("None", tostring(None))
  end)

  it("is refused where it cannot be, and false is a number where it is one", function ()
    assert.error_at_line(function () ops.glu(x, { axis = None }) end,
      'glu: argument "axis" cannot be None')
    assert.error_at_line(function () ops.glu(x, { axis = false }) end,
      'glu: argument "axis" must be a whole number, got false')
    assert.error_at_line(function () ops.sum(None) end, 'sum: argument "x" cannot be None')
    assert.near_all(ops.full({ 2 }, false), { 0, 0 })
    assert.near_all(ops.where({ true, false }, false, { 1, 1 }), { 0, 1 })
  end)
end)
