-- Reductions and running sums.

local from = require "spec.support.ops_inputs"
local real, positive, exact = from.real, from.positive, from.exact
local ints, bools = from.ints, from.bools

local nan = 0 / 0
local holes = exact({ 1, nan, 3, nan, 5, 6, 7, 8, nan, 10, 11.5, 12 }, { shape = { 3, 4 } })
local big = real { 300, 70, 9 }

local function of_all_axes(op, input, options)
  local rows = {}
  for _, attrs in ipairs { {}, { axis = 0 }, { axis = 1, keepdims = true }, { axis = { 0, 2 } },
    { axis = { -1 } } } do
    local row = { op, { input }, attrs }
    for key, value in pairs(options or {}) do row[key] = value end
    rows[#rows + 1] = row
  end
  return rows
end

-- y[k] = a[k] y[k - 1] + b[k] in lines of n numbers, one a step from the other; backwards below 0.
local function recurrence(step, n)
  return function (data)
    local a, b, y = data[1], data[2], {}
    for first = 1, #a do
      local stride = math.abs(step)
      if (first - 1) // stride % n == 0 then
        for k = 0, n - 1 do
          local at = first + (step > 0 and k or n - 1 - k) * stride
          y[at] = b[at] + (k > 0 and a[at] * y[at - step] or 0)
        end
      end
    end
    return y
  end
end

local function join(lists)
  local all = {}
  for _, list in ipairs(lists) do table.move(list, 1, #list, #all + 1, all) end
  return all
end

return join {
  of_all_axes("sum", real { 3, 4, 2 }, { big = { big } }),
  of_all_axes("mean", real { 3, 4, 2 }, { big = { big } }),
  of_all_axes("max", real { 3, 4, 2 }, { big = { big } }),
  of_all_axes("min", real { 3, 4, 2 }, { big = { big } }),
  of_all_axes("prod", real { 3, 4, 2 }),
  of_all_axes("var", real { 3, 4, 2 }, { big = { big } }),
  of_all_axes("std", real { 3, 4, 2 }),
  of_all_axes("logsumexp", real { 3, 4, 2 }),
  of_all_axes("any", bools { 3, 4, 2 }),
  of_all_axes("all", bools { 3, 4, 2 }),
  of_all_axes("ptp", real { 3, 4, 2 }),
  {
    { "sum", { ints { 3, 4 } } },
    { "sum", { ints { 3, 4 } }, { axis = 1 } },
    { "sum", { bools { 3, 4 } }, { axis = 1 } },
    { "sum", { real { 0, 4 } }, { axis = 0 }, second = false },
    { "max", { ints { 3, 4 } }, { axis = 0 } },
    { "prod", { ints { 3, 4 } } },
    { "prod", { exact { 2, 0, 3, 4 } }, second = false },
    { "prod", { exact { 2, 0, 3, 0 } }, second = false },
    { "amax", { real { 3, 4 } }, { axis = 1 } },
    { "amin", { real { 3, 4 } }, { axis = 1 } },
    { "argmax", { real { 3, 4 } } },
    { "argmax", { real { 3, 4 } }, { axis = 0 } },
    { "argmax", { exact { 1, 3, 3, 2 } } },
    { "argmax", { real { 3, 4, 2 } }, { axis = 1, keepdims = true } },
    { "argmin", { real { 3, 4 } } },
    { "argmin", { ints { 3, 4 } }, { axis = -1 } },
    { "any", { exact { 0, 0, 0 } } },
    { "all", { real { 0 } } },
    { "any", { real { 0 } } },
    { "count_nonzero", { ints { 3, 4 } } },
    { "count_nonzero", { ints { 3, 4 } }, { axis = 1 } },
    { "mean", { ints { 3, 4 } }, { axis = 1 } },
    { "mean", { bools { 3, 4 } } },
    { "average", { real { 3, 4 } } },
    { "average", { real { 3, 4 } }, { axis = 1 } },
    { "average", { real { 3, 4 }, positive { 4 } }, { axis = 1 }, names = { "x", "weights" } },
    { "average", { real { 3, 4 }, positive { 3, 4 } }, names = { "x", "weights" },
      free = { { 0 }, { 0 } } },
    { "logsumexp", { exact { 1000, 1001, -1000 } }, second = false },
    { "logsumexp", { exact { -math.huge, -math.huge } }, grad = false },
    { "allclose", { real { 3, 4 }, real { 3, 4 } } },
    { "allclose", { real { 3, 4 }, real { 3, 4, seed = 2 } } },
    { "cumsum", { real { 3, 4 } }, { axis = 0 }, big = { big } },
    { "cumsum", { real { 3, 4 } }, { axis = 1 } },
    { "cumsum", { real { 3, 4 } } },
    { "max", { real { 3, 4 } }, { axis = 0, initial = 0.5 }, second = false },
    { "min", { real { 3, 4 } }, { initial = -9 }, grad = false },
    { "prod", { ints { 3, 4 } }, { axis = 0, dtype = "float32" } },
    { "cumsum", { ints { 3, 4 } }, { axis = -1 } },
    { "sum_like", { real { 2, 3 }, real { 3 } }, grad = { 1 }, free = { { 0, 1 }, { 0 } },
      ref = function (data)
        local x = data[1]
        return { x[1] + x[4], x[2] + x[5], x[3] + x[6] }
      end },
    { "recurrence", { real { 3, 4 }, real { 3, 4, seed = 2 } }, { axis = 1 },
      free = { { 0, 1 }, { 0, 1 } }, ref = recurrence(1, 4) },
    { "recurrence", { real { 3, 4 }, real { 3, 4, seed = 2 } }, { axis = 0, reverse = true },
      free = { { 0, 1 }, { 0, 1 } }, ref = recurrence(-4, 3),
      big = { real { 300, 70 }, real { 300, 70, seed = 2 } } },
    { "recurrence", { ints { 2, 3 }, ints { 2, 3, seed = 2 } }, { axis = -1 },
      ref = recurrence(1, 3) },
    { "cumprod", { real { 3, 5 } }, { axis = 1 } },
    { "cumprod", { real { 5, 3 } }, { axis = 0 }, free = { { 1 } } },
    { "cumprod", { exact { 2, 0, -3, 4, -1, 0.5 } }, { axis = 0 }, free = false },
    { "cumprod", { real { 2, 3 } }, free = false },
    { "nansum", { holes }, { axis = 0 } , grad = false },
    { "nanprod", { holes }, { axis = 1 }, grad = false },
    { "nanmax", { holes }, { axis = 1 }, grad = false },
    { "nanmin", { holes }, grad = false },
    { "nanmean", { holes }, { axis = 0 }, grad = false },
    { "nanvar", { holes }, { axis = 1, keepdims = true }, grad = false },
    { "nanstd", { holes }, grad = false },
    { "nanmean", { real { 3, 4 } }, { axis = 0 } },
    { "count", { real { 3, 4 } }, { axis = 1 }, ref = function () return { 4 } end },
    { "count", { real { 3, 4 } }, ref = function () return { 12 } end },
    { "dim", { real { 3, 4 } }, { axis = 1 }, ref = function () return { 4 } end },
  },
}
