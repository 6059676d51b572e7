-- What lunula asks of MPI. Every function is called by all ranks, in the same order; one that fails
-- because of another rank raises at the user's line.

local core = require "lunula.core"
local native = require "lunula.mpi.core"

local mpi = {}

-- The value, or the fault as an error.
local function checked(value, fault)
  if value == nil then core.raise("%s", fault) end
  return value
end

-- Leaves when the Lua state is closed: after the script, or after its error.
local at_the_end = setmetatable({}, { __gc = native.leave })

-- Starts MPI, unless the host has. Returns {rank=, size=, ours = was it started here?, threads =
-- the level that MPI gives, library=, host=, timeout=}.
function mpi.open()
  mpi.at_the_end = at_the_end
  return checked(native.open())
end

for _, name in ipairs { "reduce", "broadcast", "gather", "barrier", "await_written" } do
  local call = native[name]
  mpi[name] = function(...) return checked(call(...)) end
end

local PIECE <const> = 1 << 26          -- bytes of a rank that are gathered in one go

local gather = mpi.gather

-- gather(text) -> {text of rank 0, of rank 1, …}
function mpi.gather(text)
  local most, parts = mpi.reduce({ #text }, "max")[1], {}
  for first = 1, math.max(most, 1), PIECE do
    for rank, part in ipairs(gather(text:sub(first, first + PIECE - 1))) do
      parts[rank] = parts[rank] or {}
      table.insert(parts[rank], part)
    end
  end
  for rank, list in ipairs(parts) do parts[rank] = table.concat(list) end
  return parts
end

for _, name in ipairs { "tell", "fault", "spent", "wrote" } do
  mpi[name] = native[name]
end

return mpi
