-- SeparableConv1D, SeparableConv2D: each channel with its own kernels, then a convolution of size 1
-- that mixes the results.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local spatial = require "lunula.layers.base.spatial"
local tools = require "lunula.ops.tools"

return spatial.family("SeparableConv%dD", { 1, 2 }, function (rank)
  local numbers = kinds.tuple_of(rank)
  local function weight(self, name, role, sizes)
    self:add_weight {
      name = name, shape = sizes, initializer = self[role .. "_initializer"],
      regularizer = self[role .. "_regularizer"], constraint = self[role .. "_constraint"],
    }
  end
  return {
    doc = "activation(depthwise convolution . pointwise kernel + bias)",
    args = {
      { "filters", kinds.positive, required = true },
      { "kernel_size", numbers, required = true },
      { "strides", numbers, default = spatial.each(rank, 1) },
      { "padding", kinds.one_of { "valid", "same" }, default = "valid" },
      { "data_format", kinds.data_format },
      { "dilation_rate", numbers, default = spatial.each(rank, 1) },
      { "depth_multiplier", kinds.positive, default = 1 },
      { "activation", kinds.activation },
      { "use_bias", kinds.boolean, default = true },
      { "depthwise_initializer", kinds.initializer, default = "glorot_uniform" },
      { "pointwise_initializer", kinds.initializer, default = "glorot_uniform" },
      { "bias_initializer", kinds.initializer, default = "zeros" },
      { "depthwise_regularizer", kinds.regularizer },
      { "pointwise_regularizer", kinds.regularizer },
      { "bias_regularizer", kinds.regularizer },
      { "activity_regularizer", kinds.regularizer },
      { "depthwise_constraint", kinds.constraint },
      { "pointwise_constraint", kinds.constraint },
      { "bias_constraint", kinds.constraint },
    },
    casts = "all",
    from_config = spatial.from_config,
    build = function (self, shape)
      local channels = spatial.channels(self, shape)
      local depthwise = table.move(self.kernel_size, 1, rank, 1, {})
      local pointwise = tools.fill(rank, 1)
      depthwise[rank + 1], depthwise[rank + 2] = channels, self.depth_multiplier
      pointwise[rank + 1], pointwise[rank + 2] = channels * self.depth_multiplier, self.filters
      weight(self, "depthwise_kernel", "depthwise", depthwise)
      weight(self, "pointwise_kernel", "pointwise", pointwise)
      if self.use_bias then self:add_weight { name = "bias", shape = { self.filters } } end
    end,
    call = function (self, x)
      spatial.check_room(self, x.shape, "kernel_size")
      local y = ops.separable_conv(spatial.enter(self, x), self.depthwise_kernel,
        self.pointwise_kernel, self.strides, self.padding, "channels_last", self.dilation_rate)
      if self.use_bias then y = y + self.bias end
      return self:_activated(spatial.leave(self, y))
    end,
  }
end, "SeparableConvolution%dD")
