-- ScheduleFreeAdamW: averages of the iterates in place of a schedule of the learning rate.
--
-- The variable holds y, where gradients are taken; z is where plain Adam would stand, x the
-- average.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local optimizer = require("lunula.optimizers.optimizer").declare

-- Every variable and its z through change(value, z).
local function swap(self, change)
  for variable, slots in pairs(self.slot_of) do
    variable:assign(change(variable.value, slots.z.value))
  end
end

optimizer "ScheduleFreeAdamW" {
  doc = "AdamW that needs no schedule: it steps from an average of where it has been",
  learning_rate = 0.0025,
  args = {
    { "beta_1", kinds.fraction, default = 0.9 }, { "beta_2", kinds.fraction, default = 0.999 },
    { "epsilon", kinds.number, default = 1e-8 }, { "warmup_steps", kinds.count, default = 0,
      doc = "how many steps the rate rises over" },
  },
  build_slots = function(self, variable)
    local z = self:add_slot(variable, "momentum")
    core.untraced(function() z:assign(variable.value) end)
    return { z = z, velocity = self:add_slot(variable, "velocity") }
  end,
  -- Evaluate with x, train with y.
  swap_to_eval = function(self)
    swap(self, function(y, z) return (y - (1 - self.beta_1) * z) / self.beta_1 end)
  end,
  swap_to_train = function(self)
    swap(self, function(x, z) return (1 - self.beta_1) * z + self.beta_1 * x end)
  end,
  prepare_step = function(self, lr, t)
    if self.warmup_steps > 0 then lr = lr * ops.minimum(t / self.warmup_steps, 1) end
    return { lr = lr, weight = 1 / t, correction = 1 - ops.power(self.beta_2, t) }
  end,
  update = function(self, y, g, _, slots, step)
    local beta, z_old = self.beta_1, slots.z.value
    local u = self.beta_2 * slots.velocity + (1 - self.beta_2) * ops.square(g)
    self:assign(slots.velocity, u)
    local z = z_old - step.lr * g / (ops.sqrt(u / step.correction) + self.epsilon)
    local x = (y - (1 - beta) * z_old) / beta
    x = (1 - step.weight) * x + step.weight * z
    self:assign(slots.z, z)
    self:assign(y, (1 - beta) * z + beta * x)
  end,
}
