-- A frozen model of the host, as scripts see it: predict, inputs, outputs. Its weights are in one
-- place for all states that it was pushed to.

local ops = require "lunula.ops"
local options = require "lunula.utils.options"
local data = require "lunula.trainers.data"
local batches = require "lunula.trainers.prepared_batches"

local BATCH <const> = 32

local frozen = {}
frozen.__index = frozen
frozen.__name = "lunula.FrozenModel"

local function named(specs, count, names)
  local list = {}
  for i = 1, count do
    list[i] = { name = names[i], shape = specs[i].shape, dtype = specs[i].dtype }
  end
  return list
end

-- call: the Function. states: what it takes behind its inputs, and what is dropped behind its
-- outputs. names of inputs and outputs, "" where there are none.
local function new(call, states, input_names, output_names)
  return setmetatable({
    _call = call, _states = states,
    inputs = named(call.inputs, #call.inputs - #states, input_names),
    outputs = named(call.outputs, #call.outputs - #states, output_names),
  }, frozen)
end

local function has_rows(specs)
  for _, spec in ipairs(specs) do
    if spec.shape[1] ~= false then return false end
  end
  return true
end

-- Room for the outputs of all rows, or nil where a size is only known when they are there.
local function make_outputs(self, count)
  local outputs = {}
  if #self._states > 0 or not (has_rows(self.inputs) and has_rows(self.outputs)) then return nil end
  for i, spec in ipairs(self.outputs) do
    local shape = table.move(spec.shape, 1, #spec.shape, 1, {})
    shape[1] = count
    for _, size in ipairs(shape) do
      if not size then return nil end
    end
    outputs[i] = ops.full(shape, 0, spec.dtype)
  end
  return outputs
end

local function names_of(specs)
  local names = {}
  for i, spec in ipairs(specs) do
    names[i] = spec.name ~= "" and spec.name or ("input_" .. i)
  end
  return names
end

-- One tensor, a list or a table by name; batch by batch, or all at once where the model has sizes
-- that follow from the data, or states: it begins with those that it was frozen with.
function frozen:predict(x, given)
  local o = options.read("predict", given, { "batch_size" })
  local xs = data.list(x, names_of(self.inputs), "x")
  local count = data.count_samples { { "x", xs } }
  local outputs = make_outputs(self, count)
  if outputs then
    local source = batches.rows(xs, 0, count,
      options.count("predict", "batch_size", o.batch_size) or BATCH)
    source.outputs = outputs
    source:run({ call = self._call, rows = true }, function() return true end)
    return table.unpack(outputs)
  end
  table.move(self._states, 1, #self._states, #xs + 1, xs)
  return table.unpack({ self._call(table.unpack(xs)) }, 1, #self.outputs)
end

function frozen:__tostring()
  return ("frozen model of %d inputs, %d outputs"):format(#self.inputs, #self.outputs)
end

return new
