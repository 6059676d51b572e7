-- Picking, placing and searching by number.

local from = require "spec.support.ops_inputs"
local real, ints, exact = from.real, from.ints, from.exact

local function numbers(data, shape) return exact(data, { dtype = "int32", shape = shape }) end

local y = real { 2, 3, 4 }

-- A reference that takes elements of the first input by their places.
local function at(places)
  return function (data)
    local list = {}
    for i, place in ipairs(places) do list[i] = data[1][place + 1] end
    return list
  end
end

-- The rows of the table after the values came to rows 1, 0 and 1.
local function folded(fold)
  return function (data)
    local rows = table.move(data[1], 1, #data[1], 1, {})
    for i, id in ipairs { 1, 0, 1 } do
      for k = 1, 2 do rows[id * 2 + k] = fold(rows[id * 2 + k], data[3][i * 2 - 2 + k]) end
    end
    return rows
  end
end

return {
  { "take", { real { 5, 3 }, numbers { 0, 4, -1 } }, { axis = 0 }, free = { {}, { 0 } } },
  { "take", { real { 5, 3 }, numbers({ 0, 1, 2, 2 }, { 2, 2 }) }, { axis = 1 } },
  { "take", { y, numbers({ 3, 0, 1, 1, 2, 0 }, { 2, 3 }) }, { axis = 2 }, free = { { 0, 1 } } },
  { "take", { y, numbers { 5, 23, -2 } }, batches = false },
  { "take", { y, from.scalar(1, "int32") }, { axis = 1 } },
  { "gather", { real { 5, 3 }, numbers({ 4, 0, -1, 2 }, { 2, 2 }) }, free = { {}, { 0 } },
    big = { real { 50, 64 }, ints { 900, low = 0, high = 49 } },
    ref = function (data)
      local rows = {}
      for _, id in ipairs { 4, 0, 4, 2 } do
        table.move(data[1], id * 3 + 1, id * 3 + 3, #rows + 1, rows)
      end
      return rows
    end },
  { "take_along_axis", { real { 3, 4 }, ints { 3, 2, low = 0, high = 4 } }, { axis = 1 },
    free = { { 0 }, { 0 } } },
  { "take_along_axis", { y, ints { 2, 1, 4, low = 0, high = 3 } }, { axis = 1 },
    free = { { 0 }, { 0 } } },
  { "take_along_axis", { real { 3, 4 }, numbers { 0, 11, 5 } }, batches = false },
  { "scatter_add", { real { 4, 2 }, numbers { 1, 0, 1, 2 }, real { 3, 2 } },
    free = { { 0 }, { 0 } }, grad = { 1 },
    big = { real { 900, 64 }, ints { 900, low = 0, high = 49 }, real { 50, 64 } },
    ref = function (data)
      local sums = { 0, 0, 0, 0, 0, 0 }
      for i, id in ipairs { 1, 0, 1, 2 } do
        for k = 1, 2 do sums[id * 2 + k] = sums[id * 2 + k] + data[1][i * 2 - 2 + k] end
      end
      return sums
    end },
  { "scatter_fold", { real { 3, 2 }, numbers { 1, 0, 1 }, real { 3, 2, seed = 2 } }, { fold = 1 },
    free = { {}, { 0 }, {} }, batches = false, second = false, grad = { 1, 3 },
    big = { real { 50, 64 }, ints { 900, low = 0, high = 49 }, real { 900, 64 } },
    ref = folded(math.max) },
  { "scatter_fold", { real { 3, 2 }, numbers { 1, 0, 1 }, real { 3, 2, seed = 2 } }, { fold = 2 },
    free = false, batches = false, second = false, grad = { 1, 3 }, ref = folded(math.min) },
  { "scatter_fold", { real { 3, 2 }, numbers { 1, 0, 1 }, real { 3, 2, seed = 2 } }, { fold = 3 },
    free = false, batches = false, second = false, grad = { 1, 3 },
    ref = folded(function (a, b) return a * b end) },
  { "scatter_fold", { ints { 3, 2 }, numbers { 1, 0, 1 }, ints { 3, 2, seed = 2 } }, { fold = 0 },
    free = false, batches = false, ref = folded(function (_, b) return b end) },
  { "put_add", { real { 2, 3 }, numbers({ 0, 3, 0, 1, 1, 1 }, { 2, 3 }), real { 2, 4 } },
    { axis = 1 }, grad = { 1 }, free = { { 0 }, { 0 }, { 0 } },
    ref = function (data)
      local sums = { 0, 0, 0, 0, 0, 0, 0, 0 }
      for i, id in ipairs { 0, 3, 0, 5, 5, 5 } do sums[id + 1] = sums[id + 1] + data[1][i] end
      return sums
    end },
  { "get_item", { y }, { key = { {}, 1, { start = -3, stop = 3 } } }, free = { { 0, 1 } },
    ref = at { 5, 6, 17, 18 } },
  { "get_item", { y }, { key = { "...", false, { stop = -2 } } }, free = { { 0, 1, 2 } },
    ref = at { 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21 } },
  { "get_item", { y }, { key = { {}, { start = 2, stop = 0, step = -1 }, -1 } },
    free = { { 0, 2 } }, ref = at { 11, 7, 23, 19 } },
  { "get_item", { y }, { key = { {}, { step = -1 }, { start = 1, stop = 9, step = 2 } } },
    free = { { 0, 1 } }, ref = at { 9, 11, 5, 7, 1, 3, 21, 23, 17, 19, 13, 15 } },
  { "get_item", { y }, { key = { -1, { start = -2, stop = -1 } } }, free = { { 1 } },
    batches = false, ref = at { 16, 17, 18, 19 } },
  { "slice_update", { y, real { 1, 2, 2, seed = 3 } }, { start_indices = { 0, 1, 2 } },
    names = { "inputs", "updates" }, free = false },
  { "slice_update", { y, real { 2, 2, 4, seed = 3 } }, { start_indices = { 0, 1, 0 } },
    names = { "inputs", "updates" }, free = { { 0 }, { 0 } } },
  { "scatter", { numbers({ 0, 2, 0 }, { 3, 1 }), real { 3, 4 } }, { shape = { 3, 4 } },
    free = { { 0 }, { 0 } } },
  { "scatter", { numbers({ 0, 1, 2, 2 }, { 2, 2 }), real { 2 } }, { shape = { 3, 4 } },
    free = { { 0 }, { 0 } } },
  { "scatter_update", { real { 3, 4 }, numbers({ 0, 1, 2, 3 }, { 2, 2 }), real { 2, seed = 2 } },
    free = { {}, { 0 }, { 0 } } },
  { "scatter_update", { real { 3, 4 }, numbers({ 1, 0 }, { 2, 1 }), real { 2, 4, seed = 2 } },
    free = false },
  { "scatter_update", { real { 3, 4 }, numbers({ 1, 1 }, { 2, 1 }), real { 2, 4, seed = 2 } },
    { reduction = "add" }, free = false },
  { "scatter_update", { real { 3, 4 }, numbers({ 1, 1 }, { 2, 1 }), real { 2, 4, seed = 2 } },
    { reduction = "max" }, free = false, second = false },
  { "scatter_update", { real { 3, 4 }, numbers({ 1, 1 }, { 2, 1 }), real { 2, 4, seed = 2 } },
    { reduction = "mul" }, free = false, second = false },
  { "segment_sum", { real { 4, 2 }, numbers { 0, 2, 0, 1 } }, { num_segments = 4 },
    free = { { 0 }, { 0 } } },
  { "segment_sum", { real { 4, 2 }, numbers { 0, 2, 0, 1 } }, free = false, traced = false,
    ref = function (data)
      local x = data[1]
      return { x[1] + x[5], x[2] + x[6], x[7], x[8], x[3], x[4] }
    end },
  { "searchsorted", { exact { 1, 2, 2, 5 }, exact { 0, 1, 2, 3, 5, 6 } } },
  { "searchsorted", { exact { 1, 2, 2, 5 }, exact({ 0, 1, 2, 3 }, { shape = { 2, 2 } }) },
    { side = "right" }, free = { {}, { 0 } } },
  { "digitize", { exact { 0, 1, 2, 2.5, 7 }, exact { 1, 2, 5 } } },
  { "isin", { ints { 3, 4 }, numbers { 1, -2, 3 } } },
  { "isin", { ints { 3, 4 }, numbers { 1, -2, 3 } }, { invert = true } },
  { "in_top_k", { numbers { 1, 0, 3 }, real { 3, 4 } }, { k = 2 }, free = { { 0 }, { 0 } } },
  { "bincount", { numbers { 1, 3, 1, 0 } }, free = false, traced = false },
  { "bincount", { numbers { 1, 3, 1, 0 }, exact { 0.5, 1, 2, 4 } }, { minlength = 6 },
    names = { "x", "weights" }, free = false, traced = false },
  { "bincount", { numbers({ 1, 3, 1, 0 }, { 2, 2 }) }, free = false, traced = false,
    ref = function () return { 0, 1, 0, 1, 1, 1, 0, 0 } end },
  { "select", { from.bools { 3, 4 }, from.bools { 3, 4, seed = 2 }, real { 3, 4 },
    real { 3, 4, seed = 3 } }, { default = 7 }, call = "pairs" },
}
