-- `Input{}`: the placeholders that input layers give. Here begins the functional API, so here the
-- layers and the ops are told who records their calls on placeholders.

local core = require "lunula.core"
local base = require "lunula.layers.base"
local InputLayer = require "lunula.layers.core.input_layer"
local ktensor = require "lunula.models.ktensor"
local call_record = require "lunula.models.call_record"

local input = { InputLayer = InputLayer }

InputLayer.module = "keras.layers"

base.set_recorder(function (values, options)
  if ktensor.within(values) or ktensor.within(options) then return call_record.record end
end)

core.set_ktensor(ktensor.metatable, function (...)
  return require("lunula.models.operations").record(...)
end)

-- The placeholder that an input layer gives; one layer has one.
function input.output_of(layer, mask)
  local first = layer._nodes[1]
  if first then return first.outputs[1] end
  return call_record.input(layer, { dims = layer.batch_shape, dtype = layer.dtype, mask = mask })
end

-- The placeholder of a new input: Input{shape={28, 28, 1}}.
function input.Input(...)
  return input.output_of(InputLayer(...))
end

-- A new input with the shape, dtype and mask of `spec`, a placeholder or a plain table.
function input.like(spec)
  return input.output_of(InputLayer { batch_shape = spec.shape, dtype = spec.dtype }, spec.mask)
end

return input
