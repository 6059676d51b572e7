-- The kernels that are held against the FMA peak: a large product of two tensors, and convolutions
-- as a model has them, with a batch of one; and ops of 10^6 numbers, which stand beside the peers'.

local k = require "lunula"

local kernels = {}

local made = {}

function made.product()
  local a, b = k.random.normal { 1024, 1024 }, k.random.normal { 1024, 1024 }
  return function () k.ops.matmul(a, b):release() end
end

local function convolution(size, channels)
  return function ()
    local model = k.Sequential {
      k.Input { shape = { size, size, channels } },
      k.layers.Conv2D { channels, 3, padding = "same", use_bias = false },
    }
    local x = k.random.normal { 1, size, size, channels }
    return function () model:predict_on_batch(x):release() end
  end
end

made.conv56x56x64 = convolution(56, 64)
made.conv14x14x256 = convolution(14, 256)
made.conv7x7x512 = convolution(7, 512)

local function of_numbers(shape, op)
  return function ()
    local x = k.random.uniform(shape)
    return function ()
      for _, y in ipairs { op(x) } do y:release() end
    end
  end
end

local ops = k.ops
made.sort = of_numbers({ 10 ^ 6 }, function (x) return ops.sort(x) end)
made.argsort = of_numbers({ 10 ^ 6 }, function (x) return ops.argsort(x) end)
made.top_k = of_numbers({ 10 ^ 6 }, function (x) return ops.top_k(x, 10) end)
made.sort_rows = of_numbers({ 1000, 1000 }, function (x) return ops.sort(x) end)
made.top_k_rows = of_numbers({ 1000, 1000 }, function (x) return ops.top_k(x, 10) end)

function kernels.make(name)
  return made[name](), 1
end

return kernels
