-- ReLU: a bent line, with a slope below, a bend and a top.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local activations = require "lunula.activations"

return layer "ReLU" {
  doc = "x above threshold, held to max_value; negative_slope * (x - threshold) below",
  args = {
    { "max_value", kinds.non_negative },
    { "negative_slope", kinds.non_negative, default = 0.0 },
    { "threshold", kinds.non_negative, default = 0.0 },
  },
  supports_masking = true,
  init = function (self)
    self.bend = activations.relu {
      negative_slope = self.negative_slope, max_value = self.max_value, threshold = self.threshold,
    }
  end,
  call = function (self, x) return self.bend(x) end,
}
