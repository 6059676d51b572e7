-- Activation: a function of keras.activations, a layer or any function, as a layer.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"

return layer "Activation" {
  doc = "activation(x)",
  args = { { "activation", kinds.activation, required = true } },
  supports_masking = true,
  call = function (self, x) return self.activation(x) end,
}
