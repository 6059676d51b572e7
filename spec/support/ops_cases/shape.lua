-- Shapes: axes, joining, parting, repeating, turning, padding.

local from = require "spec.support.ops_inputs"
local real, ints, bools = from.real, from.ints, from.bools

local x = real { 3, 4 }
local function size(n) return from.scalar(n, "int32") end
local y = real { 2, 3, 4 }

-- Two sizes that are not known: the batch and the time.
local two_free = { { 0, 1 } }

return {
  { "reshape", { x }, { newshape = { 2, 6 } }, free = false },
  { "reshape", { x }, { newshape = { -1 } } },
  { "reshape", { y }, { newshape = { -1, 2, 6 } } },
  { "transpose", { y } },
  { "transpose", { y }, { axes = { 0, 2, 1 } }, big = { real { 70, 130, 65 } } },
  { "transpose", { y }, { axes = { 1, 2, 0 } }, free = two_free },
  { "broadcast_to", { real { 3, 1 } }, { shape = { 2, 3, 4 } }, free = false },
  { "broadcast_to", { real { 4 } }, { shape = { 3, 4 } } },
  { "expand_dims", { x }, { axis = 0 } },
  { "expand_dims", { x }, { axis = -1 }, free = two_free },
  { "expand_dims", { x }, { axis = { 0, 2 } }, free = two_free },
  { "expand_dims", { from.scalar(3) }, { axis = 0 } },
  { "squeeze", { real { 3, 1, 4, 1 } }, free = { { 0, 2 } }, batches = false },
  { "squeeze", { real { 3, 1, 4, 1 } }, { axis = 1 } },
  { "squeeze", { real { 3, 1, 4, 1 } }, { axis = { 1, -1 } } },
  { "ravel", { y } },
  { "swapaxes", { y }, { axis1 = 0, axis2 = -1 }, free = two_free },
  { "moveaxis", { y }, { source = 0, destination = -1 }, free = two_free },
  { "moveaxis", { real { 2, 3, 4, 5 } }, { source = { 0, 1 }, destination = { -1, 1 } } },
  { "slice", { y }, { start_indices = { 0, 1, 2 }, shape = { 2, 2, 1 } }, batches = false },
  { "slice_steps", { real { 3, 7 } }, { starts = { 0, 1 }, steps = { 1, 2 }, counts = { -1, 3 } },
    ref = function (data)
      local part = {}
      for i = 0, 2 do for j = 1, 5, 2 do part[#part + 1] = data[1][i * 7 + j + 1] end end
      return part
    end },
  { "concatenate", { x, real { 2, 4, seed = 2 } }, call = "list", free = { { 0 }, { 0 } } },
  { "concatenate", { x, real { 3, 2, seed = 2 }, x }, { axis = -1 }, call = "list",
    free = { { 0 }, { 0 }, { 0 } } },
  { "concatenate", { x, ints { 3, 2 } }, { axis = 1 }, call = "list" },
  { "stack", { x, real { 3, 4, seed = 2 } }, call = "list", free = { { 0 }, { 0 } } },
  { "stack", { x, real { 3, 4, seed = 2 } }, { axis = -1 }, call = "list",
    free = { { 0, 1 }, { 0, 1 } } },
  { "split", { real { 3, 6 } }, { indices_or_sections = 3, axis = 1 } },
  { "split", { real { 3, 6 } }, { indices_or_sections = { 1, 4 }, axis = -1 } },
  { "split", { real { 6 } }, { indices_or_sections = 2 }, free = false },
  { "split", { x }, { indices_or_sections = { 1, 3 }, axis = 1 }, free = two_free },
  { "array_split", { real { 3, 5 } }, { indices_or_sections = 3, axis = 1 } },
  { "vsplit", { real { 4, 2 } }, { indices_or_sections = 2 }, free = false },
  { "hsplit", { real { 3, 6 } }, { indices_or_sections = { 1, 3 } } },
  { "dsplit", { real { 2, 3, 4 } }, { indices_or_sections = 2 } },
  { "hstack", { x, real { 3, 2 } }, call = "list", free = { { 0 }, { 0 } } },
  { "hstack", { real { 3 }, real { 2 } }, call = "list" },
  { "vstack", { real { 3 }, real { 2, 3 } }, call = "list" },
  { "dstack", { real { 3 }, real { 1, 3, 2 } }, call = "list" },
  { "diff", { x } },
  { "diff", { real { 5, 3 } }, { n = 2, axis = 0 }, free = { { 1 } } },
  { "unstack", { x }, { axis = 1 } },
  { "unstack", { x }, { num = 3 }, batches = false },
  { "append", { x, real { 2, 4 } }, { axis = 0 } },
  { "append", { x, real { 5 } } },
  { "repeat", { x }, { repeats = 2 } },
  { "repeat", { x }, { repeats = 3, axis = 0 }, free = two_free },
  { "repeat", { x }, { repeats = { 1, 0, 2, 1 }, axis = 1 } },
  { "repeat_elements", { y }, { rep = 2, axis = 1 }, free = two_free,
    ref = function (data)
      local all = {}
      for i = 0, 5 do
        for _ = 1, 2 do table.move(data[1], i * 4 + 1, i * 4 + 4, #all + 1, all) end
      end
      return all
    end },
  { "tile", { x }, { repeats = { 2, 3 } }, free = two_free },
  { "tile", { x }, { repeats = { 2, 1, 1 } } },
  { "tile", { x }, { repeats = { 2 } } },
  { "flip", { y } },
  { "flip", { y }, { axis = 1 }, free = two_free },
  { "flip", { y }, { axis = { 0, 2 } } },
  { "fliplr", { x } },
  { "flipud", { x } },
  { "roll", { x }, { shift = 1 }, free = false },
  { "roll", { x }, { shift = 1 } },
  { "roll", { x }, { shift = -1, axis = 0 } },
  { "roll", { x }, { shift = 2, axis = 0 }, batches = false },
  { "roll", { x }, { shift = 6, axis = 1 } },
  { "roll", { x }, { shift = { 1, -1 }, axis = { 0, 1 } } },
  { "rot90", { x } },
  { "rot90", { x }, { k = 2 } },
  { "rot90", { y }, { k = 3, axes = { 1, 2 } } },
  { "pad", { x }, { pad_width = 1 }, free = two_free },
  { "pad", { x }, { pad_width = { { 1, 2 }, { 0, 3 } }, constant_values = 5 } },
  { "pad", { x }, { pad_width = { { 1, 2 }, { 2, 1 } }, mode = "reflect" }, batches = false },
  { "pad", { x }, { pad_width = { { 1, 2 }, { 2, 1 } }, mode = "symmetric" }, batches = false },
  { "pad", { x }, { pad_width = { { 1, 2 }, { 2, 1 } }, mode = "edge" }, free = two_free },
  { "pad", { ints { 2, 3 } }, { pad_width = { { 1, 1 }, { 0, 0 } }, mode = "edge" } },
  { "pad_with", { x }, { before = { 1, 0 }, after = { 0, 2 }, interior = { 0, 1 }, value = 9 },
    ref = function (data)
      local all = {}
      for _ = 1, 9 do all[#all + 1] = 9 end
      for i = 0, 2 do
        for j = 1, 9 do
          local inside = j <= 7 and j % 2 == 1
          all[#all + 1] = inside and data[1][i * 4 + (j + 1) // 2] or 9
        end
      end
      return all
    end },
  { "transpose", { bools { 3, 4 } } },
  -- rows that only gradients and composites use
  { "reshape_like", { x, real { 3, 2, 2 } }, grad = { 1 }, free = { { 0 }, { 0 } },
    ref = function (data) return data[1] end },
  { "expand_like", { real { 3 }, x }, { axis = { 1 } }, grad = { 1 }, free = { { 0 }, { 0 } },
    ref = function (data) return data[1] end },
  { "broadcast_like", { real { 3, 1 }, real { 3, 2 } }, grad = { 1 },
    ref = function (data)
      local a, b, c = table.unpack(data[1])
      return { a, a, b, b, c, c }
    end },
  { "slice_like", { real { 6 }, real { 2 } }, { starts = { 1 }, steps = { 3 } }, grad = { 1 },
    ref = function (data) return { data[1][2], data[1][5] } end },
  { "unslice", { real { 2 }, real { 6 } }, { starts = { 1 }, steps = { 3 } }, grad = { 1 },
    ref = function (data) return { 0, data[1][1], 0, 0, data[1][2], 0 } end },
  { "assigned", { real { 2, 3 }, real { 2, 3 } }, grad = { 1 },
    ref = function (data) return data[1] end },
  { "piece", { real { 5 }, real { 2 }, real { 3 } }, { axis = 0, index = 1 }, call = "rest",
    grad = { 1 }, ref = function (data) return { data[1][3], data[1][4], data[1][5] } end },
  { "transpose", { ints { 3, 4 } } },
  -- sizes that come from data are never known: traces of these are in spec/core/sized_spec.lua
  { "slice_sized", { real { 5 }, size(1), size(3) }, { axis = 0, known = 3 }, traced = false,
    grad = { 1 }, names = { "x", "start", "count" },
    ref = function (data) return { data[1][2], data[1][3], data[1][4] } end },
  { "unslice_sized", { real { 2 }, real { 4 }, size(1) }, { axis = -1 }, traced = false,
    grad = { 1 }, names = { "x", "like", "start" },
    ref = function (data) return { 0, data[1][1], data[1][2], 0 } end },
  { "pad_sized", { real { 2 }, size(2), size(1) }, { axis = 0, value = 7 }, traced = false,
    grad = { 1 }, names = { "x", "before", "after" },
    ref = function (data) return { 7, 7, data[1][1], data[1][2], 7 } end },
  { "choose_sized", { size(0), real { 2 }, real { 2, seed = 2 } }, traced = false, grad = { 3 },
    ref = function (data) return data[3] end },
  { "reshape_sized", { real { 2, 6 }, size(3) }, { newshape = { -1, -100 } }, call = "rest",
    traced = false, grad = { 1 }, ref = function (data) return data[1] end },
  { "broadcast_sized", { real { 2, 1 }, size(3) }, { shape = { -2, -100 } }, call = "rest",
    traced = false, grad = { 1 }, ref = function (data)
      local a, b = table.unpack(data[1])
      return { a, a, a, b, b, b }
    end },
}
