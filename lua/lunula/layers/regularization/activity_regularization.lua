-- ActivityRegularization: passes its input on and adds a penalty on it to the loss.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local regularizers = require "lunula.regularizers"

return layer "ActivityRegularization" {
  doc = "x; adds (l1 * sum |x| + l2 * sum x^2) / batch to the loss",
  args = {
    { "l1", kinds.non_negative, default = 0.0, none = true },
    { "l2", kinds.non_negative, default = 0.0, none = true },
    { "activity_regularizer", kinds.regularizer, keyword = true, config = false },
  },
  supports_masking = true,
  init = function (self)
    self.activity_regularizer = regularizers.L1L2 { l1 = self.l1, l2 = self.l2 }
  end,
  call = function (_, x) return x end,
}
