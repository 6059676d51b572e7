-- What compiling costs: the first call of a model less a later one. Deep models of several kinds,
-- each twice as deep as the one before: doubling the depth may take 2.3 times as long, no more.
-- Then ResNet-50, first prediction and first train step. With a depth as argument (make bench
-- ARGS="compile" DEPTH=400) the doubling ends there.

local bench = require "bench"
local k = require "lunula"
local layers = k.layers

local deepest = tonumber(os.getenv "DEPTH") or 1600

-- Seconds of the processor, so that what else runs on the machine does not count.
local function seconds(f)
  local start = os.clock()
  f()
  return os.clock() - start
end

-- What the first call takes and the second does not.
local function first(f)
  collectgarbage()
  return seconds(f) - seconds(f)
end

-- ---- deep models -----------------------------------------------------------------------------

local kinds = {}

-- Zero kernels: through hundreds of normalisations any other gradient overflows, and the step
-- would be refused.
function kinds.dense(depth)
  local x = k.Input { shape = { 16 } }
  local y = x
  for _ = 1, depth do
    local dense = layers.Dense { 16, activation = "relu", kernel_initializer = "zeros" }
    y = layers.BatchNormalization()(dense(y))
  end
  return k.Model { inputs = x, outputs = layers.Dense { 1 }(y) }, k.random.normal { 32, 16 }
end

function kinds.chain(depth)
  local function f(x)
    for i = 1, 5 * depth do x = k.ops.tanh(x) + i % 7 * 0.1 end
    return x
  end
  return k.Sequential { k.Input { shape = { 16 } }, layers.Lambda { f }, layers.Dense { 1 } },
    k.random.normal { 32, 16 }
end

function kinds.lstm(depth)
  return k.Sequential {
    k.Input { shape = { depth, 4 } }, layers.LSTM { 8, unroll = true }, layers.Dense { 1 },
  }, k.random.normal { 8, depth, 4 }
end

local names = {
  dense = "Dense + BatchNormalization", chain = "chain of ops", lstm = "unrolled LSTM",
}
local function measure(kind, depth)
  local model, x = kinds[kind](depth)
  local y = k.random.normal { x.shape[1], 1 }
  model:compile { optimizer = "adam", loss = "mse" }
  return first(function() model:predict_on_batch(x) end),
    first(function() model:train_on_batch(x, y) end)
end

for _, kind in ipairs { "dense", "chain", "lstm" } do
  local before
  local depth = 100
  measure(kind, depth)
  while depth <= deepest do
    local predict, train = math.huge, math.huge
    for _ = 1, 3 do
      local p, t = measure(kind, depth)
      predict, train = math.min(predict, p), math.min(train, t)
    end
    print(("%-28s x %4d: first predict %8.1f ms, first train step %8.1f ms%s"):format(names[kind],
      depth, predict * 1e3, train * 1e3,
      before and (", doubled: x %.2f"):format((predict + train) / before) or ""))
    before, depth = predict + train, 2 * depth
  end
end

-- ---- ResNet-50 -------------------------------------------------------------------------------

local function convolved(x, filters, size, strides, activation)
  x = layers.Conv2D { filters, size, strides = strides, padding = "same" }(x)
  x = layers.BatchNormalization()(x)
  return activation and layers.Activation { activation }(x) or x
end

local function block(x, filters, strides, first_of_stage)
  local shortcut = first_of_stage and convolved(x, 4 * filters, 1, strides) or x
  x = convolved(x, filters, 1, strides, "relu")
  x = convolved(x, filters, 3, 1, "relu")
  x = convolved(x, 4 * filters, 1, 1)
  return layers.Activation { "relu" }(layers.Add()({ x, shortcut }))
end

local function resnet50(side)
  local image = k.Input { shape = { side, side, 3 } }
  local x = convolved(image, 64, 7, 2, "relu")
  x = layers.MaxPooling2D { 3, strides = 2, padding = "same" }(x)
  for stage, blocks in ipairs { 3, 4, 6, 3 } do
    for i = 1, blocks do x = block(x, 32 << stage, i == 1 and stage > 1 and 2 or 1, i == 1) end
  end
  x = layers.GlobalAveragePooling2D()(x)
  return k.Model { inputs = image, outputs = layers.Dense { 1000, activation = "softmax" }(x) }
end

local model = resnet50(64)
model:compile { optimizer = "adam", loss = "categorical_crossentropy" }
local x = k.random.normal { 1, 64, 64, 3 }
local y = k.ops.one_hot(k.tensor({ 7 }, { dtype = "int32" }), 1000)
bench.report("ResNet-50, first predict less a later one", 1e3 * first(function()
  model:predict_on_batch(x)
end), "ms (60 at most)")
bench.report("ResNet-50, first train step less a later one", 1e3 * first(function()
  model:train_on_batch(x, y)
end), "ms (1000 at most)")
