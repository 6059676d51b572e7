-- The watch over what is not finite: an update whose loss or gradients are no numbers changes
-- nothing, and fit says at which batch it was.
--
-- It counts the steps and notes the first bad one in Variables, since steps run in C. While one is
-- noted no update is taken.

local core = require "lunula.core"
local ops = require "lunula.ops"

local watch = {}

local zero, none = core.tensor(0, "float32"), core.tensor(-1, "float32")

local function number(value, name)
  return core.variable { value = value, name = name, trainable = false }
end

-- steps: how many were made; bad: the first that was not finite, -1 for none; of_loss: was it the
-- loss?
function watch.new()
  return {
    steps = number(zero, "steps"), bad = number(none, "bad_step"),
    of_loss = number(zero, "of_loss"),
  }
end

-- Begins anew.
function watch.start(model)
  model._watch.steps:assign(zero)
  model._watch.bad:assign(none)
end

-- The first bad step since then, from 0, and whether its loss or a gradient is no number; or nil.
function watch.bad_step(model)
  local bad = model._watch.bad.value:item()
  if bad < 0 then return nil end
  return math.tointeger(bad), model._watch.of_loss.value:item() > 0 and "the loss" or "a gradient"
end

-- ---- in a step ---------------------------------------------------------------------------------

local Step = {}
Step.__index = Step

local function both(a, b)
  return a == nil and b or ops.logical_and(a, b)
end

-- Two different traced tensors cannot be compared, which is an answer too.
local function is_same(a, b)
  local ok, same = pcall(function () return a == b end)
  return ok and same
end

-- What an optimizer says before an update (see Optimizer.oversee). What it changes needs no more
-- care, unless the step assigned it before.
function Step:begin(variables)
  for _, variable in ipairs(variables) do
    local before = self.before[variable]
    self.updated[variable] = before ~= nil and is_same(variable.value, before)
  end
end

-- And what it says after it.
function Step:noted(finite)
  self.finite = both(self.finite, finite)
end

-- The loss of the step that runs, if one does: it must be finite.
function watch.loss(model, loss)
  local running = model._watch and model._watch.running
  if running then running.loss = loss.rank == 0 and loss or ops.sum(loss) end
end

-- Notes the first step in which something is not finite, and whether that was the loss.
local function note(seen, loss, finite)
  local is_new = ops.logical_and(ops.less(seen.bad, 0), ops.logical_not(finite))
  local of_loss = loss and ops.cast(ops.logical_not(ops.isfinite(loss)), "float32") or 0
  seen.of_loss:assign(ops.where(is_new, of_loss, seen.of_loss))
  seen.bad:assign(ops.where(is_new, seen.steps, seen.bad))
end

-- Takes back what the step assigned beside the updates (moving means, states), unless it was taken.
local function keep_if(taken, kept, before, updated)
  for _, variable in ipairs(kept) do
    local value = before[variable]
    if not updated[variable] and not is_same(variable.value, value) then
      variable:assign(ops.where(taken, variable.value, value))
    end
  end
end

-- fn(…), one step of training.
function watch.step(model, fn, ...)
  local seen, kept, before = model._watch, model:_kept_variables(), {}
  for _, variable in ipairs(kept) do before[variable] = variable.value end
  local running = setmetatable({
    before = before, updated = {}, allowed = ops.less(seen.bad, 0),
  }, Step)
  seen.running = running
  local _ <close> = setmetatable({}, { __close = function() seen.running = nil end })
  local optimizer = require "lunula.optimizers.optimizer" -- predictions need none
  local logs = optimizer.Optimizer.oversee(running, fn, ...)
  if not running.finite and running.loss then           -- nothing was updated
    running:noted(ops.isfinite(running.loss))
  end
  if running.finite then
    keep_if(ops.logical_and(running.finite, running.allowed), kept, before, running.updated)
    note(seen, running.loss, running.finite)
  end
  seen.steps:assign(seen.steps + 1)
  return logs
end

return watch
