-- Adam and its relatives: a running mean of gradients over a running root mean square.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local optimizer = require("lunula.optimizers.optimizer").declare

local beta_1 = { "beta_1", kinds.fraction, default = 0.9 }
local beta_2 = { "beta_2", kinds.fraction, default = 0.999 }
local epsilon = { "epsilon", kinds.number, default = 1e-7 }
local amsgrad = { "amsgrad", kinds.boolean, default = false }

-- m and u of this step, stored.
local function moments(self, g, slots)
  local m = slots.momentum + (g - slots.momentum) * (1 - self.beta_1)
  local u = slots.velocity + (ops.square(g) - slots.velocity) * (1 - self.beta_2)
  self:assign(slots.momentum, m)
  self:assign(slots.velocity, u)
  return m, u
end

-- 1 - beta^t
local function correction(beta, t)
  return 1 - ops.power(beta, t)
end

local adam = {
  init = function(self)
    self.slots = self.amsgrad and { "momentum", "velocity", "velocity_hat" }
      or { "momentum", "velocity" }
  end,
  prepare_step = function(self, lr, t)
    return lr * ops.sqrt(correction(self.beta_2, t)) / correction(self.beta_1, t)
  end,
  update = function(self, v, g, _, slots, alpha)
    local m, u = moments(self, g, slots)
    if self.amsgrad then
      u = ops.maximum(slots.velocity_hat, u)
      self:assign(slots.velocity_hat, u)
    end
    self:assign(v, v - m * alpha / (ops.sqrt(u) + self.epsilon))
  end,
}

optimizer "Adam" {
  doc = "v = v - learning_rate m / sqrt(u), m and u the corrected running means of g and g^2",
  learning_rate = 0.001,
  args = { beta_1, beta_2, epsilon, amsgrad },
  init = adam.init, prepare_step = adam.prepare_step, update = adam.update,
}

optimizer "AdamW" {
  doc = "Adam whose weights also decay",
  learning_rate = 0.001,
  args = { { "weight_decay", kinds.number, default = 0.004 }, beta_1, beta_2, epsilon, amsgrad },
  init = adam.init, prepare_step = adam.prepare_step, update = adam.update,
}

optimizer "Adamax" {
  doc = "Adam with the largest gradient so far in place of the root mean square",
  learning_rate = 0.001,
  args = { beta_1, beta_2, epsilon },
  slots = { "momentum", "norm" },
  prepare_step = function(self, lr, t) return lr / correction(self.beta_1, t) end,
  update = function(self, v, g, _, slots, alpha)
    local m = slots.momentum + (g - slots.momentum) * (1 - self.beta_1)
    local norm = ops.maximum(self.beta_2 * slots.norm, ops.abs(g))
    self:assign(slots.momentum, m)
    self:assign(slots.norm, norm)
    self:assign(v, v - alpha * m / (norm + self.epsilon))
  end,
}

optimizer "Nadam" {
  doc = "Adam that looks ahead as Nesterov's momentum does",
  learning_rate = 0.001,
  args = { beta_1, beta_2, epsilon },
  slots = { "momentum", "velocity" },
  build_extra = function(self)
    self.product = self:add_variable("momentum_product", {}, 1)
  end,
  prepare_step = function(self, lr, t)
    local now = self.beta_1 * (1 - 0.5 * ops.power(0.96, t))
    local ahead = self.beta_1 * (1 - 0.5 * ops.power(0.96, t + 1))
    local product = self.product * now
    self:assign(self.product, product)
    return {
      of_mean = lr * ahead / (1 - product * ahead),
      of_gradient = lr * (1 - now) / (1 - product),
      of_square = 1 / correction(self.beta_2, t),
    }
  end,
  update = function(self, v, g, _, slots, scale)
    local m, u = moments(self, g, slots)
    local step = m * scale.of_mean + g * scale.of_gradient
    self:assign(v, v - step / (ops.sqrt(u * scale.of_square) + self.epsilon))
  end,
}

optimizer "Lamb" {
  doc = "Adam whose step is as long as the learning rate times the weights are",
  learning_rate = 0.001,
  args = { beta_1, beta_2, epsilon },
  slots = { "momentum", "velocity" },
  prepare_step = function(self, _, t)
    return { mean = 1 / correction(self.beta_1, t), square = 1 / correction(self.beta_2, t) }
  end,
  update = function(self, v, g, lr, slots, scale)
    local m, u = moments(self, g, slots)
    local step = m * scale.mean / (ops.sqrt(u * scale.square) + self.epsilon)
    local weight_norm, step_norm = ops.sqrt(ops.sum(ops.square(v))),
      ops.sqrt(ops.sum(ops.square(step)))
    local both = ops.logical_and(ops.greater(weight_norm, 0), ops.greater(step_norm, 0))
    local ratio = ops.where(both, weight_norm / ops.where(both, step_norm, 1), 1)
    self:assign(v, v - ratio * lr * step)
  end,
}
