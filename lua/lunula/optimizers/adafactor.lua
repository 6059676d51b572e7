-- Adafactor: the running mean of squared gradients of a matrix kept as a row and a column.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local optimizer = require("lunula.optimizers.optimizer").declare

local function root_mean_square(x)
  return ops.sqrt(ops.mean(ops.square(x)))
end

local function mix(old, new, keep)
  return keep * old + (1 - keep) * new
end

optimizer "Adafactor" {
  doc = "steps in proportion to the size of the weights, with little memory",
  learning_rate = 0.001,
  args = {
    { "beta_2_decay", kinds.number, default = -0.8, doc = "how the mean of squares forgets" },
    { "epsilon_1", kinds.number, default = 1e-30, doc = "a small number added to squares" },
    { "epsilon_2", kinds.number, default = 1e-3,
      doc = "the least size of weights that a step is measured by" },
    { "clip_threshold", kinds.number, default = 1.0,
      doc = "the greatest root mean square of a step" },
    { "relative_step", kinds.boolean, default = true,
      doc = "whether the rate falls with one over the root of the steps" },
  },
  build_slots = function(self, variable)
    local shape = variable.shape
    local rank = #shape
    if rank < 2 then return { velocity = self:add_slot(variable, "velocity") } end
    local row = { table.unpack(shape, 1, rank - 1) }
    local column = { table.unpack(shape, 1, rank - 2) }
    column[rank - 1] = shape[rank]
    return {
      row = self:add_slot(variable, "r", 0, row), column = self:add_slot(variable, "c", 0, column),
    }
  end,
  prepare_step = function(self, lr, t)
    local slow = ops.rsqrt(t)
    if self.relative_step and self.rate_variable then lr = ops.minimum(lr, slow) end
    return { size = ops.minimum(lr, slow), keep = 1 - ops.power(t, self.beta_2_decay) }
  end,
  update = function(self, v, g, _, slots, step)
    local square = ops.square(g) + self.epsilon_1
    local mean
    if slots.row then
      local row = mix(slots.row, ops.mean(square, -1), step.keep)
      local column = mix(slots.column, ops.mean(square, -2), step.keep)
      self:assign(slots.row, row)
      self:assign(slots.column, column)
      mean = ops.expand_dims(row / ops.mean(row, -1, true), -1) * ops.expand_dims(column, -2)
    else
      mean = mix(slots.velocity, square, step.keep)
      self:assign(slots.velocity, mean)
    end
    local direction = g / ops.sqrt(mean)
    direction = direction / ops.maximum(1, root_mean_square(direction) / self.clip_threshold)
    local alpha = ops.maximum(self.epsilon_2, root_mean_square(v)) * step.size
    self:assign(v, v - alpha * direction)
  end,
}
