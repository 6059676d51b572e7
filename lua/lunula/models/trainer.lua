-- compile, fit, evaluate and their one-batch relatives: the loop around the traced steps.
--
-- Here data is prepared, epochs are counted, callbacks are told and progress is shown. What
-- happens in a batch is step.lua's business, where batches come from is feed.lua's.

local core = require "lunula.core"
local random = require "lunula.ops.random"
local declare = require "lunula.declare"
local options = require "lunula.utils.options"
local progbar = require "lunula.utils.progbar"
local compiled = require "lunula.models.compiled"
local data = require "lunula.models.data"
local feed = require "lunula.models.feed"
local model_module = require "lunula.models.model"
local step = require "lunula.models.step"

local trainer = {}

-- ---- compile -----------------------------------------------------------------------------------

local compile_options = { "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics",
  "run_eagerly" }

function trainer.compile(self, given)
  local o = options.read("compile", given, compile_options)
  local optimizer = declare.get("optimizer", o.optimizer == nil and "rmsprop" or o.optimizer)
  if not declare.is(optimizer, "optimizer") then
    core.raise("compile: optimizer must be a name or an optimizer, got %s",
      declare.show(o.optimizer))
  end
  if o.run_eagerly ~= nil and type(o.run_eagerly) ~= "boolean" then
    core.raise("compile: run_eagerly must be true or false, got %s", declare.show(o.run_eagerly))
  end
  local prepared = compiled.new(o)
  rawset(self, "optimizer", optimizer)
  rawset(self, "loss", o.loss)
  rawset(self, "_compiled", prepared)
  rawset(self, "_compile_options", o)
  rawset(self, "_watch", step.new_watch())
  rawset(self, "_functions", {})
  rawset(self, "run_eagerly", o.run_eagerly or false)
  model_module.changed()
end

local function require_compiled(self, what)
  if not declare.is(self, "layer") then
    core.raise("%s is a method: model:%s(…), with a colon", what, what)
  end
  if not self._compiled then
    core.raise("model \"%s\" must be compiled before %s: model:compile{optimizer=\"adam\", loss=…}",
      self.name, what)
  end
end

-- ---- preparing ---------------------------------------------------------------------------------

local function flat(xs, ys, ws)
  local list = {}
  for _, part in ipairs { xs, ys, data.present(ws) } do
    table.move(part, 1, #part, #list + 1, list)
  end
  return list
end

-- Everything about a set of samples: {xs=, ys=, ws=, structure=, tensors=, count=}.
local function prepare(self, x, y, sample_weight, class_weight)
  local xs, structure = data.list(x, self:_input_names(), "x")
  local ys = {}
  if y ~= nil then ys = data.list(y, self._graph and self:_output_names() or nil, "y") end
  local ws = data.weights(sample_weight, class_weight, ys, self:_output_names())
  local count = data.count_samples { { "x", xs }, { "y", ys },
    { "sample_weight", data.present(ws) } }
  return { xs = xs, ys = ys, ws = ws, structure = structure, tensors = flat(xs, ys, ws),
    count = count }
end

-- The step for such samples. Class ids are looked at once.
local function entry_of(self, mode, samples)
  local entry = step[mode](self, samples.xs, samples.ys, samples.ws, samples.structure)
  if self._compiled.built and not samples.checked then
    self._compiled:check_class_ids(samples.ys)
    samples.checked = true
  end
  return entry
end

-- The same for a batch of an iterator: its step and its tensors.
local function batch_step(self, mode)
  return function(x, y, weight)
    local samples = prepare(self, x, y, weight)
    return entry_of(self, mode, samples), samples.tensors
  end
end

-- Where validation comes from: {feed=, entry=}, or nil. Checked before training begins.
local function validation_of(self, o, samples)
  local batch = o.validation_batch_size or o.batch_size or 32
  local given = o.validation_data
  if given ~= nil then
    if type(given) == "function" then
      return { feed = feed.batches(given, batch_step(self, "test"), o.validation_steps) }
    end
    if type(given) ~= "table" or core.is_tensor(given) or given[1] == nil then
      core.raise("fit: validation_data must be a list {x, y} or {x, y, sample_weight}, or an "
        .. "iterator function")
    end
    local held = prepare(self, given[1], given[2], given[3])
    return { feed = feed.rows(held.tensors, 0, held.count, batch), samples = held }
  end
  if o.validation_split and o.validation_split ~= 0 then
    if not samples then core.raise("fit: validation_split needs tensors; an iterator function "
      .. "cannot be split") end
    local point = data.split_point(samples.count, o.validation_split)
    return { feed = feed.rows(samples.tensors, point, samples.count, batch), samples = samples,
      point = point }
  end
end

-- ---- results -----------------------------------------------------------------------------------

-- {{name, value}, …} as a table by name.
local function by_name(results, prefix, into)
  into = into or {}
  for _, entry in ipairs(results) do into[(prefix or "") .. entry[1]] = entry[2] end
  return into
end

local function as_returns(results, return_dict)
  if return_dict then return by_name(results) end
  local values = {}
  for i, entry in ipairs(results) do values[i] = entry[2] end
  return table.unpack(values)
end

-- A loss that is not a number makes all weights so: say where it happened and stop.
local function check_finite(self, epoch, steps)
  local bad = self._watch.bad.value:item()
  if bad < 0 then return end
  core.raise("fit: the loss is not a finite number at batch %d of epoch %d; look for a "
    .. "learning rate that is too high, "
    .. "a division by 0 or a logarithm of 0, or for such values in the data",
    math.tointeger(bad) + 1,
    epoch + 1, steps)
end

local function reset_watch(self)
  self._watch.steps:assign(core.tensor(0, { dtype = "float32" }))
  self._watch.bad:assign(core.tensor(-1, { dtype = "float32" }))
end

-- ---- evaluate ----------------------------------------------------------------------------------

-- Runs the feed through the test step and returns the results. bar: a progress bar or nil.
local function run_test(self, source, entry, callbacks, bar)
  self._compiled:reset()
  callbacks:call "on_test_begin"
  local every = callbacks:has_batch_hooks "test"
  local before = every and function(done) callbacks:call("on_test_batch_begin", done) end
  source:run(entry, function(done)
    if every then
      callbacks:call("on_test_batch_end", done - 1, by_name(self._compiled:results()))
    end
    if bar then bar:update(done, bar.live and self._compiled:results() or {}) end
    return not self.stop_evaluating
  end, every, before)
  local results = self._compiled:results()
  callbacks:call("on_test_end", by_name(results))
  return results
end

local evaluate_options = {
  "batch_size", "verbose", "sample_weight", "steps", "callbacks", "return_dict",
}

local function callback_list(self, given, params)
  return require("lunula.callbacks").list(self, given, params)
end

function trainer.evaluate(self, x, y, given)
  if type(x) == "function" and given == nil then y, given = nil, y end
  local o = options.read("evaluate", given, evaluate_options)
  require_compiled(self, "evaluate")
  local source, entry
  if type(x) == "function" then
    source = feed.batches(x, batch_step(self, "test"), options.count("evaluate", "steps", o.steps))
  else
    local samples = prepare(self, x, y, o.sample_weight)
    source = feed.rows(samples.tensors, 0, samples.count,
      options.count("evaluate", "batch_size", o.batch_size) or 32)
    source.limit = options.count("evaluate", "steps", o.steps)
    entry = entry_of(self, "test", samples)
  end
  local callbacks = callback_list(self, o.callbacks,
    { verbose = o.verbose, steps = source:steps() })
  local bar = progbar.new { target = source:steps(), verbose = o.verbose or 0 }
  local results = run_test(self, source, entry, callbacks, bar)
  bar:finish(source:steps() or 0, results)
  return as_returns(results, o.return_dict)
end

-- ---- fit ---------------------------------------------------------------------------------------

local fit_options = {
  "batch_size", "epochs", "verbose", "callbacks", "validation_split", "validation_data",
  "shuffle", "class_weight",
  "sample_weight", "initial_epoch", "steps_per_epoch", "validation_steps",
  "validation_batch_size", "validation_freq",
}

local function read_fit(given)
  local o = {}
  for key, value in pairs(options.read("fit", given, fit_options)) do o[key] = value end
  for _, name in ipairs {
    "batch_size", "epochs", "steps_per_epoch", "validation_steps", "validation_batch_size",
  } do
    o[name] = options.count("fit", name, o[name])
  end
  o.initial_epoch = options.count("fit", "initial_epoch", o.initial_epoch, 0) or 0
  o.epochs = o.epochs or 1
  if o.verbose == "auto" or o.verbose == nil then o.verbose = 1 end
  if type(o.verbose) == "boolean" then o.verbose = o.verbose and 1 or 0 end
  if o.verbose ~= 0 and o.verbose ~= 1 and o.verbose ~= 2 then
    core.raise("fit: verbose must be 0, 1 or 2, got %s", declare.show(o.verbose))
  end
  if o.shuffle == nil then o.shuffle = true end
  if type(o.shuffle) ~= "boolean" and o.shuffle ~= "batch" then
    core.raise("fit: shuffle must be true, false or \"batch\", got %s", declare.show(o.shuffle))
  end
  return o
end

-- The training feed and its step.
local function training_of(self, x, y, o)
  if type(x) == "function" then
    for _, name in ipairs { "batch_size", "class_weight", "sample_weight" } do
      if o[name] ~= nil then
        core.raise("fit: %s cannot be used with an iterator, which yields batches", name)
      end
    end
    if y ~= nil then core.raise("fit: with an iterator, y comes from it and cannot be given") end
    return nil, feed.batches(x, batch_step(self, "train"), o.steps_per_epoch)
  end
  local samples = prepare(self, x, y, o.sample_weight, o.class_weight)
  return samples, feed.rows(samples.tensors, 0, samples.count, o.batch_size or 32)
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

-- A number drawn from the seeded stream, so that set_random_seed decides the orders of a fit.
local function draw_seed()
  local drawn = random.uniform({ 2 }):totable()
  return math.floor(drawn[1] * 2 ^ 24) << 24 | math.floor(drawn[2] * 2 ^ 24)
end

local function shuffled(source, o, seed, epoch)
  if not source.shuffle or not o.shuffle then return end
  source:shuffle(feed.permutation(source.first, source.last, seed + epoch,
    o.shuffle == "batch" and source.batch or nil))
end

-- Keys that callbacks added, behind the known ones, by alphabet.
local function listed(results, logs)
  local list, known, extra = {}, {}, {}
  for i, entry in ipairs(results) do list[i], known[entry[1]] = entry, true end
  for key in pairs(logs) do
    if not known[key] then extra[#extra + 1] = key end
  end
  table.sort(extra)
  for _, key in ipairs(extra) do
    if type(logs[key]) == "number" then list[#list + 1] = { key, logs[key] } end
  end
  return list
end

local function prefixed(results)
  local list = {}
  for i, entry in ipairs(results) do list[i] = { "val_" .. entry[1], entry[2] } end
  return list
end

-- The batches of one epoch. Returns the number of steps.
local function train_epoch(self, run, epoch, bar)
  local callbacks, results = run.callbacks, self._compiled
  local every = callbacks:has_batch_hooks "train"
  local before = every and function(done) callbacks:call("on_train_batch_begin", done) end
  return run.source:run(run.entry, function(done)
    if every then callbacks:call("on_train_batch_end", done - 1, by_name(results:results())) end
    if not run.tolerates_nan then check_finite(self, epoch, done) end
    bar:update(done, bar.live and results:results() or {})
    return not self.stop_training
  end, every, before)
end

local function run_epoch(self, run, epoch)
  local o, callbacks = run.options, run.callbacks
  shuffled(run.source, o, run.seed, epoch)
  self._compiled:reset()
  reset_watch(self)
  callbacks:call("on_epoch_begin", epoch)
  local bar = progbar.new { target = run.source:steps(), verbose = o.verbose }
  local heading = string.format("Epoch %d/%d", epoch + 1, o.epochs)
  if o.verbose == 1 and not bar.live then
    bar.title = heading .. " - "
  elseif o.verbose ~= 0 and (o.verbose == 1 or o.epochs > 1) then
    bar.write(heading .. "\n")
  end
  local finished = false
  local _ <close> = setmetatable({},
    { __close = function() if not finished then bar:abandon() end end })

  local steps = train_epoch(self, run, epoch, bar)
  local results = self._compiled:results()
  local logs = by_name(results)
  if run.validation and is_due(o.validation_freq, epoch) then
    local validation = run.validation
    local entry = validation.samples and entry_of(self, "test", validation.samples)
    local found = prefixed(run_test(self, validation.feed, entry, callbacks))
    by_name(found, nil, logs)
    results = table.move(found, 1, #found, #results + 1, results)
  end
  callbacks:call("on_epoch_end", epoch, logs)
  finished = true
  bar:finish(steps, listed(results, logs))
  return logs
end

-- Ctrl-C reaches Lua between two slices of batches, at a line of ours; users shall see their own.
local interruption = setmetatable({}, { __close = function(_, failure)
  if type(failure) == "string" and failure:find "interrupted!$" then
    core.raise("interrupted! The weights are those of the last finished batch")
  end
end })

function trainer.fit(self, x, y, given)
  if type(x) == "function" and given == nil then y, given = nil, y end
  local o = read_fit(given)
  require_compiled(self, "fit")
  local samples, source = training_of(self, x, y, o)
  local validation = validation_of(self, o, samples)
  if validation and validation.point then source.last = validation.point end
  if samples then source.limit = o.steps_per_epoch end
  if validation and validation.samples then validation.feed.limit = o.validation_steps end

  rawset(self, "stop_training", false)
  local run = {
    source = source, options = o, validation = validation, seed = draw_seed(),
    entry = samples and entry_of(self, "train", samples),
  }
  run.callbacks = callback_list(self, o.callbacks,
    { verbose = o.verbose, epochs = o.epochs, steps = source:steps(), history = true })
  run.tolerates_nan = run.callbacks:tolerates_nan()
  run.callbacks:call "on_train_begin"
  local _ <close> = interruption
  local logs
  for epoch = o.initial_epoch, o.epochs - 1 do
    if samples then run.entry = entry_of(self, "train", samples) end
    logs = run_epoch(self, run, epoch)
    if self.stop_training then break end
  end
  self.optimizer:finalize_variable_values(self.trainable_weights)
  run.callbacks:call("on_train_end", logs)
  rawset(self, "history", run.callbacks.history)
  return run.callbacks.history
end

-- ---- one batch ---------------------------------------------------------------------------------

local batch_options = { "sample_weight", "class_weight", "return_dict" }

local function on_batch(self, mode, name, x, y, given)
  local o = options.read(name, given, batch_options)
  require_compiled(self, name)
  local samples = prepare(self, x, y, o.sample_weight, o.class_weight)
  local entry = entry_of(self, mode, samples)
  entry.call(table.unpack(samples.tensors))
  return as_returns(self._compiled:results(), o.return_dict)
end

-- Metrics add up over calls until reset_metrics().
function trainer.train_on_batch(self, x, y, given)
  return on_batch(self, "train", "train_on_batch", x, y, given)
end

function trainer.test_on_batch(self, x, y, given)
  return on_batch(self, "test", "test_on_batch", x, y, given)
end

function trainer.reset_metrics(self)
  if self._compiled then self._compiled:reset() end
end

return trainer
