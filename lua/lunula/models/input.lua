-- `Input{}` and the layers that raw ops become: where placeholders meet layers.
--
-- An op that is called on a placeholder comes back here from core and is recorded as a layer
-- named after the op.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local declare = require "lunula.declare"
local base = require "lunula.layers.base"
local names = require "lunula.layers.base.names"
local InputLayer = require "lunula.layers.core.input_layer"
local ktensor = require "lunula.models.ktensor"
local node = require "lunula.models.node"

local input = { InputLayer = InputLayer }

InputLayer.module = "keras.layers"

-- ---- inputs ------------------------------------------------------------------------------------

-- The placeholder that an input layer gives; one layer has one.
function input.output_of(layer, mask)
  local first = layer._nodes[1]
  if first then return first.outputs[1] end
  return node.input(layer, { dims = layer.batch_shape, dtype = layer.dtype, mask = mask })
end

-- The placeholder of a new input: Input{shape={28, 28, 1}}.
function input.Input(...)
  return input.output_of(InputLayer(...))
end

-- A new input with the shape, dtype and mask of `spec`, a placeholder or a plain table.
function input.like(spec)
  return input.output_of(InputLayer { batch_shape = spec.shape, dtype = spec.dtype }, spec.mask)
end

-- ---- op layers ---------------------------------------------------------------------------------

local Operation = base.layer "Operation" {
  doc = "an op of the catalogue, called on placeholders",
  args = { { "op", kinds.string, required = true, config = false } },
  call = function(self, ...) return core.ops[self.op](...) end,
}

local classes = {}

-- get_item -> GetItem, as Keras names the class of an op.
local function camel_case(name)
  local words = {}
  for word in name:gmatch "[^_]+" do words[#words + 1] = word:sub(1, 1):upper() .. word:sub(2) end
  return table.concat(words)
end

local function class_of_op(name)
  local class = classes[name]
  if not class then
    class = declare.class { kind = "operation", name = camel_case(name), parent = Operation }
    class.module = "keras.src.ops.numpy"
    classes[name] = class
  end
  return class
end

-- Called by core for every op that is given a placeholder; fn is the op bound to be called later.
local function record_op(name, fn, ...)
  local layer = class_of_op(name) { op = name, name = names.unique(name) }
  return node.record_op(layer, fn, ...)
end

core.set_ktensor(ktensor.metatable, record_op)

-- The layer of the op whose class in Keras is called class_name, or nil.
function input.operation(class_name, layer_name)
  for _, row in ipairs(core.catalogue()) do
    if camel_case(row.name) == class_name then
      return class_of_op(row.name) { op = row.name, name = layer_name }
    end
  end
end

-- Calls the op of the layer on placeholders and records it there.
function input.call_operation(layer, ...)
  return node.record_op(layer, core.ops[layer.op], ...)
end

function input.is_operation(layer)
  return declare.is(layer, Operation)
end

return input
