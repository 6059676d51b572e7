-- Maximum and Minimum: the largest and the smallest of the inputs, element by element. An element
-- that a mask hides gives way to the other one.

local layer = require "lunula.layers.base"
local merge = require "lunula.layers.merging.base_merge"
local ops = require "lunula.ops"

local function declare_extremum(name, op, word)
  return layer(name) {
    parent = merge.Merge,
    doc = ("the %s of a list of tensors; a masked element gives way"):format(word),
    merge = function (_, xs, options)
      local y, seen = xs[1], merge.of_elements(options.mask, 1, xs[1])
      for i = 2, #xs do
        local x, mask = xs[i], merge.of_elements(options.mask, i, xs[i])
        if mask ~= nil then x = ops.where(mask, x, y) end
        if seen ~= nil then y = ops.where(seen, y, x) end
        seen = seen ~= nil and mask ~= nil and seen | mask or nil
        y = op(y, x)
      end
      return y
    end,
  }
end

return {
  Maximum = declare_extremum("Maximum", ops.maximum, "largest"),
  Minimum = declare_extremum("Minimum", ops.minimum, "smallest"),
}
