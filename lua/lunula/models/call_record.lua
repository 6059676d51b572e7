-- A node is the record of one layer call on placeholders: what was called, with what, and what
-- came out.
--
-- Recording runs the layer once on symbolic tensors (core.trace) to learn shapes, dtypes and
-- masks; replaying runs it again on whatever values stand for its inputs. It knows layers only as
-- things that can be called.

local core = require "lunula.core"
local context = require "lunula.layers.base.context"
local ktensor = require "lunula.models.ktensor"
local nest = require "lunula.utils.nest"

local node = {}

-- Placeholders of the arguments, each once, in reading order.
local function inputs_of(args)
  local inputs, seen = {}, {}
  for i = 1, args.n do
    nest.each(args[i], function(leaf)
      if ktensor.is(leaf) and not seen[leaf] then
        seen[leaf] = true
        inputs[#inputs + 1] = leaf
      end
    end)
  end
  return inputs
end

-- The arguments with values in place of placeholders, as a new packed list.
local function substitute(args, value_of)
  local result = { n = args.n }
  for i = 1, args.n do
    result[i] = nest.map(args[i], function(leaf)
      if ktensor.is(leaf) then return value_of[leaf] end
      return leaf
    end)
  end
  return result
end

-- The placeholders as arguments of a trace, masks behind their tensors.
local function specs_of(inputs)
  local specs = {}
  for _, kt in ipairs(inputs) do
    specs[#specs + 1] = { shape = kt.shape, dtype = kt.dtype, name = kt.name }
    if kt.mask then specs[#specs + 1] = { shape = kt.mask.dims, dtype = kt.mask.dtype } end
  end
  return specs
end

-- The symbolic tensors of a trace by the placeholder they stand for.
local function symbols_by_input(inputs, ...)
  local symbols, value_of, position = { ... }, {}, 0
  for _, kt in ipairs(inputs) do
    position = position + 1
    local symbol = symbols[position]
    value_of[kt] = symbol
    if kt.mask then
      position = position + 1
      symbol.mask = symbols[position]
    end
  end
  return value_of
end

-- What came out, as a placeholder: shape, dtype and mask of a traced tensor.
local function placeholder_for(tensor, record)
  if core.is_variable(tensor) then tensor = tensor.value end
  local mask = tensor.mask
  local kt = ktensor.new {
    dims = tensor.shape, dtype = tensor.dtype, name = record.layer.name, node = record,
    index = #record.outputs + 1,
    mask = mask and { dims = mask.shape, dtype = mask.dtype } or nil,
  }
  record.outputs[kt.index] = kt
  return kt
end

local function append(layer, record)
  record.input_shapes = ktensor.shapes(record.inputs)
  record.output_shapes = ktensor.shapes(record.outputs)
  local nodes = layer._nodes
  nodes[#nodes + 1] = record
end

-- Records call(args…) as a node of `layer` and returns its placeholders, shaped like the results
-- of the call.
local function record_call(layer, call, args)
  local inputs = inputs_of(args)
  local record = { layer = layer, call = call, args = args, inputs = inputs, outputs = {} }
  local _ <close> = context.for_shapes(layer)
  core.trace(specs_of(inputs), function(...)
    local traced = substitute(args, symbols_by_input(inputs, ...))
    local results = table.pack(call(table.unpack(traced, 1, traced.n)))
    local flat = {}
    record.results = { n = results.n }
    for i = 1, results.n do
      record.results[i] = nest.map(results[i], function(leaf)
        if not core.is_tensor(leaf) then return leaf end
        flat[#flat + 1] = leaf
        return placeholder_for(leaf, record)
      end)
    end
    return table.unpack(flat)
  end)
  if #record.outputs == 0 then
    core.raise("layer \"%s\" returned no tensor when it was called on a placeholder", layer.name)
  end
  append(layer, record)
  return table.unpack(record.results, 1, record.results.n)
end

-- A layer (or model) called on placeholders: layer(inputs, options).
function node.record(layer, inputs, options)
  local copy = {}
  for key, value in pairs(options or {}) do copy[key] = value end
  return record_call(layer, layer, table.pack(inputs, copy))
end

-- An op called on placeholders: fn(args…) is the bound op.
function node.record_op(layer, fn, ...)
  local args = table.pack(...)
  if #inputs_of(args) == 0 then
    core.raise("%s: a list that begins with a number is data and cannot hold placeholders",
      layer.name)
  end
  return record_call(layer, fn, args)
end

-- The node of an `Input{}`: no arguments, one output.
function node.input(layer, spec)
  local record = { layer = layer, args = { n = 0 }, inputs = {}, outputs = {}, is_input = true }
  local kt = ktensor.new {
    dims = spec.dims, dtype = spec.dtype, name = layer.name, node = record, index = 1,
    mask = spec.mask,
  }
  record.outputs[1] = kt
  record.results = { kt, n = 1 }
  append(layer, record)
  return kt
end

-- values[kt] = its part of the result, for each placeholder kt of a structure like the result.
function node.assign(pattern, result, values)
  if ktensor.is(pattern) then
    values[pattern] = result
  elseif nest.is_structure(pattern) then
    for _, key in ipairs(nest.keys(pattern)) do node.assign(pattern[key], result[key], values) end
  end
end

-- Runs the node on values[kt] of its inputs and stores values[kt] for its outputs. A training flag
-- that the model was told wins over the one of the recorded call: predict makes a dropout rest
-- that was called with training=true.
function node.replay(self, values, training)
  local args = substitute(self.args, values)
  if self.call == self.layer and training ~= nil then args[2].training = training end
  local results = table.pack(self.call(table.unpack(args, 1, args.n)))
  for i = 1, self.results.n do node.assign(self.results[i], results[i], values) end
end

-- The position of the node among its layer's nodes, from 0 as Keras prints it: shared[1][0].
function node.number(self)
  for i, other in ipairs(self.layer._nodes) do
    if other == self then return i - 1 end
  end
end

return node
