-- CustomScaleLayer: a sum of which the second part is scaled. InceptionResNetV2 of
-- keras.applications is made of it, and its files name it; Keras has it nowhere else.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local merge = require "lunula.layers.merging.base_merge"

local CustomScaleLayer = layer "CustomScaleLayer" {
  several = true,
  doc = "x1 + scale * x2 for a list of two tensors",
  args = { { "scale", kinds.number, required = true, doc = "what is multiplied by" } },
  call = function (self, inputs)
    local xs = merge.list(inputs, 2, 2)
    return xs[1] + xs[2] * self.scale
  end,
}

CustomScaleLayer.module = "keras.src.applications.inception_resnet_v2"
CustomScaleLayer.internal = true

return CustomScaleLayer
