-- fit: epochs of batches through the train step, with validation, callbacks and progress.
--
-- What happens in a batch is train_step.lua's business, how that is traced traced_steps.lua's, and
-- where batches come from prepared_batches.lua's.

local core = require "lunula.core"
local declare = require "lunula.declare"
local random = require "lunula.ops.random"
local options = require "lunula.utils.options"
local progbar = require "lunula.utils.progbar"
local verbosity = require "lunula.utils.verbosity"
local compile_spec = require "lunula.trainers.compile_spec"
local data = require "lunula.trainers.data"
local ranks = require "lunula.distribution.ranks"
local evaluate = require "lunula.trainers.evaluate"
local interruption = require "lunula.trainers.interruption"
local prepared_batches = require "lunula.trainers.prepared_batches"
local results = require "lunula.trainers.results"
local prepare = require "lunula.trainers.prepare"
local traced_steps = require "lunula.trainers.traced_steps"
local watch = require "lunula.trainers.watch"

-- ---- options -----------------------------------------------------------------------------------

local allowed = {
  "batch_size", "epochs", "verbose", "callbacks", "validation_split", "validation_data", "shuffle",
  "class_weight", "sample_weight", "initial_epoch", "steps_per_epoch", "validation_steps",
  "validation_batch_size", "validation_freq",
}

local counts = {
  "batch_size", "epochs", "steps_per_epoch", "validation_steps", "validation_batch_size",
}

-- Keras 1 said nb_epoch.
local function with_epochs(given)
  if not declare.is_plain(given) or given.nb_epoch == nil then return given end
  if given.epochs ~= nil then core.raise("fit: epochs is given twice, as nb_epoch too") end
  local copy = {}
  for key, value in pairs(given) do copy[key == "nb_epoch" and "epochs" or key] = value end
  return copy
end

-- After how many epochs there is a validation, or a list of epochs, counted from 1.
local function check_frequency(value)
  local is_list = declare.is_plain(value)
  if type(value) ~= "number" and not (is_list and #value > 0) then
    core.raise("fit: validation_freq must be a number of epochs, or a list of epochs, got %s",
      declare.show(value))
  end
  for i, epoch in ipairs(is_list and value or { value }) do
    options.count("fit", is_list and ("validation_freq[%d]"):format(i) or "validation_freq", epoch)
  end
end

local function read(given)
  local o = {}
  for key, value in pairs(options.read("fit", with_epochs(given), allowed)) do o[key] = value end
  for _, name in ipairs(counts) do o[name] = options.count("fit", name, o[name]) end
  o.initial_epoch = options.count("fit", "initial_epoch", o.initial_epoch, 0) or 0
  if o.validation_freq ~= nil then check_frequency(o.validation_freq) end
  o.epochs = o.epochs or 1
  o.verbose = ranks.writes() and verbosity.read("fit", o.verbose, 1) or 0
  if o.shuffle == nil then o.shuffle = true end
  if type(o.shuffle) ~= "boolean" and o.shuffle ~= "batch" then
    core.raise("fit: shuffle must be true, false or \"batch\", got %s", declare.show(o.shuffle))
  end
  return o
end

-- ---- where samples come from -------------------------------------------------------------------

-- The prepared data (nil for an iterator) and the batches.
local function training_of(self, x, y, o)
  if prepare.gives_batches(x) then
    return nil, prepare.batches(self, "fit", "train", x, y, o, o.steps_per_epoch, "steps_per_epoch")
  end
  local prepared = prepare.prepare(self, x, y, o.sample_weight, o.class_weight)
  local batches = prepare.rows(prepared, 0, prepared.count, o.batch_size or 32)
  batches.limit = o.steps_per_epoch
  return prepared, batches
end

local function given_validation(self, o, batch)
  local given = o.validation_data
  if prepare.gives_batches(given) then
    return { batches = prepare.batches(self, "fit: validation_data", "test", given, nil, {},
      o.validation_steps, "validation_steps") }
  end
  if type(given) ~= "table" or core.is_tensor(given) or given[1] == nil then
    core.raise("fit: validation_data must be a list {x, y} or {x, y, sample_weight}, a "
      .. "dataset or an iterator function")
  end
  for key in pairs(given) do
    if key ~= 1 and key ~= 2 and key ~= 3 then
      core.raise("fit: validation_data is {x, y} or {x, y, sample_weight}, got a further entry "
        .. "[%s]; validation_batch_size and validation_steps are options of fit", declare.show(key))
    end
  end
  local prepared = prepare.prepare(self, given[1], given[2], given[3])
  return { batches = prepare.rows(prepared, 0, prepared.count, batch),
    prepared = prepared }
end

-- The last part of the samples, which training then leaves alone.
local function split_validation(o, batch, prepared, training)
  if not prepared then
    core.raise("fit: validation_split needs tensors; an iterator or a dataset cannot be split")
  end
  local point = data.split_point(prepared.count, o.validation_split)
  training.last = point
  local batches = prepare.rows(prepared, point, prepared.count, batch)
  return { batches = batches, prepared = prepared }
end

-- {batches=, prepared=}, or nil when there is no validation.
local function validation_of(self, o, prepared, training)
  local batch = o.validation_batch_size or o.batch_size or 32
  local validation
  if o.validation_data ~= nil then
    validation = given_validation(self, o, batch)
  elseif o.validation_split and o.validation_split ~= 0 then
    validation = split_validation(o, batch, prepared, training)
  else
    return nil
  end
  if validation.prepared then validation.batches.limit = o.validation_steps end
  return validation
end

-- Is validation due after this epoch (counted from 0)?
local function is_due(frequency, epoch)
  if frequency == nil then return true end
  if type(frequency) == "number" then return (epoch + 1) % frequency == 0 end
  for _, listed in ipairs(frequency) do
    if listed == epoch + 1 then return true end
  end
  return false
end

-- ---- order -------------------------------------------------------------------------------------

-- A number drawn from the seeded stream, so that set_random_seed decides the orders of a fit. A fit
-- that begins where another one of the model ended goes on with its orders.
local function seed_of(self, o)
  local before = rawget(self, "_fit_position")
  if before and o.initial_epoch > 0 and before.epochs == o.initial_epoch then return before.seed end
  local drawn = random.uniform({ 2 }):totable()
  return math.floor(drawn[1] * 2 ^ 24) << 24 | math.floor(drawn[2] * 2 ^ 24)
end

local function shuffle(batches, o, seed, epoch)
  if not batches.shuffle or not o.shuffle then return end
  batches:shuffle(prepared_batches.permutation(batches.first, batches.last, seed + epoch,
    o.shuffle == "batch" and batches.batch or nil))
end

-- ---- what is not finite ------------------------------------------------------------------------

-- Such a batch changed nothing. Say where it is, and stop.
local function check_finite(self, epoch)
  local bad, what = watch.bad_step(self)
  if not bad then return end
  watch.start(self)
  core.raise("fit: %s is not a finite number at batch %d of epoch %d; the weights are those of the "
    .. "batch before. Look for a learning rate that is too high, a division by 0 or a logarithm of "
    .. "0, or for such values in the data", what, bad + 1, epoch + 1)
end

-- TerminateOnNaN ends training at a loss that is none; here it is ended at such a gradient.
local function end_at_gradient(self)
  local bad, what = watch.bad_step(self)
  if not bad or what ~= "a gradient" then return end
  ranks.print(("Batch %d: Invalid gradient, terminating training"):format(bad))
  self.stop_training = true
end

-- ---- epochs ------------------------------------------------------------------------------------

-- Notes how far the fit is, for those who save the model.
local function note_position(self, run, epochs, batch)
  rawset(self, "_fit_position", { seed = run.seed, epochs = epochs, batch = batch })
end

-- The batches of one epoch. Returns the number of steps.
local function train(self, run, epoch, bar)
  local callbacks = run.callbacks
  local every = callbacks:has_batch_hooks "train"
  local before = every and function(done) callbacks:call("on_train_batch_begin", done) end
  return run.batches:run(run.entry, function(done)
    if every then
      note_position(self, run, epoch, done)
      callbacks:call("on_train_batch_end", done - 1, results.by_name(results.of(self, "train")))
    end
    if run.tolerates_nan then end_at_gradient(self) else check_finite(self, epoch) end
    bar:update(done, bar.live and results.shown(results.of(self, "train")) or {})
    return not self.stop_training
  end, every, before)
end

local function new_bar(run, epoch)
  local o = run.options
  local bar = progbar.new { target = run.batches:steps(), verbose = o.verbose }
  local heading = ("Epoch %d/%d"):format(epoch + 1, o.epochs)
  if o.verbose == 1 and not bar.live then
    bar.title = heading .. " - "
  elseif o.verbose == 1 or o.verbose == 2 and o.epochs > 1 then
    bar.write(heading .. "\n")
  end
  return bar
end

local function validate(self, run)
  local validation = run.validation
  local entry = validation.prepared and prepare.entry(self, "test", validation.prepared)
  local found = evaluate.run(self, validation.batches, entry, run.callbacks)
  return results.shown(results.of_validation(found))
end

local function run_epoch(self, run, epoch)
  local o, callbacks = run.options, run.callbacks
  shuffle(run.batches, o, run.seed, epoch)
  if not run.batches.skip then self:reset_metrics() end   -- else they go on within the epoch
  watch.start(self)
  callbacks:call("on_epoch_begin", epoch)
  local bar <close> = new_bar(run, epoch)
  local steps = train(self, run, epoch, bar)
  local found = results.shown(results.of(self, "train"))
  if run.validation and is_due(o.validation_freq, epoch) then
    local more = validate(self, run)
    table.move(more, 1, #more, #found + 1, found)
  end
  local logs = results.by_name(found)
  note_position(self, run, epoch + 1)
  callbacks:call("on_epoch_end", epoch, logs)
  bar:finish(steps, results.with_added(found, logs))
  return logs
end

-- The first epoch to run: told by the options, or by a callback that brought back the state of a
-- fit that was broken off (model._resume, see callbacks/checkpoint.lua).
local function resume(self, run)
  local told = rawget(self, "_resume")
  if not told then return run.options.initial_epoch end
  rawset(self, "_resume", nil)
  run.seed, run.batches.skip = told.seed, told.batch
  run.callbacks:set_state(told.callbacks)
  return told.epochs
end

-- Loaded when ranks share: a process that is alone does without.
local function shared_batches() return require "lunula.trainers.shared_batches" end

local function fit(self, x, y, given)
  x, y, given = data.from_one_table(self, allowed, x, y, given)
  y, given = prepare.arrange(x, y, given)
  local o = read(given)
  compile_spec.require_of(self, "fit")
  traced_steps.take_up_random(self)
  local prepared, batches = training_of(self, x, y, o)
  local validation = validation_of(self, o, prepared, batches)
  if ranks.here then shared_batches().check(self, o, batches, validation) end
  local run = { batches = batches, options = o, validation = validation, seed = seed_of(self, o) }
  if prepared then run.entry = prepare.entry(self, "train", prepared) end
  -- Traced now, so that what is wrong with it is told before an epoch has gone by.
  if validation and validation.prepared then prepare.entry(self, "test", validation.prepared) end
  run.callbacks = require("lunula.callbacks").list(self, o.callbacks,
    { verbose = o.verbose, epochs = o.epochs, steps = batches:steps(), history = true })
  run.tolerates_nan = run.callbacks:tolerates_nan()
  rawset(self, "stop_training", false)
  rawset(self, "history", run.callbacks.history)
  rawset(self, "_callbacks", run.callbacks)
  run.callbacks:call "on_train_begin"
  local first = resume(self, run)
  if ranks.here then shared_batches().begin(self, first, run.batches.skip) end
  local _ <close> = interruption.tell "The weights are those of the last finished batch"
  local _ <close> = results.hold(self)
  local logs
  for epoch = first, o.epochs - 1 do
    if prepared then run.entry = prepare.entry(self, "train", prepared) end
    logs = run_epoch(self, run, epoch)
    batches.skip = nil
    if ranks.here then self.stop_training = ranks.any(self.stop_training) end
    if self.stop_training then break end
  end
  self.optimizer:finalize_variable_values(self.trainable_weights)
  run.callbacks:call("on_train_end", logs)
  rawset(self, "_callbacks", nil)
  return run.callbacks.history
end

return { fit = ranks.guarded(fit), options = allowed }
