-- Multiply: the product of its inputs. What a mask hides counts as 1; where all hide, the result
-- is 0.

local layer = require "lunula.layers.base"
local merge = require "lunula.layers.merging.base_merge"
local ops = require "lunula.ops"

return layer "Multiply" {
  parent = merge.Merge,
  doc = "the product of a list of tensors; a masked element counts as 1",
  merge = function (_, xs, options)
    local y, seen, all = nil, nil, true
    for i, x in ipairs(xs) do
      local mask = merge.of_elements(options.mask, i, x)
      if mask ~= nil then
        x = ops.where(mask, x, 1)
        seen = seen and seen | mask or mask
      end
      all = all and mask ~= nil
      y = y and y * x or x
    end
    if all then y = ops.where(seen, y, 0) end
    return y
  end,
}
