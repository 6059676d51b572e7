-- Whole numbers, bits, neighbours, and what complex numbers would have.

local from = require "spec.support.ops_inputs"
local real, ints, bools, exact = from.real, from.ints, from.bools, from.exact

local function numbers(data) return exact(data, { dtype = "int32" }) end

local left = numbers { 12, -18, 0, 2147483647, -2147483648, 7 }
local right = numbers { 8, 12, 5, 6, -3, 0 }

-- I1 by its series.
local function first_bessel(data)
  local list = {}
  for i, x in ipairs(data[1]) do
    local term, sum = x / 2, x / 2
    for k = 1, 80 do
      term = term * x * x / 4 / k / (k + 1)
      sum = sum + term
    end
    list[i] = sum
  end
  return list
end

local cases = {
  { "bitwise_not", { ints { 3, 4 } } },
  { "bitwise_invert", { left } },
  { "bitwise_left_shift", { left, numbers { 1, 3, 31, 4, 1, 0 } } },
  { "bitwise_right_shift", { left, numbers { 1, 3, 31, 4, 1, 0 } } },
  { "left_shift", { ints { 3, 4 }, ints { 4, low = 0, high = 9 } }, free = { { 0 } } },
  { "right_shift", { left, numbers { 0, 1, 2, 3, 4, 5 } } },
  { "gcd", { left, right } },
  { "gcd", { ints { 3, 4 }, ints { 4, seed = 2 } }, free = { { 0 } } },
  { "lcm", { ints { 3, 4 }, ints { 4, seed = 2 } }, free = { { 0 } } },
  { "lcm", { numbers { 12, -18, 0, 7 }, numbers { 8, 12, 5, 0 } } },
  { "ldexp", { real { 3, 4 }, ints { 3, 4 } }, grad = { 1 } },
  { "ldexp", { exact { 1.5, -3, 0, 1e-30 }, numbers { 120, -120, 5, 100 } }, grad = false },
  { "nextafter", { exact { 1, -1, 0, 2, 3 }, exact { 2, 2, -1, 2, 1 } }, grad = false,
    ref = function () return { 0x1.000002p0, -0x1.fffffep-1, -0x1p-149, 2, 0x1.7ffffep1 } end },
  { "nextafter", { real { 3, 4 }, real { 3, 4, seed = 2 } }, grad = { 1 } },
  { "i0", { real { 3, 4 } } },
  { "i0", { exact { -90, -9, -8, 0, 7.5, 20, 88 } }, grad = false },
  { "i1", { real { 3, 4 } }, ref = first_bessel },
  { "i1", { exact { -9, -1, 0, 0.5, 7.5, 20 } }, grad = false, ref = first_bessel },
  { "saturate_cast", { exact { 300, -5, 2.75, 100 } }, { dtype = "uint8" }, grad = false },
  { "saturate_cast", { ints { 5, low = -400, high = 400 } }, { dtype = "int8" } },
  { "saturate_cast", { exact { 3e9, -3e9, 2.5 } }, { dtype = "int32" }, grad = false,
    ref = function () return { 2147483647, -2147483648, 2 } end }, -- TensorFlow's wraps
  { "view", { real { 3, 4 } }, { dtype = "int32" }, grad = false },
  { "view", { ints { 3, 4 } }, { dtype = "uint8" } },
  { "view", { real { 5 } }, grad = false },
  { "real", { real { 3, 4 } } },
  { "imag", { real { 3, 4 } }, grad = false },
  { "conj", { real { 3, 4 } } },
  { "conjugate", { real { 3, 4 } } },
  { "isreal", { real { 3, 4 } }, grad = false },
  { "angle", { exact { 1, -1, 0, 2.5, -0.5 } }, grad = false },
  { "rearrange", { real { 2, 3, 4 } }, { pattern = "b h w -> b w h" } },
  { "rearrange", { real { 2, 6, 4 } }, { pattern = "b (h w) c -> (b h) w c", h = 2 },
    free = { { 0, 1 } } },
  { "rearrange", { real { 2, 3, 4 } }, { pattern = "b h w -> (b h w)" }, batches = false },
}

for _, name in ipairs { "and", "or", "xor" } do
  cases[#cases + 1] = { "bitwise_" .. name, { ints { 3, 4 }, ints { 3, 4, seed = 2 } } }
  cases[#cases + 1] = { "bitwise_" .. name, { left, right } }
  cases[#cases + 1] = { "bitwise_" .. name, { bools { 3, 4 }, bools { 4, seed = 2 } },
    free = { { 0 } } }
end

return cases
