-- Fused ops over rows, and their gradients, against their lowering to plain ops: rows that are
-- turned, rows of whole lanes, rows with a rest, long ones.

local core = require "lunula.core"
local k = require "lunula"

local ops = k.ops

-- The result and the gradients of f for a loss that weighs each number.
local function both(f, inputs)
  local y = f(table.unpack(inputs))
  local weights = k.random.normal(y.shape, 0, 1, nil, 5)
  local _, grads = core.value_and_grad(function (...) return ops.sum(f(...) * weights) end)(
    table.unpack(inputs))
  return y, grads
end

local function same(fused, lowering, inputs, tolerance)
  local y, dx = both(fused, inputs)
  local wanted, wanted_dx = both(lowering, inputs)
  assert.near_all(y, wanted, tolerance)
  for i in ipairs(inputs) do assert.near_all(dx[i], wanted_dx[i], tolerance) end
end

local lengths = { 1, 2, 7, 31, 32, 33, 63, 64, 100, 1000, 1024, 5000 }

describe("rows are their lowering", function ()
  local function log_softmax(x)
    local d = x - ops.max(x, -1, true)
    return d - ops.log(ops.sum(ops.exp(d), -1, true))
  end

  for _, n in ipairs(lengths) do
    it(("with %d numbers: softmax"):format(n), function ()
      for _, rows in ipairs { 1, 5, 37 } do
        local x = k.random.normal({ rows, n }, 0, 3)
        same(ops.softmax, function (a) return ops.exp(log_softmax(a)) end, { x }, 2e-6)
        same(ops.log_softmax, log_softmax, { x }, 2e-5)
      end
    end)
  end
end)
