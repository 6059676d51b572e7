-- What touches every number once: functions, chains of them, rows that are normalised, sums, the
-- step of an optimizer. One thread; nanoseconds a number, and what that is in GB/s of memory where
-- a pass must read and write it. The yardstick is a copy (-x) of as many numbers.

local bench = require "bench"
local core = require "lunula.core"
local k = require "lunula"

local ops = k.ops
local threads = core.threads()
core.threads(1)

-- The best of many short rounds: the machine may be shared.
local function seconds(f, inputs, n)
  local times, best = math.max(1, 400000 // n), math.huge
  for _ = 1, 25 do
    best = math.min(best, bench.time(times, function () f(table.unpack(inputs)):release() end))
  end
  return best
end

local function specs(inputs)
  local list = {}
  for i, x in ipairs(inputs) do list[i] = { shape = x.shape } end
  return list
end

local function traced(f, inputs) return core.trace(specs(inputs), f) end

-- The gradient of all inputs for a cotangent that is not constant.
local function gradient(f, inputs)
  local weights = k.random.normal(f(table.unpack(inputs)).shape)
  return traced(function (...)
    local _, grads = core.value_and_grad(function (...) return ops.sum(f(...) * weights) end)(...)
    return table.unpack(grads)
  end, inputs)
end

-- bytes: of memory that a pass must touch for each number, forward and forth and back.
local function row(name, f, inputs, bytes, both_bytes)
  local n = inputs[1].size
  local forward = seconds(traced(f, inputs), inputs, n)
  local text = ("%-32s %7.3f ns %6.1f GB/s"):format(name, forward * 1e9 / n,
    bytes * n / forward / 1e9)
  if both_bytes then
    local both = seconds(gradient(f, inputs), inputs, n)
    text = text .. ("   with gradient %7.3f ns %6.1f GB/s"):format(both * 1e9 / n,
      both_bytes * n / both / 1e9)
  end
  print(text)
end

local small = { k.random.uniform({ 128, 128 }, -3, 3) }
local positive = { k.random.uniform({ 128, 128 }, 0.1, 3) }
for _, name in ipairs { "negative", "exp", "log", "sqrt", "rsqrt", "sin", "tanh", "sigmoid", "erf",
  "softplus", "relu", "relu6", "elu", "selu", "gelu", "silu", "hard_sigmoid", "hard_silu" } do
  row(name, ops[name], (name == "log" or name:match "sqrt") and positive or small, 8, 16)
end
row("gelu, exact", function (x) return ops.gelu(x, false) end, small, 8, 16)
row("x ^ 2.5", function (x) return x ^ 2.5 end, positive, 8, 16)

local chain = { small[1], k.random.normal { 128, 128 }, k.random.normal { 128 },
  k.random.normal { 128 } }
row("x s + t, relu6", function (x, _, s, t) return ops.relu6(x * s + t) end, chain, 8)
row("x + bias, relu", function (x, _, s) return ops.relu(x + s) end, chain, 8)
row("x + bias + y, relu", function (x, y, s) return ops.relu(x + s + y) end, chain, 12)

local function vectors(n, count)
  local list = {}
  for i = 1, count do list[i] = k.random.normal { n } end
  return table.unpack(list)
end

for _, shape in ipairs { { 4096, 10 }, { 4096, 64 }, { 4096, 256 }, { 128, 1000 } } do
  local x, n = k.random.normal(shape), shape[2]
  local size = (" %d x %d"):format(shape[1], n)
  row("softmax" .. size, ops.softmax, { x }, 8, 20)
  row("log_softmax" .. size, ops.log_softmax, { x }, 8, 20)
  row("layer_normalization" .. size, function (a, g, b)
    return ops.layer_normalization(a, g, b, -1, 1e-3)
  end, { x, vectors(n, 2) }, 8, 20)
  row("rms_normalization" .. size, function (a, g) return ops.rms_normalization(a, g) end,
    { x, vectors(n, 1) }, 8, 20)
  local ids = ops.cast(k.random.uniform({ shape[1] }, 0, n - 1), "int32")
  row("sparse cross-entropy" .. size, function (a)
    return ops.sparse_categorical_crossentropy(ids, a, true)
  end, { x }, 4, 12)
end

local image = k.random.normal { 8, 56, 56, 64 }
local group = k.layers.GroupNormalization { 32 }
group(image)
row("32 groups, 8 x 56 x 56 x 64", function (x) return group(x) end, { image }, 8, 20)
row("batch moments and norm, same", function (x)
  local mean, variance = ops.moments(x, { 0, 1, 2 })
  return ops.batch_normalization(x, mean, variance, 3)
end, { image }, 8, 20)

for _, shape in ipairs { { 4096, 64 }, { 1024, 1024 }, { 4096, 4096 } } do
  local x = { k.random.normal(shape) }
  local size = (" %d x %d"):format(shape[1], shape[2])
  row("-x" .. size, ops.negative, x, 8)
  row("sum of rows" .. size, function (a) return ops.sum(a, 1) end, x, 4)
  row("sum of columns" .. size, function (a) return ops.sum(a, 0) end, x, 4)
  row("sum of all" .. size, ops.sum, x, 4)
end

-- Each parameter, its two moments and its gradient are read, three of them written.
for _, n in ipairs { 1 << 14, 1 << 18, 1 << 22 } do
  local weights = k.layers.Dense { n, use_bias = false }
  weights(k.zeros { 1, 1 })
  local adam = k.optimizers.Adam {}
  adam:build { weights.kernel }
  local g = k.random.normal { 1, n }
  row(("Adam, %d parameters"):format(n), function (x)
    adam:apply({ x }, { weights.kernel })
    return ops.full({}, 0)
  end, { g }, 28)
end
core.threads(threads)
