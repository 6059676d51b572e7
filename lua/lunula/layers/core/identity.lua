-- Identity: gives back what it gets, structures of tensors too.

local layer = require "lunula.layers.base"

return layer "Identity" {
  several = true,
  doc = "x",
  args = {},
  supports_masking = true,
  call = function (_, x) return x end,
}
