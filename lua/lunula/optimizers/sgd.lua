-- Gradient descent, with momentum and Nesterov's look ahead; and Lion, which follows signs.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local optimizer = require("lunula.optimizers.optimizer").declare

optimizer "SGD" {
  doc = "v = v - learning_rate g, or with momentum m = momentum m - learning_rate g; v = v + m",
  learning_rate = 0.01,
  args = { { "momentum", kinds.fraction, default = 0.0 },
    { "nesterov", kinds.boolean, default = false } },
  init = function(self)
    self.slots = self.momentum ~= 0 and { "momentum" } or {}
  end,
  update = function(self, v, g, lr, slots)
    if self.momentum == 0 then return self:assign(v, v - lr * g) end
    local m = self.momentum * slots.momentum - lr * g
    self:assign(slots.momentum, m)
    if self.nesterov then m = self.momentum * m - lr * g end
    self:assign(v, v + m)
  end,
}

-- With beta_1 = 0 only the sign of the gradient would be left.
local weight_of_momentum = {
  name = "a number above 0 and up to 1",
  check = function(value)
    local fraction = kinds.fraction.check(value)
    return fraction ~= 0 and fraction or nil
  end,
  never_none = true, never_false = true,
}

optimizer "Lion" {
  doc = "v = v - learning_rate sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g",
  learning_rate = 0.001,
  args = { { "beta_1", weight_of_momentum, default = 0.9 },
    { "beta_2", kinds.fraction, default = 0.99 } },
  slots = { "momentum" },
  update = function(self, v, g, lr, slots)
    local m = slots.momentum
    self:assign(v, v - lr * ops.sign(m * self.beta_1 + g * (1 - self.beta_1)))
    self:assign(m, m * self.beta_2 + g * (1 - self.beta_2))
  end,
}
