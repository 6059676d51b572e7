-- Permute: the axes after the batch in a new order, counted from 1.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"

return layer "Permute" {
  doc = "axes in the order dims, which counts from 1 and leaves the batch out",
  args = { { "dims", kinds.list_of(kinds.positive), required = true, spread = true,
    doc = "the axes in their new order, counted from 1 without the batch" } },
  init = function (self)
    local seen = {}
    for _, axis in ipairs(self.dims) do
      if axis > #self.dims or seen[axis] then
        core.raise("Permute: dims must hold each of 1 to %d once, got %s", #self.dims,
          declare.show(self.dims))
      end
      seen[axis] = true
    end
    self.input_spec = { ndim = #self.dims + 1 }
  end,
  call = function (self, x)
    return ops.transpose(x, { 0, table.unpack(self.dims) })
  end,
}
