-- UnitNormalization: every sample gets length 1.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"

return layer "UnitNormalization" {
  doc = "x / sqrt(sum(x^2)), over the given axes",
  args = { { "axis", kinds.axes, default = -1 } },
  casts = "all",
  supports_masking = true,
  call = function (self, x) return ops.normalize(x, self.axis, 2, 1e-12) end,
}
