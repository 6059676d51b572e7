-- What it costs to be there: a process that only requires lunula, and one that predicts once,
-- against an empty lua5.4.

local bench = require "bench"
local core = require "lunula.core"

local paths = "LUA_PATH_5_4='lua/?.lua;lua/?/init.lua;;' LUA_CPATH_5_4='build/?.so;;'"

local function process(code)
  local set = ("%s lua5.4 -e %q"):format(paths, code)
  return function()
    local start = core.clock()
    assert(os.execute(set))
    return core.clock() - start
  end
end

local empty = process "local x = 1"
bench.compare("require \"lunula\" (empty process)", process "require 'lunula'", empty, 21)
bench.compare("a model and its first prediction", process [[
  local k = require 'lunula'
  local m = k.Sequential {
    k.layers.Dense{8, activation='relu', input_shape={4}}, k.layers.Dense{1} }
  m:predict_on_batch(k.ones{1, 4})]], empty, 21)

local pipe = io.popen(paths .. [[ lua5.4 -e '
  local t = os.clock() require "lunula" t = (os.clock() - t) * 1000
  for l in io.lines("/proc/self/status") do
    local kb = l:match("^VmRSS:%s+(%d+)") if kb then print(t, kb / 1024) end
  end']])
local ms, mb = pipe:read "a":match "([%d.]+)%s+([%d.]+)"
pipe:close()
bench.report("require \"lunula\", inside the process", tonumber(ms), "ms")
bench.report("resident after it", tonumber(mb), "MB")
