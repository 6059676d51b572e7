-- A traced Lambda against the same layer built in, and how often its closure is called.

local bench = require "bench"
local k = require "lunula"

local calls = 0
local function swish(x)
  calls = calls + 1
  return x * k.ops.sigmoid(x)
end

local function net(middle)
  return k.Sequential {
    k.Input { shape = { 256 } }, k.layers.Dense { 256 }, middle, k.layers.Dense { 256 },
  }
end

local x = k.random.uniform { 256, 256 }
local traced, built_in = net(k.layers.Lambda(swish)), net(k.layers.Activation "silu")
traced:predict_on_batch(x)
local before = calls
bench.compare("a traced Lambda (Activation)", function()
  return bench.time(100, function() traced:predict_on_batch(x):release() end)
end, function()
  return bench.time(100, function() built_in:predict_on_batch(x):release() end)
end)
bench.report("calls of the closure in all these runs", calls - before, "")
