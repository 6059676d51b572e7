-- Optimizers that divide by a running root mean square: RMSprop, Adagrad, Adadelta.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local optimizer = require("lunula.optimizers.optimizer").declare

local epsilon = { "epsilon", kinds.number, default = 1e-7 }

optimizer "RMSprop" {
  doc = "v = v - learning_rate g / sqrt(a + epsilon), a the running mean of g^2",
  learning_rate = 0.001,
  args = {
    { "rho", kinds.fraction, default = 0.9 }, { "momentum", kinds.fraction, default = 0.0 },
    epsilon,
    { "centered", kinds.boolean, default = false },
  },
  init = function(self)
    local slots = { "velocity" }
    if self.momentum > 0 then slots[#slots + 1] = "momentum" end
    if self.centered then slots[#slots + 1] = "average_gradient" end
    self.slots = slots
  end,
  update = function(self, v, g, lr, slots)
    local rho = self.rho
    local square = rho * slots.velocity + (1 - rho) * ops.square(g)
    self:assign(slots.velocity, square)
    local denominator = square + self.epsilon
    if self.centered then
      local mean = rho * slots.average_gradient + (1 - rho) * g
      self:assign(slots.average_gradient, mean)
      denominator = square - ops.square(mean) + self.epsilon
    end
    local step = lr * g / ops.sqrt(denominator)
    if self.momentum > 0 then
      step = self.momentum * slots.momentum + step
      self:assign(slots.momentum, step)
    end
    self:assign(v, v - step)
  end,
}

optimizer "Adagrad" {
  doc = "v = v - learning_rate g / sqrt(a + epsilon), a the sum of g^2",
  learning_rate = 0.001,
  args = { { "initial_accumulator_value", kinds.non_negative, default = 0.1 }, epsilon },
  slots = { "accumulator" },
  slot_start = function(self) return self.initial_accumulator_value end,
  update = function(self, v, g, lr, slots)
    local sum = slots.accumulator + ops.square(g)
    self:assign(slots.accumulator, sum)
    self:assign(v, v - lr * g / ops.sqrt(sum + self.epsilon))
  end,
}

optimizer "Adadelta" {
  doc = "like RMSprop, with the learning rate replaced by the running size of past steps",
  learning_rate = 0.001,
  args = { { "rho", kinds.fraction, default = 0.95 }, epsilon },
  slots = { "accumulated_grad", "accumulated_delta_var" },
  update = function(self, v, g, lr, slots)
    local rho, past = self.rho, slots.accumulated_delta_var
    local square = rho * slots.accumulated_grad + (1 - rho) * ops.square(g)
    self:assign(slots.accumulated_grad, square)
    local step = -ops.sqrt(past + self.epsilon) / ops.sqrt(square + self.epsilon) * g
    self:assign(past, rho * past + (1 - rho) * ops.square(step))
    self:assign(v, v + lr * step)
  end,
}
