-- What an optimizer keeps over several steps beside its slots: gradients that gather until they
-- make an update (gradient_accumulation_steps), and averages of the variables (use_ema).

local ops = require "lunula.ops"

local over_steps = {}

function over_steps.build(self, variables)
  for _, variable in ipairs(variables) do
    if self.use_ema and not self.averages[variable] then
      self.averages[variable] = self:add_slot(variable, "average")
    end
  end
  if not self.gradient_accumulation_steps then return end
  for _, variable in ipairs(variables) do
    if not self.accumulators[variable] then
      self.accumulators[variable] = self:add_slot(variable, "gradient_accumulator")
    end
  end
end

-- Adds the gradients to what has gathered; returns the means and opens the gate every n-th step.
function over_steps.gather(self, grads, variables)
  local n, gate = self.gradient_accumulation_steps, self.gate
  local due = ops.equal(ops.mod(self._iterations + 1, n), 0)
  local means = {}
  for i, variable in ipairs(variables) do
    local accumulator = self.accumulators[variable]
    local sum = accumulator + grads[i]
    means[i] = sum / n
    self:assign(accumulator, ops.where(due, 0, sum))
  end
  self.gate = gate and ops.logical_and(gate, due) or due
  return means
end

-- Moves the averages towards the variables, after so many updates before this one.
function over_steps.average(self, variables, updates)
  local momentum = ops.where(ops.equal(updates, 0), 0, self.ema_momentum)
  local frequency = self.ema_overwrite_frequency
  for _, variable in ipairs(variables) do
    local average = self.averages[variable]
    self:assign(average, momentum * average + (1 - momentum) * variable)
    if frequency then
      local due = ops.equal(ops.mod(updates + 1, frequency), 0)
      self:assign(variable, ops.where(due, average, variable))
    end
  end
end

return over_steps
