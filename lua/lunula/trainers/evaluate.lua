-- evaluate: losses and metrics over all samples, without training. fit validates with it.

local options = require "lunula.utils.options"
local progbar = require "lunula.utils.progbar"
local verbosity = require "lunula.utils.verbosity"
local compile_spec = require "lunula.trainers.compile_spec"
local ranks = require "lunula.distribution.ranks"
local data = require "lunula.trainers.data"
local interruption = require "lunula.trainers.interruption"
local results = require "lunula.trainers.results"
local prepare = require "lunula.trainers.prepare"

local evaluate = {}

-- Runs the batches through the test step and returns the results. bar: a progress bar or nil.
function evaluate.run(self, batches, entry, callbacks, bar)
  self:reset_metrics()
  callbacks:call "on_test_begin"
  local every = callbacks:has_batch_hooks "test"
  local before = every and function(done) callbacks:call("on_test_batch_begin", done) end
  batches:run(entry, function(done)
    if every then
      callbacks:call("on_test_batch_end", done - 1, results.by_name(results.of(self, "test")))
    end
    if bar then bar:update(done, bar.live and results.shown(results.of(self, "test")) or {}) end
  end, every, before)
  local found = results.of(self, "test")
  callbacks:call("on_test_end", results.by_name(found))
  return found
end

local allowed = { "batch_size", "verbose", "sample_weight", "steps", "callbacks", "return_dict" }

evaluate.options = allowed

local function evaluate_all(self, x, y, given)
  x, y, given = data.from_one_table(self, allowed, x, y, given)
  y, given = prepare.arrange(x, y, given)
  local o = options.read("evaluate", given, allowed)
  local verbose = ranks.writes() and verbosity.read("evaluate", o.verbose, 0) or 0
  compile_spec.require_of(self, "evaluate")
  local steps = options.count("evaluate", "steps", o.steps)
  local batches, entry
  if prepare.gives_batches(x) then
    batches = prepare.batches(self, "evaluate", "test", x, y, o, steps, "steps")
  else
    local prepared = prepare.prepare(self, x, y, o.sample_weight)
    local batch = options.count("evaluate", "batch_size", o.batch_size) or 32
    batches = prepare.rows(prepared, 0, prepared.count, batch)
    batches.limit = steps
    entry = prepare.entry(self, "test", prepared)
  end
  local callbacks = require("lunula.callbacks").list(self, o.callbacks,
    { verbose = verbose, steps = batches:steps() })
  local _ <close> = interruption.tell()
  local bar <close> = progbar.new { target = batches:steps(), verbose = verbose }
  local found = evaluate.run(self, batches, entry, callbacks, bar)
  bar:finish(batches:steps() or 0, results.shown(found))
  return results.as_returns(found, o.return_dict)
end

evaluate.evaluate = ranks.guarded(evaluate_all)

return evaluate
