-- Concatenate: its inputs one behind the other along an axis.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local merge = require "lunula.layers.merging.base_merge"
local ops = require "lunula.ops"

-- A mask with the rank of its input: of lower rank it counts for all that lies below; one that is
-- missing is true everywhere.
local function full_mask(x, mask)
  if not mask then return ops.ones_like(x, "bool") end
  if mask.rank == x.rank then return mask end
  while mask.rank < x.rank do mask = ops.expand_dims(mask, -1) end
  return mask | ops.zeros_like(x, "bool")
end

return layer "Concatenate" {
  several = true,
  doc = "a list of tensors joined along an axis",
  args = { { "axis", kinds.axis, default = -1 }, merge.join_masks },
  get_config = merge.get_config,
  supports_masking = true,
  compute_mask = function (self, inputs, mask)
    if not mask then return nil end
    local masks = {}
    for i, x in ipairs(inputs) do masks[i] = full_mask(x, mask[i]) end
    local joined = ops.concatenate(masks, self.axis)
    return merge.joins_all(self) and ops.all(joined, -1) or ops.any(joined, -1)
  end,
  call = function (self, inputs)
    return ops.concatenate(merge.list(inputs, 1), self.axis)
  end,
}
