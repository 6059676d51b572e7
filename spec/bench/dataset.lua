-- k.data feeding batches: rows of 3 KB in batches of 32, in order (views) and shuffled (one gather
-- each). GB/s of rows handed over, the median of many passes; one thread.

local bench = require "bench"
local core = require "lunula.core"
local k = require "lunula"

local threads = core.threads()
core.threads(1)

local COUNT <const>, WIDTH <const> = 16384, 768
local dataset = k.data.from(k.zeros { COUNT, WIDTH })

local function pass(batches)
  for batch in batches:as_iterator() do batch:release() end
end

local function row(name, batches)
  local times = {}
  for i = 1, 9 do times[i] = bench.time(1, function() pass(batches) end) end
  table.sort(times)
  print(("%-28s %7.1f GB/s"):format(name, COUNT * WIDTH * 4 / times[5] / 1e9))
end

print "k.data, rows of 3 KB, batches of 32"
row("in order", dataset:batch(32))
row("shuffled", dataset:shuffle(COUNT, { seed = 1 }):batch(32))
core.threads(threads)
