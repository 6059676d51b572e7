-- A script run by mpirun, as a user would: job.run(2, [[ … ]]). In the script `say(…)` writes a
-- line; what each rank said comes back by rank, behind that whether all ended well, and all that
-- was printed. With 1 rank the script runs alone, without mpirun.
--
-- The processes share the cores of this machine, and may run as root in a container.

local busted = require "busted"
local assert = require "luassert"
local core = require "lunula.core"
local scratch = require "spec.support.scratch"

local job = {}

local prelude = [[
local k = require "lunula"
k.distribution.initialize()
k.distribution.set_distribution(k.distribution.DataParallel())
local rank, size = k.distribution.rank(), k.distribution.size()
local said = assert(io.open(%q .. rank, "w"))
said:setvbuf "line"
local function say(form, ...) said:write(form:format(...), "\n") end
local function sums(model)
  local words = {}
  for i, w in ipairs(model:get_weights()) do
    words[i] = ("%%.5f %%.5f"):format(k.ops.sum(w):item(), k.ops.sum(k.ops.abs(w)):item())
  end
  return table.concat(words, " ")
end
]]

local environment = "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
  .. "OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl=self,vader,tcp "

-- Seconds: many, for a machine with other work, but fewer than the 600 that ranks wait for one that
-- never comes. A job that takes so long hangs.
local LIMIT <const> = 400

-- describe, of what mpirun starts. In some containers it starts nothing at all: what is tested here
-- cannot be told there.
function job.describe(name, f)
  if os.execute("env " .. environment .. "timeout 60 mpirun -n 2 true >/dev/null 2>&1") then
    busted.describe(name, f)
  else
    busted.pending(name .. " (mpirun -n 2 true fails here)")
  end
end

-- more: of the environment, "LUNULA_MPI_TIMEOUT=3". program: what runs the script in place of
-- Lua; starter: what runs that in place of mpirun.
function job.run(ranks, script, more, program, starter)
  local path = scratch.path "script.lua"
  scratch.write("script.lua", prelude:format(scratch.path "said."):gsub("\n", " ") .. script)
  for rank = 0, ranks - 1 do scratch.write("said." .. rank, "") end  -- of one that does not begin
  starter = ("env %s %s timeout %d %s %s"):format(environment, more or "", LIMIT,
    starter or ranks > 1 and ("mpirun -n %d"):format(ranks) or "",
    program and ("%s %s 2>&1 #"):format(program, path) or "")
  local start = core.clock()
  local well, text = scratch.run(path, starter)
  local results = {}
  for rank = 0, ranks - 1 do results[rank] = scratch.read("said." .. rank) end
  if core.clock() - start >= LIMIT then error("the job did not end:\n" .. text, 2) end
  return results, well, text
end

local function numbers(text)
  local list = {}
  for number in text:gmatch "%-?%d+%.%d+" do list[#list + 1] = tonumber(number) end
  return list
end

-- Do the two texts say the same, but for numbers that are as near as this?
function job.same(wanted, text, tolerance)
  assert.not_equal("", wanted)
  assert.equal((wanted:gsub("%-?%d+%.%d+", "#")), (text:gsub("%-?%d+%.%d+", "#")))
  local a, b = numbers(wanted), numbers(text)
  for i, number in ipairs(a) do
    if not (math.abs(number - b[i]) <= tolerance * math.max(1, math.abs(number))) then
      error(("number %d is %s, wanted %s, in\n%s\n%s"):format(i, b[i], number, text, wanted), 2)
    end
  end
end

-- What one process says, all ranks say, of 2 and of 4.
function job.as_one(script, tolerance)
  local alone, well, text = job.run(1, script)
  assert(well, text)
  for _, count in ipairs { 2, 4 } do
    local results, ended_well, printed = job.run(count, script)
    assert(ended_well, printed)
    for rank = 0, count - 1 do job.same(alone[0], results[rank], tolerance or 1e-5) end
  end
end

return job
