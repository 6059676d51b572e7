-- LossScaleOptimizer: gradients of a loss that is multiplied by a large number, which follows what
-- they bear.
--
-- A step whose gradients are not finite is left out, and the scale is halved; after so many finite
-- ones it is doubled.

local core = require "lunula.core"
local ops = require "lunula.ops"
local kinds = require "lunula.kinds"
local base = require "lunula.optimizers.optimizer"
local holder = require "lunula.optimizers.holder"

local Optimizer = base.Optimizer

-- Older files tell the options of all optimizers, with these values where they are not None.
local said_nothing = { use_ema = false, ema_momentum = 0.99, dynamic = true }

local shared = { dynamic = true }
for _, row in ipairs(base.shared_args) do shared[row[1]] = true end
shared.name, shared.learning_rate = nil, nil

local function respell(_, positional, named)
  local kept = {}
  for name, value in pairs(named) do
    local is_silent = value == false and name ~= "dynamic" or value == core.None
      or value == said_nothing[name]
    if not shared[name] then
      kept[name] = value
    elseif name == "dynamic" and not is_silent then
      core.raise("LossScaleOptimizer: the scale always changes by itself; for one that does not, "
        .. "give loss_scale_factor to the optimizer alone")
    elseif not is_silent then
      core.raise("LossScaleOptimizer: %s is an option of the inner optimizer", name)
    end
  end
  return positional, kept
end

local function counter(self, name, value, dtype)
  return core.variable {
    value = core.tensor(value, { dtype = dtype }), name = self.name .. "/" .. name,
    trainable = false,
  }
end

-- What the step does to the scale. open: may anything change?
local function follow(self, finite, open)
  local count, scale = self.step_counter, self.dynamic_scale
  local is_due = ops.equal(count, self.dynamic_growth_steps - 1)
  local goes_on = ops.logical_and(finite, ops.logical_not(is_due))
  local factor = ops.where(finite, ops.where(is_due, 2.0, 1.0), 0.5)
  local next_count = ops.cast(ops.where(goes_on, count + 1, 0), "int32")
  scale:assign(ops.where(open, scale * factor, scale))
  count:assign(ops.where(open, next_count, count))
end

holder {
  name = "LossScaleOptimizer", aliases = { "lossscaleoptimizer" },
  doc = "Another optimizer, on gradients of the loss times a number that is as large as they bear.",
  args = {
    { "inner_optimizer", kinds.object("optimizer", "an optimizer"), required = true,
      doc = "the optimizer that makes the steps" },
    { "initial_scale", kinds.positive_number, default = 2.0 ^ 15,
      doc = "what the loss is multiplied by at first" },
    { "dynamic_growth_steps", kinds.positive, default = 2000,
      doc = "after so many finite steps the scale is doubled" },
    { "name", kinds.name },
  },
  respell = respell,
  getters = {
    learning_rate = function(self) return self.inner_optimizer.learning_rate end,
    iterations = function(self) return self.inner_optimizer.iterations end,
  },
  __newindex = function(self, key, value)
    local is_inner = key == "learning_rate" or key == "iterations"
    if is_inner then self.inner_optimizer[key] = value else rawset(self, key, value) end
  end,
  held = function(self) return { self.inner_optimizer } end,
  in_charge_of = function(self) return self.inner_optimizer end,
  finish = function(self)
    Optimizer.finish(self)
    self:hold(self.inner_optimizer)
    self.inner_optimizer.loss_scale_factor = nil      -- gradients are divided once
    self.step_counter = counter(self, "step_counter", 0, "int32")
    self.dynamic_scale = counter(self, "dynamic_scale", self.initial_scale, "float32")
  end,
  build_extra = function(self)
    local own = self.own_variables
    own[#own + 1], own[#own + 2] = self.step_counter, self.dynamic_scale
  end,
  build = function(self, variables)
    Optimizer.build(self, variables)
    self.inner_optimizer:build(variables)
  end,
  -- The scale is there before the first step, since a trace of it reads the variable.
  scale_loss = function(self, loss) return loss * self.dynamic_scale end,
  -- Are all gradients finite?
  check_finite = function(_, grads)
    local finite = core.tensor(true)
    for _, grad in pairs(grads) do
      finite = ops.logical_and(finite, ops.all(ops.isfinite(grad)))
    end
    return finite
  end,
  finalize_variable_values = function(self, variables)
    self.inner_optimizer:finalize_variable_values(variables)
  end,
  -- Gradients that are not finite are no fault here, so only the loss is reported.
  apply_if_finite = function(self, grads, variables, loss, allowed)
    grads, variables = self.with_gradients(grads, variables)
    self:build(variables)
    local scale, unscaled = self.dynamic_scale.value, {}
    for i, grad in ipairs(grads) do unscaled[i] = grad / scale end
    local sound = loss and ops.isfinite(loss) or core.tensor(true)
    local open = allowed and ops.logical_and(sound, allowed) or sound
    local finite = self.inner_optimizer:apply_if_finite(unscaled, variables, nil, open)
    follow(self, finite, open)
    return sound, open
  end,
}
