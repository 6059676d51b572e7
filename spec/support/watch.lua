-- Runs specs with `require` watched: lua5.4 spec/support/watch.lua RECORD CPATH SPEC..
-- loads every module of lua/lunula, then the specs, and writes a line to RECORD
-- for each require of theirs, "lua/lunula/x.lua:12 lunula.y". A require that is
-- late or computed is seen like any other. One in a tail call has left no caller
-- to be seen; floors_requires.lua misses it then, and says so.

local record, cpath = assert(io.open(arg[1], "w")), arg[2]
record:setvbuf "line"

-- The file and line of ours that called the watched require; pcall may stand between.
local function caller()
  if debug.getinfo(2, "t").istailcall then return nil end
  local level = 3
  local info = debug.getinfo(level, "Sl")
  while info and info.what == "C" do
    level = level + 1
    info = debug.getinfo(level, "Sl")
  end
  local path = info and info.source:match "^@%.?/?(lua/lunula/.*%.lua)$"
  return path and ("%s:%d"):format(path, info.currentline)
end

local seen, plain = {}, require
function _G.require(name)
  local from = caller()
  local line = from and ("%s %s\n"):format(from, name)
  if line and not seen[line] then
    seen[line] = true
    record:write(line)
  end
  return plain(name)
end

package.path = "./lua/?.lua;./lua/?/init.lua;" .. package.path
package.cpath = cpath .. ";" .. package.cpath
require "lunula.ops"   -- the facade loads them first, too
for path in io.popen "find lua/lunula -name '*.lua' | LC_ALL=C sort":lines() do
  require((path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")))
end

_G.arg = table.move(arg, 3, #arg, 3, { [0] = arg[0], "--ignore-lua", "--cpath=" .. cpath })
require "busted.runner" { standalone = false }
