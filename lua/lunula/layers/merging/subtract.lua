-- Subtract: the first of two inputs less the second.

local layer = require "lunula.layers.base"
local Merge = require "lunula.layers.merging.base_merge".Merge

return layer "Subtract" {
  parent = Merge,
  doc = "x1 - x2 for a list of two tensors",
  least = 2, most = 2,
  merge = function (_, xs) return xs[1] - xs[2] end,
}
