-- ThresholdedReLU of Keras 2: what is not above theta is 0.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"

return layer "ThresholdedReLU" {
  doc = "x above theta, 0 elsewhere",
  args = { { "theta", kinds.non_negative, default = 1.0, doc = "what is not above becomes 0" } },
  casts = "all",
  supports_masking = true,
  call = function (self, x) return ops.threshold(x, self.theta, 0) end,
}
