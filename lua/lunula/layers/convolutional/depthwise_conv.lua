-- DepthwiseConv1D, DepthwiseConv2D, DepthwiseConv3D: each channel with its own kernels. Keras has
-- no third one; ours follows the rule of the others.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local spatial = require "lunula.layers.base.spatial"

return spatial.family("DepthwiseConv%dD", { 1, 2, 3 }, function (rank)
  local numbers = kinds.tuple_of(rank)
  return {
    doc = "activation(windows of each channel . its kernels + bias); kernel is (sizes…, channels, "
      .. "depth_multiplier)",
    args = {
      { "kernel_size", numbers, required = true },
      { "strides", numbers, default = spatial.each(rank, 1) },
      { "padding", kinds.one_of { "valid", "same" }, default = "valid" },
      { "depth_multiplier", kinds.positive, default = 1 },
      { "data_format", kinds.data_format },
      { "dilation_rate", numbers, default = spatial.each(rank, 1) },
      { "activation", kinds.activation },
      { "use_bias", kinds.boolean, default = true },
      { "depthwise_initializer", kinds.initializer, default = "glorot_uniform" },
      { "bias_initializer", kinds.initializer, default = "zeros" },
      { "depthwise_regularizer", kinds.regularizer },
      { "bias_regularizer", kinds.regularizer },
      { "activity_regularizer", kinds.regularizer },
      { "depthwise_constraint", kinds.constraint },
      { "bias_constraint", kinds.constraint },
    },
    casts = "all",
    from_config = spatial.from_config,
    build = function (self, shape)
      local channels = spatial.channels(self, shape)
      local sizes = table.move(self.kernel_size, 1, rank, 1, {})
      sizes[rank + 1], sizes[rank + 2] = channels, self.depth_multiplier
      self:add_weight {
        name = "kernel", shape = sizes, initializer = self.depthwise_initializer,
        regularizer = self.depthwise_regularizer, constraint = self.depthwise_constraint,
      }
      if self.use_bias then
        self:add_weight { name = "bias", shape = { channels * self.depth_multiplier } }
      end
    end,
    call = function (self, x)
      spatial.check_room(self, x.shape, "kernel_size")
      local y = ops.depthwise_conv(spatial.enter(self, x), self.kernel, self.strides, self.padding,
        "channels_last", self.dilation_rate)
      if self.use_bias then y = y + self.bias end
      return self:_activated(spatial.leave(self, y))
    end,
  }
end)
