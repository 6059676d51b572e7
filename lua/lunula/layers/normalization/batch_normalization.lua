-- BatchNormalization: mean 0 and variance 1 over the batch, per channel; a running mean of both is
-- kept for inference. A frozen layer (trainable = false) works as in inference.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"
local ranks = require "lunula.distribution.ranks"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local function other_axes(axis, rank)
  local list = {}
  for i = 0, rank - 1 do
    if i ~= axis then list[#list + 1] = i end
  end
  return list
end

-- The mean of a batch of which ranks have parts, by that of this part; a sum by that of this part.
local function whole_mean(self, value)
  local step = self.synchronized and ranks.step
  return step and step.mean(value) or value
end

local function whole_sum(self, value)
  local step = self.synchronized and ranks.step
  return step and step.mean(step.of_sum(value)) or value
end

-- Mean and variance of what the mask keeps.
local function masked_moments(self, x, mask, axes)
  local kept = ops.cast(ops.expand_dims(mask, -1), "float32") * ops.ones_like(x)
  local number = whole_sum(self, ops.sum(kept, axes, true)) + config.epsilon()
  local mean = whole_sum(self, ops.sum(kept * x, axes, true)) / number
  local variance = whole_sum(self, ops.sum(kept * ops.square(x - mean), axes, true)) / number
  return ops.squeeze(mean, axes), ops.squeeze(variance, axes)
end

local function moments(self, x, mask)
  local axes = other_axes(self.from_start, x.rank)
  if mask == nil and self.synchronized and ranks.step then
    local mean = whole_mean(self, ops.mean(x, axes, true))
    local variance = whole_mean(self, ops.mean(ops.square(x - mean), axes, true))
    return ops.squeeze(mean, axes), ops.squeeze(variance, axes)
  elseif mask == nil then
    return ops.moments(x, axes)
  end
  if mask.rank ~= x.rank - 1 then
    core.raise("the mask must have one axis less than the input, got %s for %s",
      tools.shape_text(mask.shape), tools.shape_text(x.shape))
  end
  return masked_moments(self, x, mask, axes)
end

local function follow(variable, value, momentum)
  variable:assign(variable * momentum + value * (1 - momentum))
end

-- Batch renormalisation: scale and shift as if the running moments had been used, but the gradient
-- goes through the batch's. Returns what to multiply the normalised input with, and what to add.
local function renormalise(self, mean, variance)
  local clipping, momentum = self.renorm_clipping or {}, self.renorm_momentum
  local deviation = ops.sqrt(variance + self.epsilon)
  local running = ops.maximum(self.renorm_stddev, math.sqrt(self.epsilon))
  local r = deviation / running
  local d = (mean - self.renorm_mean) / running
  if clipping.rmax or clipping.rmin then
    r = ops.clip(r, clipping.rmin or 0, clipping.rmax or math.huge)
  end
  if clipping.dmax then d = ops.clip(d, -clipping.dmax, clipping.dmax) end
  follow(self.renorm_mean, mean, momentum)
  follow(self.renorm_stddev, deviation, momentum)
  follow(self.moving_mean, mean, self.momentum)
  follow(self.moving_stddev, deviation, self.momentum)
  self.moving_variance:assign(ops.relu(ops.square(self.moving_stddev) - self.epsilon))
  return ops.stop_gradient(r), ops.stop_gradient(d)
end

-- gamma (r z + d) + beta, as one scale and one shift of z.
local function with_renorm(self, r, d)
  local gamma, beta = self.gamma, self.beta
  local scale = gamma and r * gamma or r
  local shift = gamma and d * gamma or d
  return scale, beta and shift + beta or shift
end

local clipping_names = { rmax = true, rmin = true, dmax = true }

local clipping = {
  name = "a table with rmax, rmin, dmax",
  check = function (value)
    if type(value) ~= "table" then return nil end
    for name, bound in pairs(value) do
      if not clipping_names[name] or type(bound) ~= "number" then return nil end
    end
    if value.rmax and value.rmin and value.rmax < value.rmin then
      return nil, nil, ("rmax %g is less than rmin %g"):format(value.rmax, value.rmin)
    elseif value.dmax and value.dmax < 0 then
      return nil, nil, ("dmax must be 0 or more, got %g"):format(value.dmax)
    end
    return value
  end,
}

return layer "BatchNormalization" {
  doc = "(x - mean) / sqrt(variance + epsilon) * gamma + beta, moments over all axes but one",
  args = {
    { "axis", kinds.axis, default = -1 },
    { "momentum", kinds.number, default = 0.99 },
    { "epsilon", kinds.non_negative, default = 1e-3 },
    { "center", kinds.boolean, default = true },
    { "scale", kinds.boolean, default = true },
    { "beta_initializer", kinds.initializer, default = "zeros" },
    { "gamma_initializer", kinds.initializer, default = "ones" },
    { "moving_mean_initializer", kinds.initializer, default = "zeros" },
    { "moving_variance_initializer", kinds.initializer, default = "ones" },
    { "beta_regularizer", kinds.regularizer },
    { "gamma_regularizer", kinds.regularizer },
    { "beta_constraint", kinds.constraint },
    { "gamma_constraint", kinds.constraint },
    { "renorm", kinds.boolean, default = false },
    { "renorm_clipping", clipping, doc = "as in Keras" },
    { "renorm_momentum", kinds.number, default = 0.99, doc = "as in Keras" },
    { "synchronized", kinds.boolean, default = false },
  },
  casts = "all",
  supports_masking = true,
  build = function (self, shape)
    self.from_start = tools.axis("BatchNormalization", self.axis, #shape)
    local size = { shape[self.from_start + 1] }
    if self.scale then self:add_weight { name = "gamma", shape = size } end
    if self.center then self:add_weight { name = "beta", shape = size } end
    local function moving(name, initializer)
      self:add_weight { name = name, shape = size, initializer = initializer, trainable = false }
    end
    moving("moving_mean", self.moving_mean_initializer)
    moving("moving_variance", self.moving_variance_initializer)
    if self.renorm then
      moving("moving_stddev", "ones")
      moving("renorm_mean", "zeros")
      moving("renorm_stddev", "ones")
    end
    self.input_spec = { ndim = #shape, axes = { [self.axis] = size[1] } }
  end,
  call = function (self, x, options)
    local mean, variance = self.moving_mean, self.moving_variance
    local scale, shift = self.gamma, self.beta
    if options.training and self.trainable then
      mean, variance = moments(self, x, options.mask)
      if self.renorm then
        scale, shift = with_renorm(self, renormalise(self, mean, variance))
      else
        follow(self.moving_mean, mean, self.momentum)
        follow(self.moving_variance, variance, self.momentum)
      end
    end
    return ops.batch_normalization(x, mean, variance, self.from_start, shift, scale, self.epsilon)
  end,
}
