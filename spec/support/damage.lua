-- Files with random damage, one after the other, in a process of its own under a memory limit: for
-- readers that do not trust a file. A spec calls `run` with a script, which calls `start`, and then
-- `each` with what it damages and how it reads. LUNULA_FUZZ_COUNT, LUNULA_FUZZ_SEED: how many,
-- which.

local files = require "spec.support.files"
local lua = require "spec.support.lua"
local scratch = require "spec.support.scratch"

local damage = {}

-- ---- in the spec -------------------------------------------------------------------------------

-- The share of the fuzz that falls to these files, but `least` of them. The spec clears scratch.
function damage.run(script, share, least)
  local count = math.max(tonumber(os.getenv "LUNULA_FUZZ_COUNT" or 20000) // share, least)
  local folder = scratch.path "damaged"
  os.execute("mkdir -p " .. folder)
  local limit = os.getenv "ASAN_OPTIONS" and "" or "ulimit -v 1500000; "   -- its shadow is large
  local pipe = assert(io.popen(("%s%s %s %s %s %d %s 2>&1"):format(limit,
    lua.paths("./?.lua;" .. package.path, package.cpath), lua.command, script,
    os.getenv "LUNULA_FUZZ_SEED" or "1", count, folder)))
  local said = pipe:read "a"
  assert(pipe:close(), said)
  assert(said:find "%d+ read, %d+ refused", said)
end

-- ---- in the script: lua5.4 SCRIPT SEED COUNT FOLDER --------------------------------------------

local count, folder

-- Returns the folder of the files.
function damage.start()
  math.randomseed(tonumber(arg[1]))
  count, folder = tonumber(arg[2]), arg[3]
  return folder
end

function damage.upto(n) return math.random(1, n) end

local upto = damage.upto

function damage.put(bytes, at, text)
  return bytes:sub(1, at - 1) .. text .. bytes:sub(at + #text)
end

-- One change of one place.
function damage.flip(bytes, at)
  return damage.put(bytes, at, string.char(bytes:byte(at) ~ 1 << upto(8) - 1))
end

-- Cut off, or changed by some of the functions `edits`, of (bytes, at): mostly by one, since a file
-- with much damage is refused early.
function damage.damaged(bytes, edits)
  if upto(15) == 1 then return bytes:sub(1, upto(#bytes) - 1) end
  for _ = 1, upto(4) == 1 and upto(12) or 1 do
    bytes = edits[upto(#edits)](bytes, upto(#bytes))
    if #bytes < 2 then return bytes end
  end
  return bytes
end

-- make(i) -> an ending, bytes, and what `try` is given: try(path, it) is pcall's. Each file must be
-- read, or be refused by an error that names it, within some seconds. The file that is tried stays
-- in the folder when the process dies.
function damage.each(make, try)
  local read, refused, worst = 0, 0, 0
  for i = 1, count do
    local ending, bytes, it = make(i)
    local path = folder .. "/damaged" .. ending
    files.write(path, bytes)
    local start = os.clock()
    local ok, problem = try(path, it)
    worst = math.max(worst, os.clock() - start)
    os.remove(path)
    if ok then
      read = read + 1
    else
      refused = refused + 1
      if not tostring(problem):find(path, 1, true) then
        print(("case %d: the error does not name the file: %s"):format(i, tostring(problem)))
        os.exit(1)
      end
    end
  end
  print(("%d read, %d refused, the slowest took %.1f s"):format(read, refused, worst))
  os.exit(worst < 20)
end

return damage
