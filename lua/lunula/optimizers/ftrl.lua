-- Follow the regularized leader: sparse weights by an exact l1 step.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local core = require "lunula.core"
local optimizer = require("lunula.optimizers.optimizer").declare

optimizer "Ftrl" {
  doc = "follows the regularized leader: v = (clip(z, -l1, l1) - z) / q",
  learning_rate = 0.001,
  args = {
    { "learning_rate_power", kinds.number, default = -0.5,
      doc = "the power of the sums of squares, 0 or less" },
    { "initial_accumulator_value", kinds.non_negative, default = 0.1 },
    { "l1_regularization_strength", kinds.non_negative, default = 0.0,
      doc = "the weight of absolute values" },
    { "l2_regularization_strength", kinds.non_negative, default = 0.0,
      doc = "the weight of squares" },
    { "l2_shrinkage_regularization_strength", kinds.non_negative, default = 0.0,
      doc = "the weight of squares in the gradient alone" },
    { "beta", kinds.non_negative, default = 0.0, doc = "what is added to the roots of the sums" },
  },
  slots = { "accumulator", "linear" },
  init = function(self)
    if self.learning_rate_power > 0 then
      core.raise("Ftrl: learning_rate_power must be 0 or less, got %g", self.learning_rate_power)
    end
  end,
  slot_start = function(self, name)
    return name == "accumulator" and self.initial_accumulator_value or 0
  end,
  update = function(self, v, g, lr, slots)
    local power, n, z = -self.learning_rate_power, slots.accumulator, slots.linear
    local l1 = self.l1_regularization_strength
    local l2 = self.l2_regularization_strength + self.beta / (2 * lr)
    local pull = g + 2 * self.l2_shrinkage_regularization_strength * v
    local sum = n + ops.square(g)
    local leader = z + pull - (ops.power(sum, power) - ops.power(n, power)) / lr * v
    self:assign(z, leader)
    self:assign(n, sum)
    local q = ops.power(sum, power) / lr + 2 * l2
    self:assign(v, (ops.clip(leader, -l1, l1) - leader) / q)
  end,
}
