-- Fused ops over rows that only gradients and composites make: softmax's gradients, normalisation.

local from = require "spec.support.ops_inputs"
local real = from.real

local cases = {}

-- The numbers of a list as rows of n.
local function rows_of(list, n)
  local rows = {}
  for i = 1, #list, n do rows[#rows + 1] = table.move(list, i, i + n - 1, 1, {}) end
  return rows
end

local function sum(row, f)
  local total = 0
  for i = 1, #row do total = total + f(i) end
  return total
end

-- Flat results of each(row of a, row of b, i).
local function over_rows(n, each)
  return function (data)
    local a, b, y = rows_of(data[1], n), rows_of(data[2], n), {}
    for r = 1, #a do
      for i = 1, n do y[#y + 1] = each(a[r], b[r], i) end
    end
    return y
  end
end

local function softmax_back(y, g, i)
  return y[i] * (g[i] - sum(y, function (k) return g[k] * y[k] end))
end

local function log_softmax_back(y, g, i)
  return g[i] - math.exp(y[i]) * sum(g, function (k) return g[k] end)
end

for _, n in ipairs { 4, 33 } do
  local inputs = { real { 3, n, low = -1, high = 1 }, real { 3, n, seed = 2, low = -1, high = 1 } }
  local big = { real { 700, n, low = -1, high = 1 }, real { 700, n, seed = 2 } }
  cases[#cases + 1] = { "softmax_back", inputs, big = big, ref = over_rows(n, softmax_back) }
  cases[#cases + 1] = { "log_softmax_back", inputs, big = big,
    ref = over_rows(n, log_softmax_back) }
end

return cases
