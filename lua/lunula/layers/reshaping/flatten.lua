-- Flatten: all axes but the batch become one.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

return layer "Flatten" {
  doc = "(b, …) to (b, product); channels first are moved last before",
  args = { { "data_format", kinds.data_format } },
  input_spec = { min_ndim = 1 },
  call = function (self, x)
    local rank = x.rank
    if self.data_format == "channels_first" and rank > 2 then
      local order = { 0 }
      for axis = 2, rank - 1 do order[#order + 1] = axis end
      order[#order + 1] = 1
      x = ops.transpose(x, order)
    end
    local sizes = tools.sizes(x)
    local batch = table.remove(sizes, 1)
    return ops.reshape(x, { batch, tools.product(sizes) })
  end,
}
