-- Many steps as one batch: the first two axes of a sequence put together, and taken apart again.

local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local steps = {}

function steps.together(x)
  local sizes = tools.sizes(x)
  return ops.reshape(x, { tools.product { sizes[1], sizes[2] }, table.unpack(sizes, 3) })
end

-- Zeros with the first two axes of x and the further axes of y.
local function sized_as(x, y)
  local others, ones, sizes = {}, { -2, -3 }, { -2, -3 }
  for axis = 2, x.rank - 1 do others[#others + 1] = axis end
  for axis = 1, y.rank - 1 do
    ones[axis + 2], sizes[axis + 2] = 1, tools.known_size("recurrence", y, axis)
  end
  return ops.broadcast_to(ops.reshape(ops.zeros_like(ops.sum(x, others)), ones), sizes)
end

-- y with the first two axes of x in place of its own first.
function steps.apart(y, x)
  local first, second = x.shape[1], x.shape[2]
  if not first and not second then return ops.reshape_like(y, sized_as(x, y)) end
  return ops.reshape(y, { first or -1, second or -1, table.unpack(tools.sizes(y), 2) })
end

return steps
