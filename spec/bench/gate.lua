-- What it costs that a step which is not finite is not taken: the train step of 784-512-512-10 with
-- Adam and a batch of 128, against the same step without the gate, in turn.

local bench = require "bench"
local core = require "lunula.core"
local k = require "lunula"
local ops = require "lunula.ops"
local Optimizer = require "lunula.optimizers.optimizer".Optimizer

local gated = Optimizer.apply_if_finite

-- Adam's part of a step as it would be.
local function free(self, grads, variables, loss)
  self:build(variables)
  local rate = self.rate_variable.value
  local step = self:prepare_step(rate, ops.cast(self._iterations + 1, "float32"))
  for i, variable in ipairs(variables) do
    self:update(variable, grads[i], rate, self.slot_of[variable], step)
  end
  self._iterations:assign(self._iterations + 1)
  local finite = ops.isfinite(loss)
  return finite, finite
end

local rows, batch = 128 * 20, 128
local x = k.random.uniform { rows, 784 }
local y = k.ops.cast(k.random.uniform { rows } * 10, "int32")

local function model_with(apply)
  local model = k.Sequential {
    k.Input { shape = { 784 } },
    k.layers.Dense { 512, activation = "relu" },
    k.layers.Dense { 512, activation = "relu" },
    k.layers.Dense { 10, activation = "softmax" },
  }
  model:compile { optimizer = "adam", loss = "sparse_categorical_crossentropy" }
  local function epoch()
    local start = core.clock()
    model:fit(x, y, { batch_size = batch, verbose = 0, shuffle = false })
    return (core.clock() - start) / (rows / batch)
  end
  Optimizer.apply_if_finite = apply
  epoch()                                      -- the step is traced here
  Optimizer.apply_if_finite = gated
  return epoch
end

local threads = core.threads()
for _, count in ipairs { 1, 2 } do
  core.threads(count)
  bench.compare(("Adam step, batch 128, %d threads (no gate)"):format(count), model_with(gated),
    model_with(free), 60)
end
core.threads(threads)
