-- How fast it is, and how to measure.
--
--   lua5.4 examples/guides/speed.lua

local k = require "lunula"
local ops = k.ops
k.set_random_seed(9)

-- Seconds for one call, the least of some: others on the machine can only add to it. os.clock
-- counts the time of all threads together, so one thread is measured.

local threads = k.threads()
k.threads(1)
local function seconds(f, times)
  local best = math.huge
  for _ = 1, times or 5 do
    local start = os.clock()
    f()
    best = math.min(best, os.clock() - start)
  end
  return best
end

local model = k.Sequential {
  k.Input { shape = { 128 } },
  k.layers.Dense { 256, activation = "relu" }, k.layers.Dense { 256, activation = "relu" },
  k.layers.Dense(10),
}
model:compile { optimizer = "adam", loss = "mse" }
local x = k.random.normal { 512, 128 }
local quiet = { verbose = 0, batch_size = 512 }

-- 1. The first call traces the model and compiles the plan; measure from the second on.

local first = seconds(function () model:predict(x, quiet) end, 1)
local later = seconds(function () model:predict(x, quiet) end)
assert(later < first * 2)

-- 2. What is the work? A Dense layer multiplies and adds units * inputs times for a row. Products
-- per second, in billions, can be held beside what the processor can do: cores * clock * 2 * lanes
-- * units, and against another library on the same machine.

local work = 2 * 512 * (128 * 256 + 256 * 256 + 256 * 10)
local rate = work / later / 1e9
assert(rate > 0.5)

-- 3. Batches. One row at a time pays for the call each time; rows together share it.

local row = x[{ { 1, 1 } }]
local by_row = seconds(function () for _ = 1, 32 do model:predict_on_batch(row) end end)
local part = x[{ { 1, 32 } }]
local together = seconds(function () model:predict_on_batch(part) end)
assert(together < by_row)

-- 4. A host step (Lambda with trace = false, x:item() in a step) costs a call of Lua for each
-- batch, and what stands around it cannot be fused. Say it with ops.

local function gate(trace)
  return k.Sequential { k.Input { shape = { 8 } }, k.layers.Lambda { function (h)
    return h * ops.sigmoid(h) + 1
  end, trace = trace } }
end
local traced, host = gate(), gate(false)
local small = k.random.normal { 512, 8 }
local in_plan = seconds(function () traced:predict(small, { batch_size = 4, verbose = 0 }) end)
local by_lua = seconds(function () host:predict(small, { batch_size = 4, verbose = 0 }) end)
assert(in_plan < by_lua)

-- 5. Eager code runs op by op. Whatever is called often belongs into a layer, a Lambda or a model.
--
-- 6. Where does the time go? From outside, without a change to the script:
--
--   LUNULA_DEBUG=plan     prints the steps of each plan, what was fused, and the memory
--   LUNULA_DEBUG=profile  prints at the end what each step took
--   LUNULA_PASSES=naive   compiles step by step as it was written; -fuse leaves one pass out,
--                         -winograd the one that rounds 3 x 3 convolutions otherwise
--   LUNULA_ISA=avx2       holds it to an instruction set; k.build_info().isa is the one in use
--   LUNULA_GEMM=blas      has OpenBLAS make the products, native never, auto where our kernels
--                         have no form for the processor; k.build_info() tells who, and why
--
-- `make bench` times layers, steps and the start; `make bench-peers` puts other runtimes beside it
-- on the same machine, as README.md does for some networks. Figures of two machines cannot be
-- compared, ratios of one machine can: alternate the two things that are compared, take the median
-- of some runs, and say how many threads there were.

local info = k.build_info()
assert(type(info.isa) == "string" and k.threads() == 1)
k.threads(threads)
print(("%s, one thread: %.1f billion operations a second; %.1f times as fast without Lua in it")
  :format(info.isa, rate, by_lua / in_plan))
return rate
