-- Fused ops over rows that only gradients and composites make: softmax's gradients, normalisation.

local from = require "spec.support.ops_inputs"
local real, positive = from.real, from.positive

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

-- ---- gelu -----------------------------------------------------------------------------------

-- By differences of the row, which has golden numbers itself.
local function slopes(approximate)
  return function (data)
    local core, y, h = require "lunula.core", {}, 1 / 64
    local function at(x)
      return core.ops.gelu(core.tensor { x }, approximate):item()
    end
    for i, x in ipairs(data[1]) do
      y[i] = data[2][i] * (8 * (at(x + h) - at(x - h)) - (at(x + 2 * h) - at(x - 2 * h))) / (12 * h)
    end
    return y
  end
end

for _, approximate in ipairs { true, false } do
  cases[#cases + 1] = { "gelu_gradient", { real { 3, 4 }, real { 3, 4, seed = 2 } },
    { approximate = approximate }, ref = slopes(approximate), tol = 2e-4 }
end

-- ---- normalisation ----------------------------------------------------------------------------

-- dx of normalised rows; z is the normalised x, u = g gamma.
local function norm_back(n, centre)
  return function (data)
    local x, g, y = rows_of(data[1], n), rows_of(data[5], n), {}
    local gamma, mean, scale = data[2], data[3], data[4]
    for r = 1, #x do
      local function z(i) return (x[r][i] - mean[r]) * scale[r] end
      local function u(i) return g[r][i] * gamma[i] end
      local of_u = centre and sum(x[r], u) / n or 0
      local of_uz = sum(x[r], function (i) return u(i) * z(i) end) / n
      for i = 1, n do y[#y + 1] = scale[r] * (u(i) - of_u - z(i) * of_uz) end
    end
    return y
  end
end

for _, n in ipairs { 3, 35 } do
  for _, centre in ipairs { true, false } do
    cases[#cases + 1] = { "layer_normalization_back",
      { real { 4, n }, positive { n }, real { 4, 1, seed = 2 }, positive { 4, 1, seed = 3 },
        real { 4, n, seed = 4 } }, { epsilon = 0.01, centre = centre }, ref = norm_back(n, centre),
      free = { { 0 }, {}, { 0 }, { 0 }, { 0 } }, tol = 1e-4,
      -- without a centre nothing is said of the mean
      grad = centre and { 1, 2, 3, 4, 5 } or { 1, 2, 4, 5 },
      big = { real { 3000, n }, positive { n }, real { 3000, 1, seed = 2 },
        positive { 3000, 1, seed = 3 }, real { 3000, n, seed = 4 } } }
  end
end

-- Mean and variance of each sample's columns; the first result is compared.
local function column_means(n, inner)
  return function (data)
    local y, x = {}, data[1]
    for o = 0, #x // (n * inner) - 1 do
      for i = 1, inner do
        local total = 0
        for r = 0, n - 1 do total = total + x[(o * n + r) * inner + i] end
        y[#y + 1] = total / n
      end
    end
    return y
  end
end

cases[#cases + 1] = { "column_moments", { real { 2, 3, 4, 5 } }, ref = column_means(12, 5),
  free = { { 0, 1 } }, tol = 1e-4, big = { real { 3, 9, 50, 70 } } }
cases[#cases + 1] = { "column_moments", { real { 1, 70, 3 } }, ref = column_means(70, 3),
  tol = 1e-4, big = { real { 1, 900, 270 } } }

-- ---- attention ------------------------------------------------------------------------------

-- dq of one head, whose weights follow from the given largest scores and shares.
local function attention_back(keys, size, scale)
  return function (data)
    local q, g, y = rows_of(data[1], size), rows_of(data[7], size), rows_of(data[4], size)
    local k, v, dq = rows_of(data[2], size), rows_of(data[3], size), {}
    local queries = #q // 2
    local function dot(a, b) return sum(a, function (l) return a[l] * b[l] end) end
    for i = 1, #q do
      local first = (i - 1) // queries * keys
      for l = 1, size do
        local total = 0
        for j = first + 1, first + keys do
          local p = math.exp(scale * dot(q[i], k[j]) - data[5][i]) * data[6][i]
          total = total + p * (dot(g[i], v[j]) - dot(g[i], y[i])) * k[j][l]
        end
        dq[#dq + 1] = scale * total
      end
    end
    return dq
  end
end

-- Gradients take y, top and share for what follows from the others: see core/attention_spec.lua.
local function attention_inputs(batch, heads, queries, keys)
  local function at(time, seed) return real { batch, time, heads, 4, seed = seed } end
  return { at(queries, 1), at(keys, 2), at(keys, 3), at(queries, 4),
    positive { batch, heads, queries, seed = 5 }, positive { batch, heads, queries, seed = 6 },
    at(queries, 7) }
end

cases[#cases + 1] = { "dot_product_attention_back", attention_inputs(2, 1, 3, 5),
  { seen = {}, scale = 0.5 }, ref = attention_back(5, 4, 0.5), grad = false, tol = 1e-4,
  free = { { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 } },
  big = attention_inputs(9, 4, 70, 130) }

-- ---- losses of classes ----------------------------------------------------------------------

local function ids_of(shape, classes)
  local data, n = {}, 1
  for _, size in ipairs(shape) do n = n * size end
  for i = 1, n do data[i] = i * 7 % classes end
  return from.exact(data, { shape = shape, dtype = "int32" })
end

local function class_losses(n)
  return function (data)
    local y = {}
    for r, x in ipairs(rows_of(data[1], n)) do
      y[r] = math.log(sum(x, function (i) return math.exp(x[i]) end)) - x[data[2][r] + 1]
    end
    return y
  end
end

local function class_losses_back(n)
  return function (data)
    local y = {}
    for r, x in ipairs(rows_of(data[1], n)) do
      for i = 1, n do
        local p = math.exp(x[i] - data[3][r] - data[4][r])
        y[#y + 1] = data[5][r] * (p - (data[2][r] + 1 == i and 1 or 0))
      end
    end
    return y
  end
end

for _, n in ipairs { 5, 40 } do
  local big, rows = { real { 900, n }, ids_of({ 900 }, n) }, { 4, 1 }
  cases[#cases + 1] = { "class_losses", { real { 2, 2, n }, ids_of({ 2, 2 }, n) },
    ref = class_losses(n), big = big, free = { { 0, 1 }, { 0, 1 } } }
  cases[#cases + 1] = { "class_losses_back", { real { 4, n }, ids_of({ 4 }, n), real(rows),
    real { 4, 1, seed = 2 }, real { 4, seed = 3 } }, ref = class_losses_back(n), tol = 1e-4,
    free = { { 0 }, { 0 }, { 0 }, { 0 }, { 0 } }, grad = { 1, 4, 5 } }
end

return cases
