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

made.rfft = of_numbers({ 2 ^ 16 }, function (x) return ops.rfft(x) end)
made.svd = of_numbers({ 256, 256 }, function (x) return ops.svd(x) end)

-- 30 labels beside 100 frames: its gradient, too, is of the logits.
local function losses_of_labels()
  local labels = k.random.randint({ 32, 30 }, 1, 80)
  local counts, frames = ops.full({ 32 }, 30, "int32"), ops.full({ 32 }, 100, "int32")
  return function (x) return ops.ctc_loss(labels, x, counts, frames) end
end

function made.ctc_loss()
  return of_numbers({ 32, 100, 80 }, losses_of_labels())()
end

function made.ctc_loss_back()
  local loss = losses_of_labels()
  local gradient = k.value_and_grad(function (x) return ops.sum(loss(x)) end)
  return of_numbers({ 32, 100, 80 }, function (x)
    local y, gradients = gradient(x)
    return y, gradients[1]
  end)()
end

function kernels.make(name)
  return made[name](), 1
end

return kernels
