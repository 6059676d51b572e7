-- The processes that share the work out, each known by its rank, from 0. `ranks.here` is nil as
-- long as this one is alone, and then nobody asks for more; else {rank=, size=, mpi = the sister
-- rock, shares_batches = do all ranks see the whole batches?}. `ranks.step` is step.lua while a
-- step is traced or run.
--
-- What is called here is called by all ranks, in the same order.

local core = require "lunula.core"

local ranks = {}

-- ---- who does what -----------------------------------------------------------------------------

-- The part of the rows first … last-1 that a rank takes, this one unless it is said: first, last.
function ranks.part(first, last, rank)
  local here = ranks.here
  rank = rank or here.rank
  local count = last - first
  return first + count * rank // here.size, first + count * (rank + 1) // here.size
end

-- Does this process write files, and on the screen? One of all does.
function ranks.writes()
  return not ranks.here or ranks.here.rank == 0
end

-- print, by one of all.
function ranks.print(...)
  if ranks.writes() then print(...) end
end

-- ---- numbers of all ----------------------------------------------------------------------------

-- The numbers of a list, each the "sum", "max" or "min" over all ranks.
function ranks.all(numbers, how)
  return ranks.here.mpi.reduce(numbers, how)
end

-- Is it so on any rank?
function ranks.any(truth)
  return ranks.all({ truth and 1 or 0 }, "max")[1] > 0
end

local function first_difference(a, b)
  local other = b:gmatch "[^\n]*"
  for line in a:gmatch "[^\n]*" do
    local against = other() or ""
    if line ~= against then return line, against end
  end
  return "", other() or ""
end

-- An error on all ranks where this text is not the same on all. what: "the data of fit".
function ranks.same(what, text)
  local here = ranks.here
  local sums = here.mpi.gather(tostring(core.checksum(text)) .. " " .. #text)
  for rank = 1, here.size - 1 do
    if sums[rank + 1] ~= sums[1] then
      local texts = here.mpi.gather(text:sub(1, 1 << 20))
      local a, b = first_difference(texts[1], texts[rank + 1])
      core.raise("%s must be the same on all ranks; rank 0 has %s, rank %d has %s", what,
        a == "" and "nothing" or a, rank, b == "" and "nothing" or b)
    end
  end
end

-- The values of rank 0, in all of these variables.
function ranks.broadcast(variables)
  local here = ranks.here
  local shapes = {}
  for i, variable in ipairs(variables) do
    shapes[i] = ("%s %s of %s"):format(variable.name:match "[^/]*$", tostring(variable.shape),
      variable.dtype)
  end
  ranks.same("the model's variables", table.concat(shapes, "\n"))
  for _, variable in ipairs(variables) do
    local value = variable.value
    local bytes = here.mpi.broadcast(here.rank == 0 and value:tobytes() or "", 0)
    if here.rank ~= 0 then
      variable:assign(core.frombytes(bytes, { shape = value.shape, dtype = value.dtype }))
    end
  end
end

-- The same random numbers from here on.
function ranks.broadcast_random()
  local here = ranks.here
  local told = here.mpi.broadcast(("%d %d %d"):format(core.random_state()), 0)
  local seed, stream, draw = told:match "^(%-?%d+) (%d+) (%d+)$"
  core.random_state(math.tointeger(seed), math.tointeger(stream), math.tointeger(draw))
end

-- Draws inside steps are other ones on each rank, for its rows are others. Returns what ends that.
function ranks.draw_apart()
  local own = ranks.here.rank * 0x9E3779B97F4A7C15
  local seed, stream, draw = core.random_state()
  core.random_state(seed ~ own, stream, draw)
  return setmetatable({}, { __close = function()
    local _, now, drawn = core.random_state()
    core.random_state(seed, now, drawn)
  end })
end

-- What an optimizer goes by, the means of all ranks' gradients (step.lua).
function ranks.gradients(...)
  return require("lunula.distribution.step").gradients(...)
end

-- How many states of the model a step shares; one that has made some is traced again.
function ranks.count_states(model)
  return ranks.here and require("lunula.distribution.step").count_states(model) or 0
end

-- ---- faults ------------------------------------------------------------------------------------

local function pass(ok, ...)
  if ok then return ... end
  ranks.here.mpi.tell(tostring((...)))
  error((...), 0)
end

-- fn, whose errors the others are told, who raise them too.
function ranks.guarded(fn)
  return function(...)
    if not ranks.here then return fn(...) end
    return pass(pcall(fn, ...))
  end
end

local writes = 0          -- files so far; all ranks count them, also across set_distribution

-- fn, which writes a file: one rank calls it. What that wrote, others may read (await_files).
function ranks.one_writes(fn)
  return function(...)
    local here = ranks.here
    if not here then return fn(...) end
    writes = writes + 1
    if here.rank > 0 then return end
    pass(pcall(fn, ...))
    here.mpi.wrote(writes)
  end
end

-- Before a file is read: what rank 0 was to write is there.
function ranks.await_files()
  local here = ranks.here
  if here and here.rank > 0 then here.mpi.await_written(writes) end
end

return ranks
