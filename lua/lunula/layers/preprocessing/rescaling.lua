-- Rescaling: another scale and another zero.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"

local function value(x)
  return type(x) == "table" and core.tensor(x) or x
end

return layer "Rescaling" {
  doc = "x * scale + offset",
  args = {
    { "scale", kinds.values, required = true, doc = "what is multiplied by" },
    { "offset", kinds.values, default = 0.0, doc = "what is added after that" },
  },
  casts = "all",
  supports_masking = true,
  call = function (self, x) return x * value(self.scale) + value(self.offset) end,
}
