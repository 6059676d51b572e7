-- A dense net 784-512-512-10: predict against the same cblas_sgemm calls with bias and activation
-- by hand, the Adam step against its products alone, one thread on either side; then a tiny net,
-- where only the overhead of a call counts.

local bench = require "bench"
local core = require "lunula.core"
local k = require "lunula"
local peer = bench.peer "peer"

local threads = core.threads()
core.threads(1)

local function net()
  local model = k.Sequential {
    k.Input { shape = { 784 } },
    k.layers.Dense { 512, activation = "relu" },
    k.layers.Dense { 512, activation = "relu" },
    k.layers.Dense { 10, activation = "softmax" },
  }
  model:compile { optimizer = "adam", loss = "sparse_categorical_crossentropy" }
  return model
end

local model = net()
for _, batch in ipairs { 1, 32, 1024 } do
  local x = k.random.uniform { batch, 784 }
  local times = batch == 1 and 2000 or batch == 32 and 300 or 12
  bench.compare(("predict, batch %d"):format(batch), function()
    return bench.time(times, function() model:predict_on_batch(x):release() end)
  end, function() return peer.forward(batch, times) end)
end

local rows, batch = 128 * 20, 128
local x = k.random.uniform { rows, 784 }
local y = k.ops.cast(k.random.uniform { rows } * 10, "int32")
model:fit(x, y, { batch_size = batch, verbose = 0, shuffle = false })
bench.compare("Adam step, batch 128 (products alone)", function()
  local start = core.clock()
  model:fit(x, y, { batch_size = batch, verbose = 0, shuffle = false })
  return (core.clock() - start) / (rows / batch)
end, function() return peer.products(batch, 20) end)

local tiny = k.Sequential {
  k.Input { shape = { 4 } }, k.layers.Dense { 8, activation = "relu" }, k.layers.Dense { 1 },
}
local one = k.random.uniform { 1, 4 }
bench.report("4-8-1, batch 1, predict_on_batch from Lua", 1e6 * bench.time(200000, function()
  tiny:predict_on_batch(one)
end), "us a call")
bench.report("4-8-1, batch 1, predict from Lua", 1e6 * bench.time(20000, function()
  tiny:predict(one)
end), "us a call")

local before = bench.resident()
for _ = 1, 1000000 do tiny:predict_on_batch(one) end
bench.report("growth of a million predictions", bench.resident() - before, "MB")
core.threads(threads)
