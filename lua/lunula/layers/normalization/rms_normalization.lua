-- RMSNormalization: every sample divided by its root mean square.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

return layer "RMSNormalization" {
  doc = "x / sqrt(mean(x^2) + epsilon) * scale, over the given axes",
  args = {
    { "axis", kinds.axes, default = -1 },
    { "epsilon", kinds.non_negative, default = 1e-6, none = true },
  },
  casts = "all",
  build = function (self, shape)
    local axes, sizes = tools.axes("RMSNormalization", self.axis, #shape), {}
    table.sort(axes)
    for i, axis in ipairs(axes) do sizes[i] = shape[axis + 1] end
    self:add_weight { name = "scale", shape = sizes, initializer = "ones" }
  end,
  call = function (self, x)
    return ops.rms_normalization(x, self.scale, self.axis, self.epsilon)
  end,
}
