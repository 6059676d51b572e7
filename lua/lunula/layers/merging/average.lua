-- Average: the mean of its inputs.

local layer = require "lunula.layers.base"
local Merge = require "lunula.layers.merging.base_merge".Merge

return layer "Average" {
  parent = Merge,
  doc = "the mean of a list of tensors",
  merge = function (_, xs)
    local y = xs[1]
    for i = 2, #xs do y = y + xs[i] end
    return y / #xs
  end,
}
