-- Random initializers that scale with the sizes around a weight.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local random = require "lunula.ops.random"
local initializer = require "lunula.initializers.initializer"

local Random, seed = initializer.Random, initializer.seed

local function product(shape, axes)
  local n = 1
  for _, axis in ipairs(axes) do
    local size = shape[axis < 0 and #shape + axis + 1 or axis + 1]
    if not size then core.raise("axis %d is out of range for a weight of rank %d", axis, #shape) end
    n = n * size
  end
  return n
end

-- How many inputs reach a unit, and how many units an input reaches. The last two axes are in and
-- out, those before are a convolution's window; or the axes are named.
local function compute_fans(shape, input_axes, output_axes)
  if input_axes and output_axes then
    return product(shape, input_axes), product(shape, output_axes)
  end
  local rank = #shape
  if rank == 0 then return 1, 1 end
  if rank == 1 then return shape[1], shape[1] end
  local window = 1
  for i = 1, rank - 2 do window = window * shape[i] end
  return shape[rank - 1] * window, shape[rank] * window
end

local axes = kinds.list_of(kinds.axis)
local input_axes, output_axes = { "input_axes", axes }, { "output_axes", axes }

local shrink = 0.8796256610342398   -- the deviation that is left of 1 after cutting at 2

local distributions = kinds.one_of {
  "truncated_normal", "untruncated_normal", "uniform", "normal",
}

local VarianceScaling = declare.class {
  name = "VarianceScaling", parent = Random,
  doc = "variance scale / fan, where the fan is the number of inputs, outputs, or their mean",
  args = {
    { "scale", kinds.number, default = 1.0 },
    { "mode", kinds.one_of { "fan_in", "fan_out", "fan_avg" }, default = "fan_in" },
    { "distribution", distributions, default = "truncated_normal" },
    seed, input_axes, output_axes,
  },
  init = function (self)
    Random.init(self)
    if not (self.scale > 0) then
      core.raise("%s: scale must be above 0, got %g", declare.class_of(self).name, self.scale)
    end
  end,
  make = function (self, shape, dtype)
    local fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
    local fan = self.mode == "fan_in" and fan_in or self.mode == "fan_out" and fan_out
      or (fan_in + fan_out) / 2
    local variance = self.scale / math.max(1, fan)
    if self.distribution == "uniform" then
      local limit = math.sqrt(3 * variance)
      return random.uniform(shape, -limit, limit, dtype, self.key)
    elseif self.distribution == "untruncated_normal" then
      return random.normal(shape, 0, math.sqrt(variance), dtype, self.key)
    end
    -- "normal" is Keras 2's word for truncated
    return random.truncated_normal(shape, 0, math.sqrt(variance) / shrink, dtype, self.key)
  end,
}

-- The named ones are VarianceScaling with the first three arguments settled. Each is made when it
-- is first asked for.
local normal = "truncated_normal"
local settled = {
  GlorotUniform = { 1.0, "fan_avg", "uniform" }, GlorotNormal = { 1.0, "fan_avg", normal },
  HeUniform = { 2.0, "fan_in", "uniform" }, HeNormal = { 2.0, "fan_in", normal },
  LecunUniform = { 1.0, "fan_in", "uniform" }, LecunNormal = { 1.0, "fan_in", normal },
}

local function settle(name, scale, mode, distribution)
  return declare.class {
    name = name, parent = VarianceScaling, replace_args = true,
    doc = ("%s numbers of variance %g / %s"):format(
      distribution == "uniform" and "uniform" or "truncated normal", scale, mode),
    args = { seed, input_axes, output_axes },
    init = function (self)
      self.scale, self.mode, self.distribution = scale, mode, distribution
      VarianceScaling.init(self)
    end,
  }
end

local scaled = { VarianceScaling = VarianceScaling }

-- With checks of what a user gave.
function scaled.compute_fans(shape, from, to)
  local name = "compute_fans: the axes must be a list of whole numbers, got %s"
  for _, list in pairs { from, to } do
    if not axes.check(list) then core.raise(name, declare.show(list)) end
  end
  return compute_fans(initializer.sizes("compute_fans", shape), from, to)
end

return setmetatable(scaled, {
  __index = function (self, name)
    if settled[name] then self[name] = settle(name, table.unpack(settled[name])) end
    return rawget(self, name)
  end,
})
