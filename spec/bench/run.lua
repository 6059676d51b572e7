-- Runs the benchmarks: `make bench`, or `make bench ARGS="dense startup"`. Each compares with a
-- peer in one run, the two sides taken in turn; what is printed is the median of the ratios.

local bench = {}

local core = require "lunula.core"

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- Seconds of one call, after a warm-up of one.
function bench.time(times, f)
  f()
  local start = core.clock()
  for _ = 1, times do f() end
  return (core.clock() - start) / times
end

-- Takes ours() and theirs() in turn; each returns seconds. Prints and returns the median ratio.
function bench.compare(name, ours, theirs, rounds)
  local a, b, ratios = {}, {}, {}
  for i = 1, rounds or 9 do
    b[i] = theirs()
    a[i] = ours()
    ratios[i] = a[i] / b[i]
  end
  local ratio = median(ratios)
  print(("%-44s %10.1f us  peer %10.1f us  ratio %.3f"):format(name, median(a) * 1e6,
    median(b) * 1e6, ratio))
  return ratio
end

function bench.report(name, value, unit)
  print(("%-44s %10.2f %s"):format(name, value, unit))
end

function bench.resident()
  for line in io.lines "/proc/self/status" do
    local kb = line:match "^VmRSS:%s+(%d+)"
    if kb then return tonumber(kb) / 1024 end
  end
end

-- A C peer beside this file, as a Lua module; cblas by hand is in peer.c.
function bench.peer(name)
  os.execute "mkdir -p build/bench"
  local command = ("${CC:-cc} -O3 -march=native -shared -fPIC "
    .. "$(pkg-config --cflags lua5.4 openblas) spec/bench/%s.c "
    .. "-o build/bench/%s.so $(pkg-config --libs openblas) -lm"):format(name, name)
  assert(os.execute(command), "the peer does not build")
  package.cpath = "build/bench/?.so;" .. package.cpath
  return require(name)
end

package.loaded["bench"] = bench

local names = #arg > 0 and arg or {}
if #names == 0 then
  for file in io.popen("ls spec/bench/*.lua"):lines() do
    local name = file:match "([%w_]+)%.lua$"
    if name ~= "run" then names[#names + 1] = name end
  end
end
for _, name in ipairs(names) do
  print("---- " .. name)
  dofile("spec/bench/" .. name .. ".lua")
end
