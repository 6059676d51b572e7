-- Dense: one matrix product over the last axis, whatever the rank.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"

return layer "Dense" {
  doc = "activation(x . kernel + bias), over the last axis of x",
  args = {
    { "units", kinds.positive, required = true },
    { "activation", kinds.activation },
    { "use_bias", kinds.boolean, default = true },
    { "kernel_initializer", kinds.initializer, default = "glorot_uniform" },
    { "bias_initializer", kinds.initializer, default = "zeros" },
    { "kernel_regularizer", kinds.regularizer },
    { "bias_regularizer", kinds.regularizer },
    { "activity_regularizer", kinds.regularizer, config = "set" },
    { "kernel_constraint", kinds.constraint },
    { "bias_constraint", kinds.constraint },
    { "lora_rank", kinds.unsupported "low-rank adaptation", config = "set" },
    { "lora_alpha", kinds.unsupported "low-rank adaptation", config = "set" },
    { "quantization_config", kinds.unsupported "quantization", config = "set" },
  },
  casts = "all",
  supports_masking = true,
  input_spec = { min_ndim = 2 },
  build = function (self, shape)
    local features = shape[#shape]
    self:add_weight { name = "kernel", shape = { features, self.units } }
    if self.use_bias then self:add_weight { name = "bias", shape = { self.units } } end
    self.input_spec = { min_ndim = 2, axes = { [-1] = features } }
  end,
  call = function (self, x)
    local y = ops.matmul(x, self.kernel)
    if self.use_bias then y = y + self.bias end
    return self:_activated(y)
  end,
}
