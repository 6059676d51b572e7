-- Softmax: shares that add up to 1 along an axis, or along several together.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local activations = require "lunula.activations"
local ops = require "lunula.ops"

local far_below = -1e9   -- exp of it is 0, and it is finite

-- A mask that came with x is one of steps: it counts for all that a step holds. One that was given
-- broadcasts as any tensor does.
local function of_steps(mask, rank)
  while mask.rank < rank do mask = ops.expand_dims(mask, -1) end
  return mask
end

return layer "Softmax" {
  doc = "exp(x) / sum(exp(x)) over the axis; where the mask is false the result is 0",
  args = { { "axis", kinds.axes, default = -1 } },
  casts = "all",
  supports_masking = true,
  init = function (self) self.share = activations.softmax { axis = self.axis } end,
  call = function (self, x, options)
    local mask = options.mask
    if mask == nil then return self.share(x) end
    if rawequal(mask, x.mask) then mask = of_steps(mask, x.rank) end
    if mask.dtype ~= "bool" then mask = ops.less(0.5, mask) end
    return ops.where(mask, self.share(ops.where(mask, x, far_below)), 0)
  end,
}
