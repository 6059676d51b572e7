-- Softmax: shares that add up to 1 along an axis, or along several together.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local activations = require "lunula.activations"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local far_below = -1e9   -- exp of it is 0, and it is finite

-- A mask that came with x is one of steps: it counts for all that a step holds. One that was given
-- broadcasts as any tensor does.
local function of_steps(mask, rank)
  while mask.rank < rank do mask = ops.expand_dims(mask, -1) end
  return mask
end

-- A larger mask would make the result larger than x.
local function check_mask(mask, x)
  local given, wanted = mask.shape, x.shape
  local fits = #given <= #wanted
  for i = 1, fits and #given or 0 do
    local size, own = given[#given + 1 - i], wanted[#wanted + 1 - i]
    if size and own and size ~= 1 and size ~= own then fits = false end
  end
  if not fits then
    core.raise("a mask of shape %s does not broadcast to an input of shape %s",
      tools.shape_text(given), tools.shape_text(wanted))
  end
end

return layer "Softmax" {
  doc = "exp(x) / sum(exp(x)) over the axis; where the mask is false the result is 0",
  args = { { "axis", kinds.axes, default = -1, none = true } },
  casts = "all",
  supports_masking = true,
  init = function (self) self.share = activations.softmax { axis = self.axis or core.None } end,
  call = function (self, x, options)
    local mask = options.mask
    if mask == nil then return self.share(x) end
    if rawequal(mask, x.mask) then mask = of_steps(mask, x.rank) end
    check_mask(mask, x)
    if mask.dtype ~= "bool" then mask = ops.less(0.5, mask) end
    return ops.where(mask, self.share(ops.where(mask, x, far_below)), 0)
  end,
}
