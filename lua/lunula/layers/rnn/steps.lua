-- Many steps as one batch: the first two axes of a sequence put together, and taken apart again.

local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local steps = {}

function steps.together(x)
  local sizes = tools.sizes(x)
  return ops.reshape(x, { tools.product { sizes[1], sizes[2] }, table.unpack(sizes, 3) })
end

-- y with the first two axes of x in place of its own first.
function steps.apart(y, x)
  local first, second = x.shape[1], x.shape[2]
  if not first and not second then first, second = tools.size(x, 0), tools.size(x, 1) end
  return ops.reshape(y, { first or -1, second or -1, table.unpack(tools.sizes(y), 2) })
end

return steps
