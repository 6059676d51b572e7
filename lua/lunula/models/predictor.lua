-- predict and predict_on_batch: the outputs of a model, with as little Lua on the way as can be.
--
-- predict runs all rows in C into tensors made beforehand. The first predict_on_batch puts a
-- short function into the model itself, which hands a plain tensor straight to the traced
-- Function; the class's method stays for all else.

local core = require "lunula.core"
local ops = require "lunula.ops"
local nest = require "lunula.utils.nest"
local options = require "lunula.utils.options"
local progbar = require "lunula.utils.progbar"
local data = require "lunula.models.data"
local feed = require "lunula.models.feed"
local step = require "lunula.models.step"

local predictor = {}

-- Outputs as the user gets them: several returns, or a table by name.
local function as_returns(self, outputs)
  local names = self._output_structure and nest.is_structure(self._output_structure)
    and #self._output_structure == 0 and self:_output_names() or self._returns_names
  if not names then return table.unpack(outputs) end
  local named = {}
  for i, name in ipairs(names) do named[name] = outputs[i] end
  return named
end

local function check_ready(self)
  if self._stack and #self._stack == 0 then
    core.raise("model \"%s\" has no layers yet; add some before predict", self.name)
  end
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

-- Batch by batch, joined at the end.
local function run_batches(source, entry, visit)
  local parts = {}
  local collect = { call = function(...)
    local results = table.pack(entry.call(...))
    for i = 1, results.n do
      if results[i].rank == 0 then core.raise("predict: an output has no batch axis") end
      parts[i] = parts[i] or {}
      table.insert(parts[i], results[i])
    end
  end }
  source:run(collect, visit)
  local outputs = {}
  for i, list in ipairs(parts) do
    outputs[i] = #list == 1 and list[1] or ops.concatenate(list, 0)
  end
  return outputs
end

local predict_options = { "batch_size", "verbose", "steps", "callbacks" }

local function predict_iterator(self, next_batch, o)
  local function prepare(x)
    local xs, structure = data.list(x, self:_input_names(), "the batch's x")
    return step.predict(self, xs, structure), xs
  end
  local parts = {}
  local source = feed.batches(next_batch, function(x)
    local entry, xs = prepare(x)
    return { call = function(...)
      for i, output in ipairs { entry.call(...) } do
        parts[i] = parts[i] or {}
        table.insert(parts[i], output)
      end
    end }, xs
  end, options.count("predict", "steps", o.steps))
  source:run(nil, function() return true end)
  local outputs = {}
  for i, list in ipairs(parts) do
    outputs[i] = #list == 1 and list[1] or ops.concatenate(list, 0)
  end
  return as_returns(self, outputs)
end

function predictor.predict(self, x, given)
  local o = options.read("predict", given, predict_options)
  check_ready(self)
  if type(x) == "function" then return predict_iterator(self, x, o) end
  local xs, structure = data.list(x, self:_input_names(), "x")
  local count = data.count_samples { { "x", xs } }
  local entry = step.predict(self, xs, structure)
  local source = feed.rows(xs, 0, count, options.count("predict", "batch_size", o.batch_size) or 32)
  source.limit = options.count("predict", "steps", o.steps)
  local callbacks = o.callbacks and require("lunula.callbacks").list(self, o.callbacks,
    { steps = source:steps() })
  if callbacks then callbacks:call "on_predict_begin" end
  local bar = progbar.new { target = source:steps(), verbose = o.verbose or 0 }
  local function visit(done)
    bar:update(done, {})
    return true
  end
  local outputs = not source.limit and make_outputs(entry, count)
  if outputs then
    source.outputs = outputs
    source:run(entry, visit)
  else
    outputs = run_batches(source, entry, visit)
  end
  bar:finish(source:steps(), {})
  if callbacks then callbacks:call "on_predict_end" end
  return as_returns(self, outputs)
end

-- The short way for one plain tensor of the dtype that was traced.
local function install_short_way(self, entry, dtype)
  local run, traced, is_named = entry.call, entry.version, self._returns_names
  if not entry.rows or is_named then return end
  local version = self._version
  rawset(self, "predict_on_batch", function(_, x)
    if type(x) == "userdata" and version() == traced and x.dtype == dtype then return run(x) end
    rawset(self, "predict_on_batch", nil)
    return predictor.predict_on_batch(self, x)
  end)
end

function predictor.predict_on_batch(self, x)
  check_ready(self)
  local xs, structure = data.list(x, self:_input_names(), "x")
  data.count_samples { { "x", xs } }
  local entry = step.predict(self, xs, structure)
  local outputs = { entry.call(table.unpack(xs)) }
  if structure == "single" and core.is_tensor(x) and not core.is_variable(x) then
    install_short_way(self, entry, x.dtype)
  end
  return as_returns(self, outputs)
end

return predictor
