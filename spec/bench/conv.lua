-- Convolutions as GFLOP/s beside a square product of the same machine, taken in turn on
-- one thread, in processor time; then what the first layer, depthwise ones and pooling cost.

local bench = require "bench"
local core = require "lunula.core"
local k = require "lunula"
local ops = k.ops
local hidden = debug.getregistry()["lunula.hidden"] -- rows that only gradients make

local threads = core.threads()
core.threads(1)

-- Processor seconds of one call, its result given back at once.
local function seconds(f, times)
  f():release()
  local start = os.clock()
  for _ = 1, times do f():release() end
  return (os.clock() - start) / times
end

local function count(shape)
  local n = 1
  for _, size in ipairs(shape) do n = n * size end
  return n
end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

local square = 512
local a, b = k.random.normal { square, square }, k.random.normal { square, square }

-- Medians of alternated runs: GFLOP/s of f and of the square product, and of their ratio.
local function beside_product(name, flops, f)
  local ours, theirs, ratios = {}, {}, {}
  local times = math.max(1, math.ceil(2e8 / flops))
  for i = 1, 11 do
    theirs[i] = 2 * square ^ 3 / seconds(function () return ops.matmul(a, b) end, 1) / 1e9
    ours[i] = flops / seconds(f, times) / 1e9
    ratios[i] = ours[i] / theirs[i]
  end
  print(("%-44s %8.1f GFLOP/s  sgemm %8.1f  ratio %.2f"):format(name, median(ours),
    median(theirs), median(ratios)))
end

local function convolution(name, image, kernel, options)
  local x, w = k.random.normal(image), k.random.normal(kernel)
  local y = ops.convolution(x, w, options)
  local flops = 2 * y.size * count(kernel) / kernel[#kernel]
  beside_product(name, flops, function () return ops.convolution(x, w, options) end)
  beside_product("  gradient of the image", flops, function ()
    return ops.convolution_input_gradient(y, w, x, options)
  end)
  beside_product("  gradient of the kernel", flops, function ()
    return hidden.convolution_kernel_gradient(x, y, w, options)
  end)
end

local same = { same = true }
convolution("conv 3x3 64->64, 56x56", { 1, 56, 56, 64 }, { 3, 3, 64, 64 }, same)
convolution("conv 3x3 64->64, 56x56, batch 8", { 8, 56, 56, 64 }, { 3, 3, 64, 64 }, same)
convolution("conv 3x3 512->512, 7x7", { 1, 7, 7, 512 }, { 3, 3, 512, 512 }, same)
convolution("conv 3x3 64->128, strides 2", { 4, 56, 56, 64 }, { 3, 3, 64, 128 },
  { same = true, strides = 2 })
convolution("conv 1x1 256->64, 56x56", { 1, 56, 56, 256 }, { 1, 1, 256, 64 })
convolution("conv 7x7 3->64, 224x224, strides 2", { 1, 224, 224, 3 }, { 7, 7, 3, 64 },
  { same = true, strides = 2 })
convolution("conv 3x3 1->32, 28x28, batch 32", { 32, 28, 28, 1 }, { 3, 3, 1, 32 })
convolution("depthwise 3x3 144, 56x56", { 1, 56, 56, 144 }, { 3, 3, 1, 144 }, same)
convolution("depthwise 3x3 384, 14x14", { 4, 14, 14, 384 }, { 3, 3, 1, 384 }, same)

for _, row in ipairs { "max_windows", "mean_windows" } do
  local x = k.random.normal { 4, 112, 112, 64 }
  local options = { size = { 2, 2 }, strides = 2 }
  local y = ops[row](x, options)
  local forward = seconds(function () return ops[row](x, options) end, 20)
  local back = seconds(function ()
    if row == "max_windows" then return hidden.max_windows_scatter(x, y, options) end
    return hidden.mean_windows_spread(y, x, options)
  end, 20)
  local copy = seconds(function () return x + 1 end, 20)
  bench.report(row .. " 2x2, 112x112x64 (x + 1: " .. ("%.2f"):format(1e9 * copy / x.size) .. ")",
    1e9 * forward / x.size, "ns a cell")
  bench.report("  gradient", 1e9 * back / x.size, "ns a cell")
end

core.threads(threads)
