-- LayerScale: a learned factor for every channel. ConvNeXt of keras.applications is made of it, and
-- its files name it; Keras has it nowhere else.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local initializers = require "lunula.initializers"

local LayerScale = layer "LayerScale" {
  doc = "gamma * x, where gamma has one number for every channel",
  args = {
    { "init_values", kinds.number, required = true, doc = "what the factors begin with" },
    { "projection_dim", kinds.positive, required = true, doc = "how many factors there are" },
  },
  build = function (self)
    -- Keras gives it no name of its own.
    self.gamma = self:add_weight { name = "variable", shape = { self.projection_dim },
      initializer = initializers.Constant { self.init_values } }
  end,
  call = function (self, x) return x * self.gamma end,
}

LayerScale.module, LayerScale.internal = "keras.src.applications.convnext", true

return LayerScale
