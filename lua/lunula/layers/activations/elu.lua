-- ELU: an exponential that flattens below 0.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"

return layer "ELU" {
  doc = "x above 0, alpha * (exp(x) - 1) below",
  args = { { "alpha", kinds.number, default = 1.0 } },
  casts = "all",
  supports_masking = true,
  call = function (self, x) return ops.elu(x, self.alpha) end,
}
