-- Functions of one number against double precision: numbers close to each other, both ends, and
-- what is no number; in whole vectors and in what is left over by them.

local core = require "lunula.core"
local ops = require "lunula.ops"

local inf, nan = math.huge, 0 / 0
local SMALLEST = 2.0 ^ -125 -- half of it is no normal number, and counts as 0
local MOST = 4 * 2.0 ^ -24 * 2 -- four units of the last digit; those of a double are no matter

local function expm1(x)
  if x < -1e-4 or x > 1e-4 then return math.exp(x) - 1 end
  return x + x * x / 2 + x * x * x / 6
end

local function tanh(x)
  local u = expm1(-2 * math.abs(x))
  return x < 0 and u / (2 + u) or -u / (2 + u)
end

local function sigmoid(x) return 1 / (1 + math.exp(-x)) end

local function softplus(x)
  local e = math.exp(-math.abs(x))
  return math.max(x, 0) + (e > 1e-8 and math.log(1 + e) or e)
end

local functions = {
  exp = math.exp, expm1 = expm1, tanh = tanh, sigmoid = sigmoid, softplus = softplus,
  sinh = function (x) return (expm1(x) - expm1(-x)) / 2 end,
  cosh = function (x) return (math.exp(x) + math.exp(-x)) / 2 end,
}

-- As floats have them: from -100 to 100 in small steps, near 0 from both sides, and far out.
local numbers = { 0.0, -0.0, inf, -inf, nan }
for i = -1000, 1000 do numbers[#numbers + 1] = i / 10 + i * 1e-5 end
for e = -37, 38 do
  numbers[#numbers + 1] = 10.0 ^ e
  numbers[#numbers + 1] = -10.0 ^ e
end
local x = core.tensor(numbers)
for i, v in ipairs(x:totable()) do numbers[i] = v end

local function is_near(want, got)
  if want ~= want then return got ~= got end
  if math.abs(want) > 3.4028235e38 then return got == (want > 0 and inf or -inf) end
  if math.abs(want) < SMALLEST then return math.abs(got) <= SMALLEST end
  return math.abs(got - want) <= MOST * math.abs(want)
end

describe("elementary functions", function ()
  for name, f in pairs(functions) do
    it("are those of double precision: " .. name, function ()
      for i, y in ipairs(ops[name](x):totable()) do
        local v = numbers[i]
        assert(is_near(f(v), y), ("%s(%.9g) is %.9g, it should be %.9g"):format(name, v, y, f(v)))
      end
    end)

    it("have the same bits wherever a number stands: " .. name, function ()
      local whole = ops[name](x)
      for _, first in ipairs { 1, 2, 999, #numbers - 40 } do
        for n = 1, 35 do
          local range = { first, first + n - 1 }
          assert.is_true(ops[name](x[{ range }]):tobytes() == whole[{ range }]:tobytes(),
            ("%d numbers from %d on"):format(n, first))
        end
      end
    end)
  end
end)
