-- Pairs of ops in one strip (src/ops/pair.c): the same bits as one after the other, of numbers
-- where rounding, NaN and the signs of zeros show it.

local core = require "lunula.core"
local ops = require "lunula.ops"

local nan, inf = 0 / 0, math.huge
local odd = { 0, -0.0, 1, -1, nan, inf, -inf, 1e-40, 1.0000001, -3.3333333, 1e30, 6.5 }

-- Every odd number with every other, at the three places; then many in between.
local function inputs()
  local a, b, c = {}, {}, {}
  for i = 0, 12 ^ 3 - 1 do
    a[#a + 1] = odd[i % 12 + 1]
    b[#b + 1] = odd[i // 12 % 12 + 1]
    c[#c + 1] = odd[i // 144 + 1]
  end
  local list = { core.tensor(a), core.tensor(b), core.tensor(c) }
  for i, x in ipairs(list) do
    list[i] = ops.concatenate { x, ops.random_normal_like(ops.zeros { 3001 }, core.random_key()) }
  end
  return list
end

local chains = {
  ["a * b + c"] = function (a, b, c) return a * b + c end,
  ["c + a * b"] = function (a, b, c) return c + a * b end,
  ["a * b - c"] = function (a, b, c) return a * b - c end,
  ["c - a * b"] = function (a, b, c) return c - a * b end,
  ["a * b * c"] = function (a, b, c) return a * b * c end,
  ["a + b + c"] = function (a, b, c) return a + b + c end,
  ["relu(a + b + c)"] = function (a, b, c) return ops.relu(a + b + c) end,
  ["(a + b) * c"] = function (a, b, c) return (a + b) * c end,
  ["(a - b) * c"] = function (a, b, c) return (a - b) * c end,
  ["a / b + c"] = function (a, b, c) return a / b + c end,
  ["c - a / b"] = function (a, b, c) return c - a / b end,
  ["clip"] = function (a, b, c) return ops.minimum(ops.maximum(a, b), c) end,
  ["relu(a + b)"] = function (a, b) return ops.relu(a + b) end,
  ["relu(a + b), clipped"] = function (a, b, c) return ops.minimum(ops.relu(a + b), c) end,
  ["relu6"] = function (a, b) return ops.minimum(ops.relu(a), b) end,
  ["a^2 b"] = function (a, b) return ops.square(a) * b end,
  ["sqrt(a) + b"] = function (a, b) return ops.sqrt(a) + b end,
  ["sigmoid(a + b)"] = function (a, b) return ops.sigmoid(a + b) end,
  ["tanh(a + b)"] = function (a, b) return ops.tanh(a + b) end,
  ["sigmoid(a + b + c)"] = function (a, b, c) return ops.sigmoid(a + b + c) end,
  ["tanh(a + b + c)"] = function (a, b, c) return ops.tanh(a + b + c) end,
  ["tanh(a) b"] = function (a, b) return b * ops.tanh(a) end,
  ["1 - a^2"] = function (a) return 1 - ops.square(a) end,
  ["(b - a^2) c"] = function (a, b, c) return (b - ops.square(a)) * c end,
  ["c (b - a^2)"] = function (a, b, c) return c * (b - ops.square(a)) end,
  -- as in a cell
  ["gates"] = function (a, b, c)
    local f, i = ops.sigmoid(a + b + c), ops.sigmoid(b + c)
    local new = f * c + i * ops.tanh(a + c)
    return new, ops.sigmoid(a) * ops.tanh(new)
  end,
  -- no pairs: what is in between is a result, or is taken twice
  ["a result in between"] = function (a, b, c) return a * b + c, a * b end,
  ["twice"] = function (a, b) local x = a * b return x + x end,
  ["whole numbers"] = function (a, b)
    local x = ops.cast(ops.where(ops.isfinite(a * b), ops.clip(a, -9, 9), 0), "int32")
    return x * x + x
  end,
}

-- Which NaN it is nobody says.
local function bits(y)
  if y.dtype ~= "float32" then return y:tobytes() end
  return ops.where(ops.isnan(y), nan, y):tobytes()
end

describe("a pair of ops in one strip gives the same bits", function ()
  for name, chain in pairs(chains) do
    it(name, function ()
      local x = inputs()
      local spec = { { shape = { false } }, { shape = { false } }, { shape = { false } } }
      local f = core.trace(spec, chain)
      local paired = { f(table.unpack(x)) }
      f:passes "-pair"
      for i, y in ipairs { f(table.unpack(x)) } do
        assert.are.equal(bits(y), bits(paired[i]))
      end
    end)
  end
end)
