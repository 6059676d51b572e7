-- Conv1D, Conv2D, Conv3D: the product of each window with the kernel.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local spatial = require "lunula.layers.base.spatial"

local function check_groups(self, channels)
  if channels % self.groups == 0 then return end
  core.raise("%d channels do not divide into groups=%d", channels, self.groups)
end

-- Padding of a causal layer: all of it before, so that no step sees a later one.
local function causal(self)
  if self.padding ~= "causal" then return nil end
  return { (self.kernel_size[1] - 1) * self.dilation_rate[1] }, { 0 }
end

return spatial.family("Conv%dD", { 1, 2, 3 }, function (rank)
  local numbers = kinds.tuple_of(rank)
  local paddings = { "valid", "same", rank == 1 and "causal" or nil }
  return {
    doc = "activation(windows of x . kernel + bias); kernel is (sizes…, channels / groups, "
      .. "filters)",
    args = {
      { "filters", kinds.positive, required = true },
      { "kernel_size", numbers, required = true },
      { "strides", numbers, default = spatial.each(rank, 1) },
      { "padding", kinds.one_of(paddings), default = "valid" },
      { "data_format", kinds.data_format },
      { "dilation_rate", numbers, default = spatial.each(rank, 1) },
      { "groups", kinds.positive, default = 1 },
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
    init = function (self)
      local name = self.class_name
      if self.filters % self.groups ~= 0 then
        core.raise("%s: filters=%d do not divide into groups=%d", name, self.filters, self.groups)
      end
      spatial.check_dilation(self)
    end,
    build = function (self, shape)
      local channels = spatial.channels(self, shape)
      check_groups(self, channels)
      local sizes = table.move(self.kernel_size, 1, rank, 1, {})
      sizes[rank + 1], sizes[rank + 2] = channels // self.groups, self.filters
      self:add_weight { name = "kernel", shape = sizes }
      if self.use_bias then self:add_weight { name = "bias", shape = { self.filters } } end
    end,
    call = function (self, x)
      spatial.check_room(self, x.shape, "kernel_size")
      local y = ops.convolution(spatial.enter(self, x), self.kernel, self.strides,
        self.dilation_rate, self.padding == "same", causal(self))
      if self.use_bias then y = y + self.bias end
      return self:_activated(spatial.leave(self, y))
    end,
  }
end, "Convolution%dD")
