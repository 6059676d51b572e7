-- Building a Sequential layer by layer: twice the layers, twice the time.

local bench = require "bench"
local core = require "lunula.core"
local k = require "lunula"

local function build(count)
  collectgarbage()
  local start = core.clock()
  local model = k.Sequential { k.Input { shape = { 8 } } }
  for _ = 1, count do model:add(k.layers.Dense(8)) end
  return core.clock() - start
end

build(100)
for _, count in ipairs { 100, 200, 400, 800, 1600 } do
  local best = math.huge
  for _ = 1, 3 do best = math.min(best, build(count)) end
  bench.report(("%d layers of Dense, one by one"):format(count), best * 1e3, "ms")
end
