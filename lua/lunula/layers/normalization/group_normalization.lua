-- GroupNormalization: mean 0 and variance 1 over all positions of a group of channels, sample by
-- sample.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

-- x with the channel axis as (groups, channels of a group).
local function in_groups(self, x)
  local sizes = tools.sizes(x)
  local axis = self.from_start + 1
  sizes[axis] = x.shape[axis] // self.group_count
  table.insert(sizes, axis, self.group_count)
  return ops.reshape(x, sizes)
end

-- Whether the moments of single channels can be had in one pass over x.
local function by_channels(self, x)
  return x.rank >= 3 and self.from_start == x.rank - 1 and x.shape[x.rank] >= 16
end

-- Moments of equally many numbers each become those of their group; each channel gets its own.
local function of_groups(self, mean, variance)
  local shape, rank = mean.shape, mean.rank
  local channels = shape[rank] // self.group_count
  local sizes = { -1, self.group_count, channels }
  local m, v = ops.reshape(mean, sizes), ops.reshape(variance, sizes)
  local all = ops.mean(m, -1, true)
  local spread = ops.mean(v + ops.square(m - all), -1, true)
  local function for_each(t) return ops.reshape_like(ops.broadcast_like(t, m), mean) end
  return for_each(all), for_each(spread)
end

local function normalised_by_channels(self, x)
  local mean, variance = of_groups(self, ops.column_moments(x))
  local factor = ops.rsqrt(variance + self.epsilon)
  if self.scale then factor = factor * self.gamma end
  local y = (x - mean) * factor
  return self.center and y + self.beta or y
end

-- A vector of the channels, laid along their axis.
local function along(self, v, rank)
  local shape = tools.fill(rank, 1)
  shape[self.from_start + 1] = -1
  return ops.reshape(v, shape)
end

local function check_groups(self, channels)
  local groups = self.group_count
  if channels < groups or channels % groups ~= 0 then
    core.raise("%d channels cannot be split into %d groups", channels, groups)
  end
end

local groups = {
  name = "a positive integer, or -1 for a group per channel",
  check = function (value)
    return value == -1 and -1 or kinds.positive.check(value)
  end,
}

return layer "GroupNormalization" {
  doc = "(x - mean) / sqrt(variance + epsilon) * gamma + beta, moments of each group of channels",
  args = {
    { "groups", groups, default = 32,
      doc = "into how many groups the channels are divided; -1: one for each" },
    { "axis", kinds.axis, default = -1 },
    { "epsilon", kinds.non_negative, default = 1e-3 },
    { "center", kinds.boolean, default = true },
    { "scale", kinds.boolean, default = true },
    { "beta_initializer", kinds.initializer, default = "zeros" },
    { "gamma_initializer", kinds.initializer, default = "ones" },
    { "beta_regularizer", kinds.regularizer },
    { "gamma_regularizer", kinds.regularizer },
    { "beta_constraint", kinds.constraint },
    { "gamma_constraint", kinds.constraint },
  },
  casts = "all",
  supports_masking = true,
  build = function (self, shape)
    self.from_start = tools.axis("GroupNormalization", self.axis, #shape)
    local channels = shape[self.from_start + 1]
    if self.from_start == 0 or not channels then
      core.raise("axis %d of shape %s must be one of channels, with a known size", self.axis,
        tools.shape_text(shape))
    end
    self.group_count = self.groups == -1 and channels or self.groups
    check_groups(self, channels)
    if self.scale then self:add_weight { name = "gamma", shape = { channels } } end
    if self.center then self:add_weight { name = "beta", shape = { channels } } end
    self.input_spec = { ndim = #shape, axes = { [self.axis] = channels } }
  end,
  call = function (self, x)
    if by_channels(self, x) then return normalised_by_channels(self, x) end
    local grouped, axes = in_groups(self, x), {}
    for axis = 1, x.rank do
      if axis ~= self.from_start then axes[#axes + 1] = axis end
    end
    local centred = grouped - ops.mean(grouped, axes, true)
    local variance = ops.mean(ops.square(centred), axes, true)
    local y = ops.reshape_like(centred * ops.rsqrt(variance + self.epsilon), x)
    if self.scale then y = y * along(self, self.gamma, x.rank) end
    if self.center then y = y + along(self, self.beta, x.rank) end
    return y
  end,
}
