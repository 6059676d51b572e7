-- Order: sorting, the largest, different values, places.

local from = require "spec.support.ops_inputs"
local real, ints, bools, exact = from.real, from.ints, from.bools, from.exact

local nan, inf = 0 / 0, math.huge

local function numbers(data, shape) return exact(data, { dtype = "int32", shape = shape }) end

local odd = exact { 2, nan, -inf, 0, inf, -0.0, 1e-40, -1e-40, nan, -3 }
local few = numbers({ 3, 1, 3, -2, 1, 1, 7, 3 }, { 8 })
local rows = numbers({ 3, 1, 2, 3, 1, 3, 2, 3, 1, 3, 1, 2 }, { 4, 3 })

-- The places that sort a row by itself, stably.
local function places(row)
  local list = {}
  for i in ipairs(row) do list[i] = i - 1 end
  table.sort(list, function (a, b)
    local x, y = row[a + 1], row[b + 1]
    return x < y or x == y and a < b
  end)
  return list
end

return {
  { "sort", { real { 3, 7 } }, big = { real { 64, 900 } } },
  { "sort", { real { 3, 7 } }, { axis = 0 }, big = { real { 70000, 3 } } },
  { "sort", { real { 2, 3, 4 } }, { axis = 1 }, big = { real { 40, 200, 9 } } },
  { "sort", { real { 2, 3, 4 } }, { axis = false }, batches = false,
    big = { ints { 3, 50000, low = -100, high = 100 } } },
  { "sort", { ints { 3, 7 } }, big = { ints { 2, 70000, low = -2000000000, high = 2000000000 } } },
  { "sort", { bools { 3, 5 } } },
  { "sort", { odd }, grad = false, ref = function () -- as NumPy; TensorFlow puts NaN anywhere
    return { -inf, -3, -1e-40, 0, -0.0, 1e-40, 2, inf, nan, nan }
  end },
  { "argsort", { real { 3, 7 } }, big = { real { 2, 40000 } } },
  { "argsort", { ints { 4, 5 } }, { axis = 0 }, big = { ints { 2, 40000 } } },
  { "argsort", { ints { 2, 3, 4 } }, { axis = 1 } },
  { "argsort", { real { 2, 3 } }, { axis = false }, batches = false },
  { "argsort", { bools { 3, 5 } } },
  { "argsort", { from.scalar(4) } },
  { "argpartition", { real { 3, 7 } }, { kth = 2 }, ref = function (data)
    local list = {}
    for r = 0, 2 do
      for _, at in ipairs(places(table.move(data[1], r * 7 + 1, r * 7 + 7, 1, {}))) do
        list[#list + 1] = at
      end
    end
    return list
  end },
  { "argpartition", { ints { 6 } }, { kth = 5, axis = false }, batches = false },
  { "top_k", { real { 3, 7 } }, { k = 3 }, big = { real { 2, 140000 } } },
  { "top_k", { ints { 3, 7 } }, { k = 7 }, big = { ints { 90, 3000 } } },
  { "top_k", { real { 2, 2, 5 } }, { k = 1, sorted = false }, big = { real { 9, 70, 300 } } },
  { "top_k", { exact({ 0, 1, 0, 1, 1 }, { dtype = "bool" }) }, { k = 3 }, batches = false,
    ref = function () return { 1, 1, 1 } end },
  { "top_k", { real { 3, 4 } }, { k = 0 } },
  { "nonzero", { ints { 3, 4 } }, free = false, traced = false },
  { "nonzero", { exact { 0, 1.5, nan, -0.0, -2 } }, free = false, traced = false },
  { "nonzero", { bools { 2, 3, 2 } }, free = false, traced = false },
  { "unique", { few }, free = false, traced = false },
  { "unique", { few }, { return_index = true, return_inverse = true, return_counts = true },
    free = false, traced = false },
  { "unique", { few }, { sorted = false, return_index = true, return_inverse = true,
    return_counts = true }, free = false, traced = false },
  { "unique", { numbers({ 2, 1, 2, 0, 1, 1 }, { 2, 3 }) }, { return_inverse = true }, free = false,
    traced = false },
  { "unique", { rows }, { axis = 0, return_index = true, return_inverse = true,
    return_counts = true }, free = false, traced = false },
  { "unique", { exact({ 1, 2, 1, 0.5, 2, 0.5 }, { shape = { 2, 3 } }) }, { axis = 1,
    return_counts = true }, grad = false, free = false, traced = false },
  { "unique", { few }, { size = 6, fill_value = -1, return_index = true, return_inverse = true,
    return_counts = true }, free = { { 0 } }, batches = false },
  { "unique", { few }, { size = 2, return_index = true, return_counts = true }, free = { { 0 } },
    batches = false },
  { "unique", { exact { 2, 1, 2, 0.5 } }, { size = 3, sorted = false, return_inverse = true },
    grad = false, free = { { 0 } }, batches = false },
  { "unique", { exact { 2, 1, 4, 0.5 } }, { size = 3, sorted = false }, free = { { 0 } },
    batches = false },
  { "unique", { rows }, { axis = 0, size = 5, return_index = true, return_counts = true },
    free = { { 0 } }, batches = false },
  { "unravel_index", { numbers { 5, 0, 11, 7 } }, { shape = { 3, 4 } } },
  { "unravel_index", { numbers({ 5, 0, 23, 7, 1, 2 }, { 3, 2 }) }, { shape = { 2, 3, 4 } },
    ref = function (data)
      local list = {}
      for i, at in ipairs(data[1]) do list[i] = at // 12 end
      return list
    end },
}
