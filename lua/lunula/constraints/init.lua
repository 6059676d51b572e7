-- Constraints: what a weight is pulled back to after every update.
--
-- A constraint is called with a weight and returns the tensor to put in its place. Norms are taken
-- over `axis`; of a convolution kernel one wants axis = {0, 1, 2}. Any function will do as well.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local Constraint = declare.class {
  kind = "constraint", name = "Constraint", abstract = true,
  doc = "constraint(w) is the weight that may stay",
  __call = function (self, w)
    local name = declare.class_of(self).name
    if not self.project then core.raise("%s does nothing: others are made from it", name) end
    return self:project(tools.tensor(name, w))
  end,
}

local axis = { "axis", kinds.axes, default = 0, none = true }

local function norm(self, w)
  return ops.sqrt(ops.sum(ops.square(w), self.axis, true))
end

local MaxNorm = declare.class {
  name = "MaxNorm", parent = Constraint, aliases = { "maxnorm" },
  doc = "no norm above max_value",
  args = { { "max_value", kinds.number, default = 2, alias = "m" }, axis },
  project = function (self, w)
    local n = norm(self, w)
    return w * (ops.clip(n, 0, self.max_value) / (n + config.epsilon()))
  end,
}

local NonNeg = declare.class {
  name = "NonNeg", parent = Constraint, aliases = { "nonneg" },
  doc = "nothing below 0",
  project = function (_, w) return ops.relu(w) end,
}

local UnitNorm = declare.class {
  name = "UnitNorm", parent = Constraint, aliases = { "unitnorm" },
  doc = "every norm 1",
  args = { axis },
  project = function (self, w) return w / (norm(self, w) + config.epsilon()) end,
}

local MinMaxNorm = declare.class {
  name = "MinMaxNorm", parent = Constraint, aliases = { "minmaxnorm", "min_max_norm" },
  doc = "every norm between min_value and max_value; rate says how much of the way is gone at once",
  args = {
    { "min_value", kinds.number, default = 0.0 }, { "max_value", kinds.number, default = 1.0 },
    { "rate", kinds.number, default = 1.0 }, axis,
  },
  project = function (self, w)
    local n = norm(self, w)
    local wanted = ops.clip(n, self.min_value, self.max_value) * self.rate + n * (1 - self.rate)
    return w * (wanted / (n + config.epsilon()))
  end,
}

-- The element of the diagonal that the ring r around the middle takes its value from, counted as
-- tf.keras 2 does: the middle from before it, every ring from after it.
local function source_of_ring(ring, size)
  local half = size // 2
  if ring == 0 then return math.max(half - 1, 0) end
  return half + ring - size % 2
end

local RadialConstraint = declare.class {
  name = "RadialConstraint", parent = Constraint, aliases = { "radial_constraint" },
  doc = "a square convolution kernel that has one value on each ring around its middle",
  project = function (_, w)
    local shape = w.shape
    local size = shape[1]
    if #shape ~= 4 or shape[2] ~= size then
      core.raise("RadialConstraint: the weight must be a kernel (n, n, channels, filters)")
    end
    local half, even = size // 2, 1 - size % 2
    local function from_middle(i)
      return i < half and half - even - i or i - half
    end
    local cells = {}
    for i = 0, size - 1 do
      for j = 0, size - 1 do
        local at = source_of_ring(math.max(from_middle(i), from_middle(j)), size)
        cells[#cells + 1] = at * size + at
      end
    end
    local rows = ops.reshape(w, { size * size, -1 })
    local ids = core.tensor(cells, { dtype = "int32" })
    return ops.reshape(ops.gather(rows, ids), shape)
  end,
}

local constraints = declare.catalogue("constraint",
  { MaxNorm, NonNeg, UnitNorm, MinMaxNorm, RadialConstraint },
  { maxnorm = MaxNorm, nonneg = NonNeg, unitnorm = UnitNorm })

constraints.Constraint = Constraint

return constraints
