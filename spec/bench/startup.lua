-- What it costs to be there: processes that only start, that require lunula, that answer once with
-- a model 4-8-1; the last also as a C host, from lunula_new on, which then goes on. Milliseconds of
-- processor time and of the clock, best and median of 21 processes, taken in turn.

local bench = require "bench"
local core = require "lunula.core"
local lua = require "spec.support.lua"

local start_lua = lua.paths("lua/?.lua;lua/?/init.lua;;", "build/?.so;;") .. " " .. lua.command
local built = [[
  local k = require 'lunula'
  local m = k.Sequential {
    k.layers.Dense{8, activation='relu', input_shape={4}}, k.layers.Dense{1} }
  m:predict_on_batch(k.ones{1, 4}) ]]

-- The command prints milliseconds of processor time first.
local function script(code)
  return ("%s -e %q"):format(start_lua, code .. " print(os.clock() * 1e3)")
end

local commands = {
  { "Lua alone", script "" },
  { "require \"lunula\"", script "require 'lunula'" },
  { "a model and its first answer", script(built) },
  { "the same from C", "build/peers/tiny" },
}

local processor, wall = {}, {}
for round = 1, 21 do
  for i, command in ipairs(commands) do
    local start = core.clock()
    local pipe = assert(io.popen(command[2]))
    local spent = pipe:read "n"
    assert(pipe:close())
    processor[i], wall[i] = processor[i] or {}, wall[i] or {}
    processor[i][round], wall[i][round] = spent, (core.clock() - start) * 1e3
  end
end

local function show(list)
  table.sort(list)
  return ("%5.2f median %5.2f ms"):format(list[1], list[(#list + 1) // 2])
end

for i, command in ipairs(commands) do
  print(("%-30s processor %s%s"):format(command[1], show(processor[i]),
    i < #commands and "   clock " .. show(wall[i]) or ""))
end

local pipe = io.popen(start_lua .. [[ -e '
  require "lunula"
  for l in io.lines("/proc/self/status") do
    local kb = l:match("^VmRSS:%s+(%d+)") if kb then print(kb / 1024) end
  end']])
bench.report("resident after require", pipe:read "n", "MB")
pipe:close()
