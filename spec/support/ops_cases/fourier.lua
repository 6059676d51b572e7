-- Fourier transforms, windows, pieces of sequences. Lengths are taken in several ways: by factors,
-- as a matrix, by a chirp.

local from = require "spec.support.ops_inputs"
local real = from.real

local function pair(...) return { real { ... }, real { seed = 2, ... } } end

local function listed(name, inputs, attributes, more)
  local row = { name, inputs, attributes, call = "list", tol = 1e-4 }
  for key, value in pairs(more or {}) do row[key] = value end
  return row
end

-- The sum of x e ^ (sign 2 pi i j k / n) over the last axis of n; the real part.
local function sums(n, sign)
  return function (data)
    local re, im, y = data[1], data[2] or {}, {}
    for row = 0, #re // n - 1 do
      for k = 0, n - 1 do
        local sum = 0
        for j = 1, n do
          local angle = sign * 2 * math.pi * ((j - 1) * k % n) / n
          sum = sum + re[row * n + j] * math.cos(angle)
            - (im[row * n + j] or 0) * math.sin(angle)
        end
        y[#y + 1] = sum
      end
    end
    return y
  end
end

local function first_half(n)
  local all = sums(n, -1)
  return function (data)
    local y, kept = all(data), {}
    for i = 1, #y do if (i - 1) % n <= n // 2 then kept[#kept + 1] = y[i] end end
    return kept
  end
end

local cases = {
  listed("fft", pair(3, 6)),
  listed("fft", pair(8), nil, { free = false }),
  listed("fft2", pair(2, 3, 4)),
  listed("ifft2", pair(2, 3, 5)),
  { "rfft", { real { 3, 6 } } },
  { "rfft", { real { 2, 7 } } },
  { "rfft", { real { 2, 7 } }, { fft_length = 4 }, tol = 1e-4 },
  { "rfft", { real { 2, 3 } }, { fft_length = 10 }, tol = 1e-4 },
  listed("irfft", pair(3, 5)),
  listed("irfft", pair(3, 5), { fft_length = 9 }),
  listed("irfft", pair(2, 5), { fft_length = 4 }),
  listed("irfft", pair(2, 3), { fft_length = 12 }),
  { "extract_sequences", { real { 2, 9 } }, { sequence_length = 4, sequence_stride = 2 } },
  { "extract_sequences", { real { 2, 2, 5 } }, { sequence_length = 2, sequence_stride = 3 } },
  { "stft", { real { 2, 20 } },
    { sequence_length = 6, sequence_stride = 3, fft_length = 8 }, tol = 1e-4 },
  { "stft", { real { 2, 20 } }, { sequence_length = 5, sequence_stride = 2, fft_length = 5,
    window = "hamming", center = false }, tol = 1e-4 },
  listed("istft", pair(2, 6, 5), { sequence_length = 6, sequence_stride = 3, fft_length = 8 }),
  { "bartlett", {}, { x = 7 } },
  { "blackman", {}, { x = 8 } },
  { "hamming", {}, { x = 5 } },
  { "hanning", {}, { x = 6 } },
  { "kaiser", {}, { x = 6, beta = 14.0 } },
  { "polar", { real { 3, 4 }, real { 3, 4, seed = 2 } }, ref = function (data)
    local y = {}
    for i, size in ipairs(data[1]) do y[i] = size * math.cos(data[2][i]) end
    return y
  end },
  { "view_as_complex", { real { 3, 2 } }, ref = function (data)
    local x = data[1]
    return { x[1], x[3], x[5] }
  end },
  listed("view_as_real", pair(2, 3), nil, { ref = function (data)
    local y = {}
    for i, x in ipairs(data[1]) do y[#y + 1], y[#y + 2] = x, data[2][i] end
    return y
  end }),
}
for _, n in ipairs { 1, 2, 5, 12, 33, 37, 300, 514 } do
  local free = { { 0 }, { 0 } }
  cases[#cases + 1] = { "dft", pair(2, n), ref = sums(n, -1), tol = 1e-4, free = free,
    second = false, big = pair(70, n) }
  cases[#cases + 1] = { "dft", pair(1, n), { inverse = true }, ref = sums(n, 1), tol = 1e-4,
    free = free, second = false, big = pair(35, 2 * n) }
  cases[#cases + 1] = { "rdft", { real { 2, n } }, ref = first_half(n), tol = 1e-4,
    second = false, big = { real { 70, n } } }
end

local function back(n, scale)
  return function (data)
    local bins, y = n // 2 + 1, {}
    for row = 0, #data[1] // bins - 1 do
      for j = 0, n - 1 do
        local sum = 0
        for k = 0, bins - 1 do
          local angle = 2 * math.pi * (j * k % n) / n
          local at = row * bins + k + 1
          local twice = k > 0 and 2 * k < n and scale.others or scale.ends
          sum = sum + twice * (data[1][at] * math.cos(angle) - data[2][at] * math.sin(angle)
            * (k > 0 and 2 * k < n and 1 or 0))
        end
        y[#y + 1] = sum
      end
    end
    return y
  end
end

for _, n in ipairs { 2, 6, 7 } do
  local bins = n // 2 + 1
  cases[#cases + 1] = { "irdft", pair(3, bins), { length = n }, tol = 1e-4,
    ref = back(n, { ends = 1 / n, others = 2 / n }) }
  cases[#cases + 1] = { "rdft_back",
    { real { 3, bins }, real { 3, bins, seed = 2 }, real { 3, n } }, tol = 1e-4,
    ref = back(n, { ends = 1, others = 1 }), grad = { 1, 2 }, free = { { 0 }, { 0 }, { 0 } } }
  cases[#cases + 1] = { "irdft_back", { real { 3, n } }, { length = n }, tol = 1e-4,
    ref = function (data)
      local y = first_half(n)(data)
      for i in ipairs(y) do
        local k = (i - 1) % bins
        y[i] = y[i] * ((k > 0 and 2 * k < n) and 2 / n or 1 / n)
      end
      return y
    end }
end

return cases
