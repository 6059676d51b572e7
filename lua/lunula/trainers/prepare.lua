-- What fit and evaluate are given, prepared: lists of tensors and the traced step that fits them.

local core = require "lunula.core"
local declare = require "lunula.declare"
local source = require "lunula.data.source"
local data = require "lunula.trainers.data"
local ranks = require "lunula.distribution.ranks"
local prepared_batches = require "lunula.trainers.prepared_batches"
local traced_steps = require "lunula.trainers.traced_steps"

local prepare = {}

local function flat(xs, ys, ws)
  local list = {}
  for _, part in ipairs { xs, ys, data.present(ws) } do
    table.move(part, 1, #part, #list + 1, list)
  end
  return list
end

-- {xs=, ys=, ws=, structure=, tensors = all of them in a row, count=}
function prepare.prepare(self, x, y, sample_weight, class_weight)
  local xs, structure = data.list(self:_read(x), self:_input_names(), "x",
    self._input_structure)
  local ys, y_structure = {}, nil
  if y ~= nil then
    local names = self._graph and self._compiled:target_names(self:_output_names(), y) or nil
    ys, y_structure = data.list(y, names, "y", self._output_structure)
  end
  local ws = data.weights(sample_weight, class_weight, ys, self:_output_names())
  local count = data.count_samples {
    { "x", xs }, { "y", ys }, { "sample_weight", data.present(ws) },
  }
  return {
    xs = xs, ys = ys, ws = ws, structure = structure, y_structure = y_structure,
    tensors = flat(xs, ys, ws), count = count,
  }
end

-- Batches of rows first … last-1; of which each rank takes a part, where there are several.
function prepare.rows(prepared, first, last, batch)
  local kind = ranks.here and require "lunula.trainers.shared_batches" or prepared_batches
  return kind.rows(prepared.tensors, first, last, batch)
end

-- The step (mode "train" or "test") for prepared samples. Their class ids are looked at once.
function prepare.entry(self, mode, prepared)
  local entry = traced_steps[mode](self, prepared)
  if self._compiled.built and not prepared.checked then
    self._compiled:check_class_ids(self._compiled:spread_targets(self:_output_names(), prepared.ys))
    prepared.checked = true
  end
  return entry
end

-- Python's batch, one tuple, would be a list of inputs here.
function prepare.check_batch(self, x)
  local names = self:_input_names()
  if names and #names == 1 and declare.is_plain(x) and #x > 1 and core.is_tensor(x[1]) then
    core.raise("a batch is x, y and sample_weight as several returns (return x, y), got one list "
      .. "of %d tensors", #x)
  end
end

-- For batches of an iterator: a function from what it gave to a step and its tensors.
local function of_batches(self, mode, class_weight)
  return function(x, y, weight)
    prepare.check_batch(self, x)
    local prepared = prepare.prepare(self, x, y, weight, class_weight)
    return prepare.entry(self, mode, prepared), prepared.tensors
  end
end

-- Is x what gives batches, an iterator function or a dataset?
function prepare.gives_batches(x)
  return type(x) == "function" or source.is(x)
end

-- (x, options) where x gives batches: they have y within. A tensor is a y, which check_batched
-- refuses.
function prepare.arrange(x, y, given)
  if prepare.gives_batches(x) and given == nil and not core.is_tensor(y) then return nil, y end
  return y, given
end

local targets = { y = "the targets", sample_weight = "the sample weights" }

-- What an iterator or a dataset gives with its batches, or decides by itself, cannot be given.
local function check_batched(what, x, y, o)
  local kind = type(x) == "function" and "an iterator" or "a dataset"
  local given = { y = y, sample_weight = o.sample_weight }
  for _, name in ipairs { "y", "sample_weight" } do
    if given[name] ~= nil then
      core.raise("%s: when x is %s, %s should not be given; %s should be part of its batches",
        what, kind, name, targets[name])
    end
  end
  for _, name in ipairs { "batch_size", kind == "an iterator" and "class_weight" or nil } do
    if o[name] ~= nil then
      core.raise("%s: %s cannot be used with %s, which yields batches", what, name, kind)
    end
  end
end

-- Batches for fit, evaluate or predict (`what`); to_step(x, y, weight) -> step, its tensors.
-- limit: the number of steps, whose option is `steps`.
function prepare.batched(what, x, y, o, to_step, limit, steps)
  check_batched(what, x, y, o)
  if type(x) == "function" then return prepared_batches.of(x, to_step, limit) end
  return prepared_batches.of_dataset(x, to_step, limit,
    ("%s: the dataset repeats without end; say %s"):format(what, steps))
end

-- The same for a step of mode "train" or "test".
function prepare.batches(self, what, mode, x, y, o, limit, steps)
  return prepare.batched(what, x, y, o, of_batches(self, mode, o.class_weight), limit, steps)
end

return prepare
