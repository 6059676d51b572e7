-- predict and predict_on_batch: the outputs of a model, with as little Lua on the way as can be.
--
-- predict runs all rows in C into tensors made beforehand. Once a model of known input shape was
-- asked with a plain tensor, functions of C are put into the model itself, which hand such a
-- tensor straight to the traced Function; the methods of the class stay for all else.

local core = require "lunula.core"
local late = require "lunula.late"
local changes = require "lunula.layers.base.changes"
local hooks = require "lunula.layers.base.hooks"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local nest = require "lunula.utils.nest"
local options = late(function () return require "lunula.utils.options" end)
local progbar = late(function () return require "lunula.utils.progbar" end)
local verbosity = late(function () return require "lunula.utils.verbosity" end)
local ranks = require "lunula.distribution.ranks"
local data = require "lunula.trainers.data"
local interruption = late(function () return require "lunula.trainers.interruption" end)
local prepared_batches = late(function () return require "lunula.trainers.prepared_batches" end)
local prepare = late(function () return require "lunula.trainers.prepare" end)
local traced_steps = require "lunula.trainers.traced_steps"

local predictor = {}

local BATCH <const> = 32

-- ---- results -----------------------------------------------------------------------------------

-- The names of the outputs of a model without a known structure that gives them in a table.
local function names_of_outputs(self)
  return not self._output_structure and self._returns_names or nil
end

local function gives_a_table(self)
  local structure = self._output_structure
  return names_of_outputs(self) or nest.is_nested(structure)
    or nest.is_structure(structure) and #structure == 0
end

-- Outputs as the user gets them, as from a call: several returns, or a table by name, in which
-- there may be others.
local function as_returns(self, outputs)
  local structure, names = self._output_structure, names_of_outputs(self)
  if not (names or nest.is_structure(structure)) then return table.unpack(outputs) end
  local place, results = 0, {}
  local function next_output()
    place = place + 1
    return outputs[place]
  end
  if names then
    for _, name in ipairs(names) do results[name] = next_output() end
    return results
  end
  results = nest.map(structure, next_output)
  if #results == 0 then return results end
  return table.unpack(results)
end

-- Room for the outputs of all rows, or nil where a size is only known batch by batch.
local function make_outputs(entry, count)
  if not entry.rows then return nil end
  local outputs = {}
  for i, spec in ipairs(entry.call.outputs) do
    local shape = table.move(spec.shape, 1, #spec.shape, 1, {})
    if #shape == 0 or shape[1] ~= false then return nil end
    shape[1] = count
    for _, dim in ipairs(shape) do
      if not dim then return nil end
    end
    outputs[i] = ops.full(shape, 0, spec.dtype)
  end
  return outputs
end

-- Batches of outputs that are joined at the end: collect(outputs of a batch…), join() -> outputs.
local function collector()
  local parts = {}
  local function collect(...)
    for i = 1, select("#", ...) do
      local output = select(i, ...)
      if output.rank == 0 then
        core.raise("predict: output %d of the model has no batch axis", i)
      end
      parts[i] = parts[i] or {}
      table.insert(parts[i], output)
    end
  end
  local function join()
    local outputs = {}
    for i, list in ipairs(parts) do
      outputs[i] = #list == 1 and list[1] or tools.joined(list, 0)
    end
    return outputs
  end
  return collect, join
end

-- ---- the short way -----------------------------------------------------------------------------

-- For one plain tensor, which gives another. The Function checks and casts by itself; only another
-- rank may need another trace.
local function install_short_way(self, entry)
  changes.shorten(self, {
    predict = core.short_way(entry.call, self, BATCH, predictor.predict),
    predict_on_batch = core.short_way(entry.call, self, 0, predictor.predict_on_batch),
  })
end

local function offer_short_way(self, entry, x, structure)
  if not entry.rows or structure ~= "single" or gives_a_table(self) then return end
  if #entry.call.outputs ~= 1 then return end
  local declared = self:_input_shapes()
  if declared and core.is_tensor(x) and not core.is_variable(x) and #declared[1] == x.rank then
    install_short_way(self, entry)
  end
end

-- ---- predict -----------------------------------------------------------------------------------

local function check_ready(self, name)
  hooks.check_method(self, "model", name)
  if self._stack and #self._stack == 0 then
    core.raise("model \"%s\" has no layers yet; add some before predict", self.name)
  end
end

local predict_options = { "batch_size", "verbose", "steps", "callbacks" }

-- Runs the batches, between the hooks of callbacks and a bar where there are any. run(visit,
-- before).
local function watched_run(self, batches, o, run)
  local _ <close> = interruption.tell()
  if o.callbacks == nil and o.verbose == 0 then return run(function() return true end) end
  local callbacks = require("lunula.callbacks").list(self, o.callbacks, { steps = batches:steps() })
  local every = callbacks:has_batch_hooks "predict"
  local bar <close> = progbar.new { target = batches:steps(), verbose = o.verbose }
  callbacks:call "on_predict_begin"
  local outputs = run(function(done)
    if every then callbacks:call("on_predict_batch_end", done - 1) end
    bar:update(done, {})
    return true
  end, every and function(done) callbacks:call("on_predict_batch_begin", done) end or nil)
  bar:finish(batches:steps() or 0, {})
  callbacks:call "on_predict_end"
  return outputs
end

local function shared_batches() return require "lunula.trainers.shared_batches" end

local function predict_iterator(self, given, o)
  local collect, join = collector()
  local batches = prepare.batched("predict", given, nil, o, function(x)
    prepare.check_batch(self, x)
    local xs, structure = data.list(self:_read(x), self:_input_names(), "the batch's x",
      self._input_structure)
    local entry = traced_steps.predict(self, xs, structure)
    return { call = function(...)
      if ranks.here then return collect(shared_batches().joined(entry.call(...))) end
      collect(entry.call(...))
    end }, xs
  end, options.count("predict", "steps", o.steps), "steps")
  return as_returns(self, watched_run(self, batches, o, function(visit, before)
    batches:run(nil, visit, before ~= nil, before)
    return join()
  end))
end

-- Runs the rows, into tensors of the full size where that is known before.
local function predict_rows(batches, entry, count, visit, before)
  local outputs = not batches.limit and make_outputs(entry, count)
  if outputs then
    batches.outputs = outputs
    batches:run(entry, visit, before ~= nil, before)
    return outputs
  end
  local collect, join = collector()
  batches:run({ call = function(...) collect(entry.call(...)) end }, visit, before ~= nil, before)
  return join()
end

-- Each rank predicts a part of the rows; all have the whole result.
local function predict_shared(batches, entry, count)
  local shared = shared_batches()
  shared.check_data(batches.tensors)
  local own = prepared_batches.rows(batches.tensors, 0, 0, batches.batch)
  own.first, own.last = ranks.part(0, count)
  local collect, join = collector()
  shared.apart(function()
    own:run({ call = function(...) collect(entry.call(...)) end }, function() end)
  end)
  return { shared.joined(table.unpack(join())) }
end

predictor.options = predict_options

predictor.predict = ranks.guarded(function(self, x, given)
  check_ready(self, "predict")
  if type(x) == "table" and x.y == nil then
    local _
    x, _, given = data.from_one_table(self, predict_options, x, nil, given)
  end
  local o = options.read("predict", given, predict_options)
  o.verbose = ranks.writes() and verbosity.read("predict", o.verbose, 0) or 0
  if ranks.here then shared_batches().check_states(self) end
  if prepare.gives_batches(x) then return predict_iterator(self, x, o) end
  local xs, structure = data.list(self:_read(x), self:_input_names(), "x",
    self._input_structure)
  local count = data.count_samples { { "x", xs } }
  local entry = traced_steps.predict(self, xs, structure)
  local batch = options.count("predict", "batch_size", o.batch_size) or BATCH
  local batches = prepared_batches.rows(xs, 0, count, batch)
  batches.limit = options.count("predict", "steps", o.steps)
  local outputs = watched_run(self, batches, o, function(visit, before)
    local wanted = math.min(count, batches:steps() * batch)
    -- What callbacks are called for is each of all batches: then each rank computes them all.
    if ranks.here and not before and wanted >= ranks.here.size then
      return predict_shared(batches, entry, wanted)
    end
    return predict_rows(batches, entry, count, visit, before)
  end)
  -- The short way draws no bar.
  if not (verbosity.is_watched() or ranks.here) then offer_short_way(self, entry, x, structure) end
  return as_returns(self, outputs)
end)

function predictor.predict_on_batch(self, x)
  check_ready(self, "predict_on_batch")
  local xs, structure = data.list(self:_read(x), self:_input_names(), "x",
    self._input_structure)
  data.count_samples { { "x", xs } }
  local entry = traced_steps.predict(self, xs, structure)
  local outputs = { entry.call(table.unpack(xs)) }
  offer_short_way(self, entry, x, structure)
  return as_returns(self, outputs)
end

return predictor
