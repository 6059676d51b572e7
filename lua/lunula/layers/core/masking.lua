-- Masking: steps whose values are all mask_value are skipped by the layers that come after.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"

local function kept(self, x, keepdims)
  return ops.any(ops.not_equal(x, self.mask_value), -1, keepdims)
end

return layer "Masking" {
  doc = "masks the steps (along the last axis) that hold mask_value only, and makes them 0",
  args = { { "mask_value", kinds.number, default = 0.0 } },
  compute_mask = function (self, x) return kept(self, x, false) end,
  call = function (self, x) return ops.where(kept(self, x, true), x, 0) end,
}
