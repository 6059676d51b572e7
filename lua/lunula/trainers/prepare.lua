-- What fit and evaluate are given, prepared: lists of tensors and the traced step that fits them.

local core = require "lunula.core"
local data = require "lunula.trainers.data"
local step = require "lunula.trainers.traced_steps"

local samples = {}

-- The model must be compiled before it can do `what`.
function samples.require_compiled(self, what)
  if not self._compiled then
    core.raise("model \"%s\" must be compiled before %s: model:compile{optimizer=\"adam\", loss=…}",
      self.name, what)
  end
end

local function flat(xs, ys, ws)
  local list = {}
  for _, part in ipairs { xs, ys, data.present(ws) } do
    table.move(part, 1, #part, #list + 1, list)
  end
  return list
end

-- {xs=, ys=, ws=, structure=, tensors = all of them in a row, count=}
function samples.prepare(self, x, y, sample_weight, class_weight)
  local xs, structure = data.list(self:_read(x), self:_input_names(), "x",
    self._input_structure)
  local ys, y_structure = {}, nil
  if y ~= nil then
    local names = self._graph and self:_output_names() or nil
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

-- The step (mode "train" or "test") for prepared samples. Their class ids are looked at once.
function samples.entry(self, mode, prepared)
  local entry = step[mode](self, prepared)
  if self._compiled.built and not prepared.checked then
    self._compiled:check_class_ids(prepared.ys)
    prepared.checked = true
  end
  return entry
end

-- For batches of an iterator: a function from what it gave to a step and its tensors.
function samples.of_batches(self, mode)
  return function(x, y, weight)
    local prepared = samples.prepare(self, x, y, weight)
    return samples.entry(self, mode, prepared), prepared.tensors
  end
end

return samples
