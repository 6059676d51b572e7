-- Rows of a tensor: a run of them, or those with these numbers, counted from 0. The ops that cut
-- and gather know numbers; rows of strings go by way of a table, which is made once.

local core = require "lunula.core"
local ops = require "lunula.ops"

local pick = {}

-- Functions that make one tensor of rows of strings.
local function of_strings(tensor)
  local list
  local function made(rows)
    local shape = table.move(tensor.shape, 1, tensor.rank, 1, {})
    shape[1] = #rows
    if #rows == 0 then return core.tensor({}, { shape = shape, dtype = "string" }) end
    return core.tensor(rows, { shape = shape, dtype = "string" })
  end
  local function all()
    list = list or tensor:totable()
    return list
  end
  return function(first, count)
    return made(table.move(all(), first + 1, first + count, 1, {}))
  end, function(numbers)
    local rows = {}
    for i, number in ipairs(numbers) do rows[i] = all()[number + 1] end
    return made(rows)
  end
end

-- Two functions: run(first, count), and rows(numbers, picked), where `picked` is the tensor of the
-- numbers if there is one.
function pick.of(tensor)
  if tensor.dtype == "string" then return of_strings(tensor) end
  local starts, counts = {}, {}
  for i = 1, tensor.rank do starts[i], counts[i] = 0, -1 end
  return function(first, count)
    starts[1], counts[1] = first, count
    return ops.slice(tensor, starts, counts)
  end, function(numbers, picked)
    return ops.gather(tensor, picked or core.tensor(numbers, "int32"))
  end
end

return pick
