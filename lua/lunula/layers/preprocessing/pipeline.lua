-- Pipeline: layers one after the other, as one layer. What is called on images with labels beside
-- them goes from one to the next as it is.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"

return layer "Pipeline" {
  several = true,
  doc = "layers one after the other; in training unless told otherwise",
  args = { { "layers", kinds.list_of(kinds.layer), required = true } },
  default_training = true,
  -- What stands in tables is built when it is called.
  build = function (self, shape)
    if #shape == 0 or type(shape[1]) == "table" then return end
    for _, one in ipairs(self.layers) do
      if not one.built then one:build(shape) end
      shape = one:compute_output_shape(shape)
    end
  end,
  call = function (self, x, options)
    for _, one in ipairs(self.layers) do x = one(x, { training = options.training }) end
    return x
  end,
}
