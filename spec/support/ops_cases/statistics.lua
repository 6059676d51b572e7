-- Quantiles, histograms, correlations, areas, and what NaN is left out of.

local from = require "spec.support.ops_inputs"
local real, ints, exact, positive = from.real, from.ints, from.exact, from.positive

local nan = 0 / 0
local holes = exact({ 1, nan, 3, -2, nan, 5, 0.5, 2, nan, nan, nan, nan }, { shape = { 3, 4 } })

local cases = {
  { "median", { real { 3, 5 } } },
  { "median", { real { 3, 4 } }, { axis = 1 }, big = { real { 50, 900 } } },
  { "median", { real { 2, 3, 4 } }, { axis = { 0, 2 }, keepdims = true } },
  { "median", { ints { 3, 4 } }, { axis = 0 } },
  { "median", { holes }, { axis = 1 }, grad = false },
  { "quantile", { real { 3, 5 }, from.scalar(0.3) }, grad = { 1 } },
  { "quantile", { real { 3, 11 }, exact { 0.25, 0.3, 1, 0 } }, { axis = 1 }, free = { { 0, 1 } },
    grad = { 1 } },
  { "quantile", { real { 2, 3, 4 }, exact { 0.5, 0.1 } }, { axis = { 1, 2 }, keepdims = true },
    grad = { 1 } },
  { "quantile", { ints { 6, 2 }, from.scalar(0.4) }, { axis = 0 }, grad = false },
  { "percentile", { real { 3, 5 }, from.scalar(30) }, { axis = -1 }, grad = { 1 } },
  { "percentile", { real { 11 }, exact { 10, 30, 99 } }, { method = "nearest" }, grad = { 1 } },
  { "nanmedian", { holes }, { axis = 1 }, grad = false },
  { "nanmedian", { holes }, { keepdims = true }, grad = false },
  { "nanmedian", { real { 3, 4 } }, { axis = 0 } },
  { "nanquantile", { holes, exact { 0.25, 0.6 } }, { axis = 0 }, grad = false },
  { "nanquantile", { real { 3, 5 }, from.scalar(0.3) }, { axis = 1 }, grad = { 1 } },
  { "nanpercentile", { holes, from.scalar(40) }, { axis = 1, keepdims = true }, grad = false },
  { "nanargmax", { holes }, { axis = 1 }, grad = false },
  { "nanargmax", { holes }, grad = false },
  { "nanargmin", { holes }, { axis = 0, keepdims = true }, grad = false },
  { "nanargmin", { ints { 3, 4 } }, { axis = 1 } },
  { "nancumsum", { holes }, { axis = 1 }, grad = false },
  { "nancumsum", { real { 3, 4 } } },
  { "nancumprod", { holes }, { axis = 0 }, grad = false },
  { "nancumprod", { real { 3, 4 } }, { axis = 1 } },
  { "histogram", { real { 40 } }, { bins = 5 }, grad = false, batches = false },
  { "histogram", { exact { 0, 1, 1, 2.5, 4, 7 } }, { bins = 4, range = { 1.0, 4.0 } },
    grad = false },
  { "corrcoef", { real { 3, 6 } }, batches = false },
  { "corrcoef", { ints { 2, 5 } }, batches = false },
  { "correlate", { real { 7 }, real { 3, seed = 2 } }, free = { { 0 }, { 0 } } },
  { "correlate", { real { 7 }, real { 3, seed = 2 } }, { mode = "full" }, free = { { 0 } } },
  { "correlate", { real { 7 }, real { 4, seed = 2 } }, { mode = "same" }, free = { { 0 } } },
  { "correlate", { real { 3 }, real { 5, seed = 2 } }, { mode = "same" } },
  { "cdist", { real { 3, 4 }, real { 2, 4, seed = 3 } }, free = { { 0 } } },
  { "cdist", { real { 2, 3, 2 }, real { 2, 4, 2, seed = 3 } }, free = { { 0 }, { 0 } } },
  { "trapezoid", { real { 3, 5 } }, free = { { 0, 1 } } },
  { "trapezoid", { real { 3, 5 } }, { axis = 0, dx = 0.5 } },
  { "trapezoid", { real { 3, 4 }, exact { 0, 0.5, 1.5, 3 } }, names = { "y", "x" },
    free = { { 0 } } },
  { "trapezoid", { ints { 6 } } },
  { "geomspace", { positive { 3 }, positive { 3, seed = 2 } }, { num = 4 } },
  { "geomspace", { from.scalar(-1), from.scalar(-1000) }, { num = 4 }, grad = false },
  { "geomspace", { positive { 3 }, positive { 3, seed = 2 } }, { num = 5, endpoint = false,
    axis = -1 }, ref = function (data) -- TensorFlow and PyTorch refuse
    local list = {}
    for i = 1, 3 do
      local a, b = data[1][i], data[2][i]
      for k = 0, 4 do list[#list + 1] = a * (b / a) ^ (k / 5) end
    end
    return list
  end },
}

-- Each way to choose between two numbers, at a place that is whole in float32 alone.
for _, method in ipairs { "linear", "lower", "higher", "midpoint", "nearest" } do
  cases[#cases + 1] = { "quantile", { real { 11 }, exact { 0.3, 0.45, 0.55, 1 } },
    { method = method }, grad = { 1 } }
end

return cases
