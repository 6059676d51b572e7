-- What a step of a plan costs beside its work: nanoseconds a layer of a hundred tiny ones, the best
-- of some runs.

local core = require "lunula.core"
local k = require "lunula"

local layers <const>, calls <const> = 100, 1000

local stack = { k.Input { shape = { 8 } } }
for _ = 1, layers do stack[#stack + 1] = k.layers.Dense { 8, activation = "relu" } end
local model, x = k.Sequential(stack), k.random.normal { 1, 8 }
model:predict_on_batch(x)

local best = math.huge
for _ = 1, 20 do
  local start = core.clock()
  for _ = 1, calls do model:predict_on_batch(x):release() end
  best = math.min(best, (core.clock() - start) / calls / layers)
end
print(("%.1f"):format(best * 1e9))
