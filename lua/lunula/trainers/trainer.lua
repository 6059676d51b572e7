-- compile, and the methods that work on one batch.

local core = require "lunula.core"
local declare = require "lunula.declare"
local options = require "lunula.utils.options"
local ranks = require "lunula.distribution.ranks"
local compile_spec = require "lunula.trainers.compile_spec"
local changes = require "lunula.layers.base.changes"
local results = require "lunula.trainers.results"
local prepare = require "lunula.trainers.prepare"
local traced_steps = require "lunula.trainers.traced_steps"
local watch = require "lunula.trainers.watch"

local trainer = {}

-- ---- compile -----------------------------------------------------------------------------------

local compile_options = {
  "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly",
}

trainer.options = compile_options

-- None is nil where it is all that is said, and core.None inside of lists and name tables.
local function with_none(value, within)
  if value == false or value == core.None then return within and core.None or nil end
  if not declare.is_plain(value) or value.class_name ~= nil then return value end
  local copy = setmetatable({}, getmetatable(value))
  for key, inner in pairs(value) do copy[key] = with_none(inner, true) end
  return copy
end

local function read_options(given)
  local o = {}
  for key, value in pairs(options.read("compile", given, compile_options)) do
    if key ~= "optimizer" and key ~= "run_eagerly" then value = with_none(value) end
    o[key] = value
  end
  if o.run_eagerly == core.None then o.run_eagerly = nil end
  return o
end

function trainer.compile(self, given)
  local o = read_options(given)
  local optimizer = declare.get("optimizer", o.optimizer == nil and "rmsprop" or o.optimizer)
  if not declare.is(optimizer, "optimizer") then
    core.raise("compile: optimizer must be a name or an optimizer, got %s",
      declare.show(o.optimizer))
  end
  if o.run_eagerly ~= nil and type(o.run_eagerly) ~= "boolean" then
    core.raise("compile: run_eagerly must be true or false, got %s", declare.show(o.run_eagerly))
  end
  local prepared = compile_spec.new(o)
  rawset(self, "optimizer", optimizer)
  rawset(self, "loss", o.loss)
  rawset(self, "_compiled", prepared)
  rawset(self, "_compile_options", o)
  rawset(self, "_watch", watch.new())
  rawset(self, "_functions", {})
  rawset(self, "_logs", {})
  rawset(self, "run_eagerly", o.run_eagerly or false)
  changes.note(self)
end

-- ---- one batch ---------------------------------------------------------------------------------

local batch_options = { "sample_weight", "class_weight", "return_dict" }

-- A batch that is not finite changed nothing.
local function check_finite(self)
  local bad, what = watch.bad_step(self)
  if not bad then return end
  core.raise("train_on_batch: %s is not a finite number; the weights are those before", what)
end

local on_batch = ranks.guarded(function(self, mode, name, x, y, given)
  local o = options.read(name, given, batch_options)
  compile_spec.require_of(self, name)
  if mode == "train" then traced_steps.take_up_random(self) end
  local prepared = prepare.prepare(self, x, y, o.sample_weight, o.class_weight)
  local entry = prepare.entry(self, mode, prepared)
  watch.start(self)
  self:reset_metrics()
  if ranks.here then
    require("lunula.trainers.shared_batches").run_batch({}, entry, prepared.tensors)
  else
    entry.call(table.unpack(prepared.tensors))
  end
  if mode == "train" then check_finite(self) end
  return results.as_returns(results.of(self, mode), o.return_dict)
end)

-- The results are those of this batch alone.
function trainer.train_on_batch(self, x, y, given)
  return on_batch(self, "train", "train_on_batch", x, y, given)
end

function trainer.test_on_batch(self, x, y, given)
  return on_batch(self, "test", "test_on_batch", x, y, given)
end

function trainer.reset_metrics(self)
  if not self._compiled then return end
  self._compiled:forget_told()
  local done = {}
  for _, list in ipairs { self._compiled:all_metrics(), results.of_steps(self) } do
    for _, entry in ipairs(list) do
      if not done[entry.metric] then entry.metric:reset_state() end
      done[entry.metric] = true
    end
  end
end

return trainer
