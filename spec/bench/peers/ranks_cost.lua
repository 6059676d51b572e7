-- What a train step would take on more machines than are here: a model of its cost, fitted to what
-- is measured with two ranks on this machine.
--
--   mpirun -n 2 lua5.4 spec/bench/peers/ranks_cost.lua [ROWS of each rank, 64]
--
-- A step = what a rank computes for its rows, and what it waits for sums that the way back does not
-- hide. Assumed, for P ranks, a network of W bytes a second and L seconds for a message, of which
-- each machine has one: a sum of n bytes takes the lesser of log2(P) (L + n / W), by doubling, and
-- 2 log2(P) L + 2 (P - 1) / P n / W, by halving and doubling; buckets but the last are hidden as
-- far as the way back, two thirds of the computing, lasts. Packing and unpacking, and what a sum
-- takes before any network, are as measured here. One more small sum a step carries the metrics.
-- Not assumed: other traffic, ranks that are late, switches that are slower than their links.

local k = require "lunula"
local core = require "lunula.core"
k.threads(1)
k.distribution.initialize()
local rank, layers = k.distribution.rank(), k.layers
local mpi = require "lunula.mpi"
local rows = tonumber(arg[1]) or 64

local function say(...)
  if rank == 0 then print((...):format(select(2, ...))) end
end

-- The least of so many runs, in seconds.
local function best(runs, f)
  local least = math.huge
  for _ = 1, runs do
    mpi.barrier()
    local start = core.clock()
    f()
    least = math.min(least, core.clock() - start)
  end
  return mpi.reduce({ least }, "max")[1]
end

-- ---- sums between two ranks here: seconds = fixed + bytes * each --------------------------------

local sizes, n, sx, sy, sxx, sxy = { 1 << 10, 1 << 13, 1 << 16, 1 << 17, 1 << 18 }, 0, 0, 0, 0, 0
for _, count in ipairs(sizes) do
  local x = k.zeros { count }
  local seconds = best(30, function()
    core.sums_end(core.sums_begin({ x }, false, true), { x }, false)
  end)
  local bytes = 4 * count
  say("a sum of %8d bytes: %8.1f us", bytes, 1e6 * seconds)
  n, sx, sy = n + 1, sx + bytes, sy + seconds
  sxx, sxy = sxx + bytes ^ 2, sxy + bytes * seconds
end
local each = (n * sxy - sx * sy) / (n * sxx - sx ^ 2)
local fixed = math.max((sy - each * sx) / n, 0)
say("fitted: %.1f us + bytes / %.2f GB/s", 1e6 * fixed, 1e-9 / each)

-- ---- what a rank computes ----------------------------------------------------------------------

local models = {
  { "mlp", { 784 }, function() return layers.Dense { 512, activation = "relu" },
    layers.Dense { 256, activation = "relu" } end },
  { "convnet", { 28, 28, 1 }, function() return layers.Conv2D { 32, 3, activation = "relu" },
    layers.MaxPooling2D(2), layers.Conv2D { 64, 3, activation = "relu" }, layers.MaxPooling2D(2),
    layers.Flatten {}, layers.Dense { 128, activation = "relu" } end },
  { "lstm", { 100, 32 }, function() return layers.LSTM { 128, return_sequences = true },
    layers.LSTM(128) end },
}

local function measure(shape, parts)
  local model = k.Sequential { k.Input { shape = shape }, parts() }
  model:add(layers.Dense { 10, activation = "softmax" })
  model:compile { optimizer = "adam", loss = "sparse_categorical_crossentropy" }
  local x, y = k.random.normal { rows * 4, table.unpack(shape) }, k.zeros({ rows * 4, 1 }, "int32")
  local function epoch() model:fit(x, y, { batch_size = rows, verbose = 0 }) end
  epoch()
  return best(4, epoch) / 4, 4 * model:count_params()
end

-- ---- what it would take ------------------------------------------------------------------------

local function sum_of(bytes, ranks, network)
  local doubling = math.log(ranks, 2) * (network.latency + bytes / network.bytes)
  local halving = 2 * math.log(ranks, 2) * network.latency
    + 2 * (ranks - 1) / ranks * bytes / network.bytes
  return fixed + bytes * each + math.min(doubling, halving)
end

local function step_of(compute, bytes, ranks, network)
  local bucket = math.min(1 << 20, math.max(1 << 16, bytes // 4))
  local hidden, rest = 0, bytes
  while rest > bucket do
    hidden, rest = hidden + sum_of(bucket, ranks, network), rest - bucket
  end
  return compute + math.max(hidden - compute * 2 / 3, 0) + sum_of(rest, ranks, network)
    + sum_of(16, ranks, network)
end

local networks = {
  { name = "10 Gbit/s, 50 us", bytes = 10e9 / 8, latency = 50e-6 },
  { name = "100 Gbit/s, 5 us", bytes = 100e9 / 8, latency = 5e-6 },
}

for _, model in ipairs(models) do
  local compute, bytes = measure(model[2], model[3])
  say("\n%s: %d rows a rank in %.2f ms, %.2f MB of gradients", model[1], rows, 1e3 * compute,
    1e-6 * bytes)
  for _, network in ipairs(networks) do
    local words = {}
    for _, ranks in ipairs { 2, 8, 64, 256, 1024 } do
      local step = step_of(compute, bytes, ranks, network)
      words[#words + 1] = ("%d: %.2f ms, %d %%"):format(ranks, 1e3 * step,
        math.floor(100 * compute / step + 0.5))
    end
    say("  %s: %s", network.name, table.concat(words, "; "))
  end
end
