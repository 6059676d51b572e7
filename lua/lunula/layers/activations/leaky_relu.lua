-- LeakyReLU: a slope below 0 instead of nothing.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"

return layer "LeakyReLU" {
  doc = "x above 0, negative_slope * x below",
  args = { { "negative_slope", kinds.non_negative, default = 0.3, alias = "alpha" } },
  casts = "all",
  supports_masking = true,
  call = function (self, x) return ops.leaky_relu(x, self.negative_slope) end,
}
