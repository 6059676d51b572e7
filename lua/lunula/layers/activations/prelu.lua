-- PReLU: the slope below 0 is learned, one for each feature unless axes share it.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local shared_axes = {
  name = "an axis number or a list of them, counted from 1",
  check = function (value)
    if type(value) == "number" then value = { value } end
    return kinds.axes.check(value)
  end,
}

-- The axes along which there is one slope, as a set. The batch is axis 0.
local function set_of(self, shape)
  local set = {}
  for _, axis in ipairs(self.shared_axes or {}) do
    if axis < 1 or axis >= #shape then
      core.raise("shared_axes %s: an input of shape %s has the axes 1 to %d",
        declare.show(self.shared_axes), tools.shape_text(shape), #shape - 1)
    end
    set[axis] = true
  end
  return set
end

return layer "PReLU" {
  doc = "x above 0, alpha * x below, where alpha is learned",
  args = {
    { "alpha_initializer", kinds.initializer, default = "Zeros" },
    { "alpha_regularizer", kinds.regularizer },
    { "alpha_constraint", kinds.constraint },
    { "shared_axes", shared_axes, doc = "the axes along which slopes are shared" },
  },
  casts = "all",
  supports_masking = true,
  build = function (self, shape)
    local shared, sizes, fixed = set_of(self, shape), {}, {}
    for axis = 1, #shape - 1 do
      local size = shape[axis + 1]
      sizes[axis] = shared[axis] and 1 or size
      if not shared[axis] then fixed[axis] = size end
    end
    self:add_weight { name = "alpha", shape = sizes }
    self.input_spec = { ndim = #shape, axes = fixed }
  end,
  call = function (self, x) return ops.relu(x) - self.alpha * ops.relu(-x) end,
}
