-- What a model does with one batch: the steps that train, test and predict, as Keras's Model has
-- them. A model of a user's may replace each (train_step, test_step, predict_step, compute_loss,
-- compute_metrics), and call these as k.Model.train_step(self, data).
--
-- A step is ops and assigns. traced_steps.lua traces it once, so that many batches run in C with
-- no Lua between them; watch.lua sees to it that what is not finite changes nothing.

local core = require "lunula.core"
local ops = require "lunula.ops"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"
local ranks = require "lunula.distribution.ranks"
local batch = require "lunula.utils.batch"
local compile_spec = require "lunula.trainers.compile_spec"
local watch = require "lunula.trainers.watch"

local train_step = {}

-- ---- what is given, as flat lists --------------------------------------------------------------

local function is_named(x)
  return nest.is_structure(x) and #x == 0
end

-- The targets in the order of the outputs.
local function flat_targets(self, y)
  if y == nil then return {} end
  if not is_named(y) or nest.is_nested(y) then return nest.flatten(y) end
  local list = {}
  for i, name in ipairs(self._graph and self:_output_names() or nest.keys(y)) do
    list[i] = y[name] or false
  end
  return list
end

-- One weight for each of `count` outputs, `false` where there is none.
local function flat_weights(self, sample_weight, count)
  local list = {}
  for i = 1, count do list[i] = false end
  if sample_weight == nil then return list end
  local named = is_named(sample_weight)
  local names = named and self:_output_names() or {}
  for i = 1, count do
    if core.is_tensor(sample_weight) then list[i] = sample_weight
    else list[i] = sample_weight[named and names[i] or i] or false end
  end
  return list
end

local function samples_of(x)
  local first = nest.flatten(x)[1]
  return ops.cast(ops.dim(first, 0), "float32")
end

local function check_targets(self, ys, preds)
  if #ys > 0 and #ys ~= #preds then
    core.raise("model \"%s\" has %d outputs, but %d targets are given", self.name, #preds, #ys)
  end
end

-- What compile was told, linked to these targets and predictions, and both as lists.
local function linked(self, y, y_pred)
  compile_spec.require_of(self, "its loss or its metrics are computed")
  local names, preds = self:_output_names(), self:_flat(y_pred)
  local ys = self._compiled:spread_targets(names, flat_targets(self, y))
  check_targets(self, ys, preds)
  self._compiled:link(names, ys, preds)
  return self._compiled, ys, preds
end

-- ---- the loss and the metrics ------------------------------------------------------------------

-- self:compute_loss{x=, y=, y_pred=, sample_weight=, training=} gives the values in this order.
local of_loss = { "x", "y", "y_pred", "sample_weight", "training" }
local of_metrics = { "x", "y", "y_pred", "sample_weight" }

-- fn(self, values in order…), which may also be called with one table of them by name.
local function by_name_too(names, fn)
  local known = {}
  for _, name in ipairs(names) do known[name] = true end
  local function is_options(given)
    if not declare.only_names(given) or given.y_pred == nil then return false end
    for name in pairs(given) do
      if not known[name] then return false end
    end
    return true
  end
  return function(self, first, ...)
    if select("#", ...) > 0 or not is_options(first) then return fn(self, first, ...) end
    local values = {}
    for i, name in ipairs(names) do values[i] = first[name] end
    return fn(self, table.unpack(values, 1, #names))
  end
end

-- The loss that compile was told, and what layers add; nil when there is none.
local function total_loss(self, x, y, y_pred, sample_weight)
  local compiled, ys, preds = linked(self, y, y_pred)
  local weights = flat_weights(self, sample_weight, #preds)
  return compiled:total(ys, preds, weights, self.losses, samples_of(x == nil and y_pred or x))
end

train_step.compute_loss = by_name_too(of_loss, function(self, x, y, y_pred, sample_weight)
  local total = total_loss(self, x, y, y_pred, sample_weight)
  if not total then
    core.raise("there is nothing to train: compile the model with a loss, or call add_loss in "
      .. "a layer")
  end
  watch.loss(self, total)
  return total
end)

local function update_metrics(self, y, y_pred, sample_weight)
  local compiled, ys, preds = linked(self, y, y_pred)
  compiled:update(ys, preds, flat_weights(self, sample_weight, #preds))
end

-- Updates the metrics that compile was told. Returns the results of all.
train_step.compute_metrics = by_name_too(of_metrics, function(self, _, y, y_pred, sample_weight)
  update_metrics(self, y, y_pred, sample_weight)
  return self:get_metrics_result()
end)

-- name -> result, of all metrics of the model. A metric that gives a table gives several.
function train_step.get_metrics_result(self)
  local found = {}
  for _, entry in ipairs(self:_metric_entries()) do
    local result = entry.metric:result()
    if declare.is_plain(result) then
      for name, value in pairs(result) do found[name] = value end
    else
      found[entry.label] = core.is_variable(result) and result.value or result
    end
  end
  return found
end

-- Updates the metrics. Returns the logs where the model makes its own; nil, the metrics as they
-- are, else.
local function logs(self, x, y, y_pred, sample_weight)
  if not (self:_has_own "compute_metrics" or self:_has_own "get_metrics_result") then
    return update_metrics(self, y, y_pred, sample_weight)
  end
  return self:compute_metrics(x, y, y_pred, sample_weight)
end

-- A compile of the user's own, whose options are kept for files.
local function noting(compile)
  return function(self, given, ...)
    compile(self, given, ...)
    rawset(self, "_own_compile", declare.only_names(given) and given or nil)
  end
end

-- Makes of a declaration what the class holds: hooks that may be called by name too, metrics as a
-- function behind the computed field, a compile whose options are known.
function train_step.wrap(spec)
  local metrics = spec.metrics
  if type(metrics) == "function" or type(metrics) == "table" then
    spec._own_metrics, spec.metrics = metrics, nil
    if type(metrics) == "table" then spec._own_metrics = function() return metrics end end
  end
  for name, names in pairs { compute_loss = of_loss, compute_metrics = of_metrics } do
    if type(spec[name]) == "function" then spec[name] = by_name_too(names, spec[name]) end
  end
  if type(spec.compile) == "function" then spec.compile = noting(spec.compile) end
  return spec
end

-- ---- the steps ---------------------------------------------------------------------------------

local function follow(self, loss)
  local variables = self.trainable_weights
  if #variables == 0 then return end
  self.optimizer:apply(core.grad(self.optimizer:scale_loss(loss), variables), variables)
end

-- Keeps the loss for the logs. Returns what training follows: where each sample has a loss
-- (reduction="none") their sum, as a gradient of TensorFlow's does; the logs have their mean.
local function tracked(self, loss, x)
  if not core.is_tensor(loss) then
    core.raise("model \"%s\": compute_loss must return the loss, a tensor, got %s", self.name,
      declare.show(loss))
  end
  local is_number = loss.rank == 0
  self._compiled.tracker:update_state(is_number and loss or ops.mean(loss), samples_of(x))
  if is_number then return loss end
  return ranks.step and ranks.step.of_sum(ops.sum(loss)) or ops.sum(loss)
end

-- What fit and evaluate run where the model has no step of its own.
local built_in = {}
train_step.built_in = built_in

function built_in.train_step(self, data)
  local x, y, sample_weight = batch.unpack(data)
  local y_pred = self:_called(x, true)
  local loss = tracked(self, self:compute_loss(x, y, y_pred, sample_weight, true), x)
  watch.loss(self, loss)
  follow(self, loss)
  return logs(self, x, y, y_pred, sample_weight)
end

function built_in.test_step(self, data)
  local x, y, sample_weight = batch.unpack(data)
  local y_pred = self:_called(x, false)
  local loss
  if self:_has_own "compute_loss" then
    loss = self:compute_loss(x, y, y_pred, sample_weight, false)
  else
    loss = total_loss(self, x, y, y_pred, sample_weight)   -- none: it is tested for its metrics
  end
  if loss ~= nil then tracked(self, loss, x) end
  return logs(self, x, y, y_pred, sample_weight)
end

-- model:train_step(data) and model:test_step(data), called by a step of the user's own or in a loop
-- without fit. They return the logs.
for _, name in ipairs { "train_step", "test_step" } do
  train_step[name] = function(self, data)
    compile_spec.require_of(self, name)
    return core.record(built_in[name], self, data) or self:get_metrics_result()
  end
end

return train_step
