-- RepeatVector: every sample n times, as steps.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"

return layer "RepeatVector" {
  doc = "(b, features) to (b, n, features)",
  args = { { "n", kinds.positive, required = true, doc = "how often it is repeated" } },
  input_spec = { ndim = 2 },
  call = function (self, x)
    return ops["repeat"](ops.expand_dims(x, 1), self.n, 1)
  end,
}
