-- Add: the sum of its inputs.

local layer = require "lunula.layers.base"
local Merge = require "lunula.layers.merging.base_merge".Merge

return layer "Add" {
  parent = Merge,
  doc = "the sum of a list of tensors",
  merge = function (_, xs)
    local y = xs[1]
    for i = 2, #xs do y = y + xs[i] end
    return y
  end,
}
