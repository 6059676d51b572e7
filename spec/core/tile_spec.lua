-- Operands that repeat (a row, a column, one number, a part of a larger tensor), read in place by
-- elementwise ops, against the same operands written out in full: at sizes of one piece and of
-- many, pieces of rows and rows of pieces.

local core = require "lunula.core"
local ops = require "lunula.ops"

local function normal(...)
  return ops.random_normal_like(ops.full({ ... }, 0), core.random_key())
end

-- x + y - z, a fused step in a trace; and with all written out
local function check(x, y, z)
  local shape = x.shape
  local function full(t) return ops.broadcast_to(t, shape) end
  local wanted = (x + full(y)) - full(z)
  assert.is_true(wanted == (x + y) - z)
  local specs = {}
  for i, t in ipairs { x, y, z } do specs[i] = { shape = t.shape } end
  assert.is_true(wanted == core.trace(specs, function (a, b, c) return (a + b) - c end)(x, y, z))
end

describe("operands that repeat", function ()
  local threads = core.threads()
  after_each(function () core.threads(threads) end)

  for _, columns in ipairs { 1, 7, 700, 1023, 1025, 2047, 2049, 3000, 5000, 40001 } do
    it(("over rows of %d"):format(columns), function ()
      for _, rows in ipairs { 1, 2, 5, 70 } do
        local x, row = normal(rows, columns), normal(columns)
        local column, one = normal(rows, 1), normal(1, 1)
        for _, n in ipairs { 1, 3 } do
          core.threads(n)
          check(x, row, column)
          check(x, column, one)
          check(x, one, row)
        end
      end
    end)
  end

  it("over planes and channels", function ()
    local x = normal(3, 17, 19, 40)
    check(x, normal(19, 40), normal(3, 1, 1, 40))
    check(x, normal(3, 17, 1, 1), normal(17, 1, 40))
    check(x, normal(1, 17, 19, 1), normal(3, 1, 19, 1))
  end)

  it("and parts of a larger tensor, in a trace", function ()
    for _, columns in ipairs { 5, 900, 6000 } do
      local x = normal(11, columns)
      local half = columns // 2
      local function parts(a)
        local left, right = a[{ {}, { 1, half } }], a[{ {}, { columns - half + 1, columns } }]
        return left * right + left, right:exp() - left
      end
      local a, b = core.trace({ { shape = { false, columns } } }, parts)(x)
      local c, d = parts(x)
      assert.is_true(a == c and b == d)
    end
  end)
end)
