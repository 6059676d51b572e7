-- Threads, memory and limits.
--
--   lua5.4 examples/guides/threads_and_memory.lua

local k = require "lunula"
local ops = k.ops
k.set_random_seed(8)

-- 1. Threads. There is one team for the process; k.threads() tells how many, k.threads(n) sets it.
-- Big products, convolutions and elementwise work are shared out. Lua code runs on one thread.

local before = k.threads()
assert(before >= 1)

local model = k.Sequential {
  k.Input { shape = { 64 } }, k.layers.Dense { 128, activation = "relu" }, k.layers.Dense(10),
}
local x = k.random.normal { 300, 64 }

k.threads(1)
local alone = model:predict(x, { verbose = 0 })
k.threads(2)
local shared = model:predict(x, { verbose = 0 })
k.threads(before)

-- Numbers do not depend on the number of threads, to the last bit; nor on how rows are put into
-- batches, as long as our own kernels make the products (k.build_info().gemm is "native").

assert(alone:tobytes() == shared:tobytes())
if k.build_info().gemm == "native" then
  assert(model:predict(x, { batch_size = 7, verbose = 0 }):tobytes() == alone:tobytes())
end

-- 2. Memory. Tensors lie outside of Lua's heap, but Lua's collector frees them; lunula calls it
-- when tensors have doubled. k.memory() tells bytes: live now, at most (peak), and the limit, 0
-- for none. A C host sets the limit (memory_limit of lunula_config); a script cannot.

collectgarbage()
local live = k.memory().live
local weights = k.zeros { 100, 100 }
assert(k.memory().live - live >= 4 * 100 * 100 and weights:get(1, 1) == 0)
assert(k.memory().peak >= k.memory().live and k.memory().limit == 0)

-- A tensor is freed by the collector when nothing refers to it; at once by release(), and at the
-- end of a block in which it is declared <close>.

do
  local big <close> = k.zeros { 1000, 1000 }
  assert(k.memory().live - live >= 4 * 1000 * 1000 and big:get(1, 1) == 0)
end
assert(k.memory().live - live < 1000 * 1000)

-- A view costs nothing: runs of rows and reshape share the memory. Other parts are copies.

local matrix = k.ones { 1000, 100 }
local at = k.memory().live
local rows, flat = matrix[{ { 1, 500 } }], matrix:reshape { -1 }
assert(rows.shape[1] == 500 and flat.shape[1] == 100000)
assert(k.memory().live - at < 1000)

-- 3. Plans. predict and the step of fit are compiled for their sizes, and their memory is laid out
-- once: batches come and go without an allocation.

model:predict(x, { verbose = 0 })
collectgarbage()
local start = k.memory().peak
for _ = 1, 20 do
  model:predict(x, { verbose = 0 })
  collectgarbage()
end
assert(k.memory().peak - start < 100 * 1000)                   -- the outputs, no more

-- What needs less memory: a smaller batch; k.remat(f), which computes f's inner values once more
-- for the gradient instead of keeping them.

local w = k.random.normal { 8, 8 }
local function deep(a) return ops.tanh(ops.matmul(ops.tanh(ops.matmul(a, w)), w)) end
local input = k.random.normal { 4, 8 }
local _, kept = k.value_and_grad(function (a) return ops.sum(deep(a)) end)(input)
local _, again = k.value_and_grad(function (a) return ops.sum(k.remat(deep)(a)) end)(input)
assert(ops.max(ops.abs(kept[1] - again[1])):item() < 1e-6)

-- 4. Limits are the host's business: lunula_config has a limit of bytes, of instructions of Lua,
-- an allocator; lunula_cancel ends a call from another thread. A limit that is reached is an
-- error, which names what was asked for, and never the end of the process.
-- examples/embed/README.md has more.

local ok, message = pcall(k.zeros, { 1 << 30, 1 << 30 })
assert(not ok and type(message) == "string")

print(("%d threads, %.1f MB of tensors at most"):format(before, k.memory().peak / 2 ^ 20))
return k.memory().live
