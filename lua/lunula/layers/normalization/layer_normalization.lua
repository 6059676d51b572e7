-- LayerNormalization: mean 0 and variance 1 over the features of each sample.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

return layer "LayerNormalization" {
  doc = "(x - mean) / sqrt(variance + epsilon) * gamma + beta, moments over the given axes",
  args = {
    { "axis", kinds.axes, default = -1 },
    { "epsilon", kinds.non_negative, default = 1e-3, none = true },
    { "center", kinds.boolean, default = true },
    { "scale", kinds.boolean, default = true },
    { "beta_initializer", kinds.initializer, default = "zeros" },
    { "gamma_initializer", kinds.initializer, default = "ones" },
    { "beta_regularizer", kinds.regularizer },
    { "gamma_regularizer", kinds.regularizer },
    { "beta_constraint", kinds.constraint },
    { "gamma_constraint", kinds.constraint },
    { "rms_scaling", kinds.boolean, default = false, keyword = true, config = "set",
      doc = "whether the mean stays, and only the root mean square is divided by" },
  },
  casts = "all",
  supports_masking = true,
  build = function (self, shape)
    local axes, sizes = tools.axes("LayerNormalization", self.axis, #shape), {}
    table.sort(axes)
    for i, axis in ipairs(axes) do sizes[i] = shape[axis + 1] end
    if self.scale or self.rms_scaling then self:add_weight { name = "gamma", shape = sizes } end
    if self.center and not self.rms_scaling then
      self:add_weight { name = "beta", shape = sizes }
    end
  end,
  call = function (self, x)
    return ops.layer_normalization(x, self.gamma, self.beta, self.axis, self.epsilon,
      self.rms_scaling)
  end,
}
