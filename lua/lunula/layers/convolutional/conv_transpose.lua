-- Conv1DTranspose, Conv2DTranspose, Conv3DTranspose: every cell spreads over a window; the gradient
-- of a convolution as a layer.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local spatial = require "lunula.layers.base.spatial"

local function check_output_padding(self)
  for i, padding in ipairs(self.output_padding or {}) do
    if padding >= self.strides[i] then
      core.raise("%s: output_padding must be below strides, got output_padding=%s and strides=%s",
        self.class_name, declare.show(self.output_padding), declare.show(self.strides))
    end
  end
end

return spatial.family("Conv%dDTranspose", { 1, 2, 3 }, function (rank)
  local numbers = kinds.tuple_of(rank)
  local output_padding = { "output_padding", kinds.tuple_of(rank, kinds.count) }
  local data_format = { "data_format", kinds.data_format }
  return {
    doc = "activation(x spread by the kernel + bias); kernel is (sizes…, filters, channels)",
    args = {
      { "filters", kinds.positive, required = true },
      { "kernel_size", numbers, required = true },
      { "strides", numbers, default = spatial.each(rank, 1) },
      { "padding", kinds.one_of { "valid", "same" }, default = "valid" },
      rank < 3 and output_padding or data_format,   -- Keras's orders differ
      rank < 3 and data_format or output_padding,
      { "dilation_rate", numbers, default = spatial.each(rank, 1) },
      { "activation", kinds.activation },
      { "use_bias", kinds.boolean, default = true },
      { "kernel_initializer", kinds.initializer, default = "glorot_uniform" },
      { "bias_initializer", kinds.initializer, default = "zeros" },
      { "kernel_regularizer", kinds.regularizer },
      { "bias_regularizer", kinds.regularizer },
      { "activity_regularizer", kinds.regularizer },
      { "kernel_constraint", kinds.constraint },
      { "bias_constraint", kinds.constraint },
    },
    casts = "all",
    from_config = spatial.from_config,
    init = function (self)
      spatial.check_dilation(self)
      check_output_padding(self)
    end,
    build = function (self, shape)
      local sizes = table.move(self.kernel_size, 1, rank, 1, {})
      sizes[rank + 1], sizes[rank + 2] = self.filters, spatial.channels(self, shape)
      self:add_weight { name = "kernel", shape = sizes }
      if self.use_bias then self:add_weight { name = "bias", shape = { self.filters } } end
    end,
    call = function (self, x)
      local y = ops.conv_transpose(spatial.enter(self, x), self.kernel, self.strides, self.padding,
        self.output_padding, "channels_last", self.dilation_rate)
      if self.use_bias then y = y + self.bias end
      return self:_activated(spatial.leave(self, y))
    end,
  }
end, "Convolution%dDTranspose")
