-- The layers that raw ops become when they are called on placeholders, and what Keras's files call
-- them: class keras.src.ops.numpy.Sum, made with axis and keepdims, called with x.
--
-- Which parameters an op is made with follows from its signature: those that are no tensors. What
-- does not follow stands on the op's row, in the fields file_class, file_called … (ops/tools.lua
-- says what they are), and a spec compares it with Keras.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local declare = require "lunula.declare"
local base = require "lunula.layers.base"
local names = require "lunula.layers.base.names"
local nest = require "lunula.utils.nest"
local call_record = require "lunula.models.call_record"

local operations = {}

-- ---- what Keras calls them ---------------------------------------------------------------------

local function has_word(words, word)
  return words ~= nil and (" " .. words .. " "):find(" " .. word .. " ", 1, true) ~= nil
end

-- image.pad_images -> PadImages
local function derived_class(op)
  local words = {}
  for word in op:match("[^.]*$"):gmatch "[^_]+" do
    words[#words + 1] = word:sub(1, 1):upper() .. word:sub(2)
  end
  return table.concat(words)
end

-- keras.src.ops.nn, BatchNorm
local function class_of(row)
  local module, class = (row.file_class or "numpy"):match "^([^.]*)%.?(.*)$"
  return module == "lunula" and "lunula.ops" or "keras.src.ops." .. module,
    class ~= "" and class or derived_class(row.name)
end

-- ---- signatures --------------------------------------------------------------------------------

local constants = { ["nil"] = core.None, ["true"] = true, ["false"] = false }

local function constant(text)
  if text == nil then return nil end
  if constants[text] ~= nil then return constants[text] end
  return tonumber(text) or text:match '^"(.*)"$'
end

-- "x, axis:axes=nil" -> { {name="x", called=true}, {name="axis", kind="axes", default=None} }
local function read_signature(row)
  local parameters = {}
  for word in (row.signature .. ","):gmatch "%s*([^,]+)," do
    local name, kind, default = word:match "^[*~]?([%w_]+):?(%a*)%??=?(.*)$"
    local plain = kind ~= "" and kind ~= "tensors" and kind ~= "tensor"
    parameters[#parameters + 1] = {
      name = name, kind = kind, default = constant(default ~= "" and default or nil),
      plain = plain,
      called = has_word(row.file_called, name) or not plain and not has_word(row.file_made, name),
      one_by_one = has_word(row.file_each, name), ours = has_word(row.file_ours, name),
    }
  end
  return parameters
end

local known = {}   -- op -> {op, class, module, parameters}

local function facts_of(op)
  local row = not known[op] and core.catalogue(op)
  if row then
    local module, class = class_of(row)
    known[op] = { op = op, class = class, module = module, parameters = read_signature(row) }
  end
  return known[op]
end

-- What Keras's files say of the op: {class =, module =, parameters = {{name =, called =}, …}}.
operations.facts = facts_of

-- ---- the layers --------------------------------------------------------------------------------

local function attribute(parameter, value)
  if value == nil then value = parameter.default end
  local is_list = parameter.kind == "ints" or parameter.kind == "shape"
  if not is_list or type(value) ~= "table" then return value end
  local copy = {}
  for i, size in ipairs(value) do copy[i] = size or -1 end        -- what Keras infers is -1
  return copy
end

-- What the op was made with: from its call, or as a file said.
local function get_config(self)
  local config, order = { name = self.name }, { "name" }
  local record = self._nodes[1]
  for i, parameter in ipairs(facts_of(self.op).parameters) do
    if not parameter.called then
      local value = self.attributes[parameter.name]
      if record then value = record.args[i] end
      value = attribute(parameter, value)
      if not parameter.ours or value ~= parameter.default then
        order[#order + 1] = parameter.name
        config[parameter.name] = value
      end
    end
  end
  return setmetatable(config, { __jsonorder = order })
end

local Operation = base.layer "Operation" {
  doc = "an op of the catalogue, called on placeholders",
  args = {
    { "op", kinds.string, required = true, config = false },
    { "attributes", kinds.table, config = false },
    { "dtype", kinds.policy, default = "float32", keyword = true, config = false },
  },
  init = function (self) self.attributes = self.attributes or {} end,
  call_args = {},
  call = function (self, ...) return core.ops[self.op](...) end,
  get_config = get_config,
}

local classes = {}

local function from_config_of(op)
  local parameters = {}
  for _, parameter in ipairs(facts_of(op).parameters) do parameters[parameter.name] = parameter end
  return function (class, config)
    local attributes = {}
    for name, value in pairs(config) do
      local unsaid = value == core.None or value == false
      if parameters[name] and not parameters[name].called then
        attributes[name] = value
      elseif name ~= "name" and not parameters[name] and not unsaid then
        core.raise('%s: unknown option "%s" in the config', class.name, name)
      end
    end
    return class { op = op, attributes = attributes, name = config.name }
  end
end

local function class_of_op(op)
  local class = classes[op]
  if not class then
    local facts = facts_of(op)
    class = declare.class {
      kind = "operation", name = facts.class, parent = Operation, from_config = from_config_of(op),
    }
    class.module, class.internal = facts.module, true
    classes[op] = class
  end
  return class
end

function operations.is(layer)
  return declare.is(layer, Operation)
end

-- ---- calls -------------------------------------------------------------------------------------

-- For every op that is given a placeholder; fn is the op bound to be called later.
function operations.record(op, fn, ...)
  local layer = class_of_op(op) { op = op, name = names.unique((op:gsub("^.*%.", ""))) }
  return call_record.record_op(layer, fn, ...)
end

-- The tensors (and plain values) that the op of a node was called with, in Keras's order.
function operations.call_arguments(record)
  local list, last = {}, 0
  for i, parameter in ipairs(facts_of(record.layer.op).parameters) do
    local value = record.args[i]
    if value == core.None then value = nil end
    if parameter.called and parameter.one_by_one then
      for _, operand in ipairs(value) do
        list[#list + 1] = { value = operand }
      end
      last = #list
    elseif parameter.called then
      list[#list + 1] = { value = value, plain = parameter.plain, key = parameter.name == "key" }
      if value ~= nil then last = #list end
    end
  end
  for i = #list, last + 1, -1 do list[i] = nil end
  return list
end

-- Calls the op of a layer that a file described on args and kwargs as the file has them.
function operations.call(layer, args, kwargs)
  local values, place = { n = 0 }, 0
  for i, parameter in ipairs(facts_of(layer.op).parameters) do
    local value = layer.attributes[parameter.name]
    if parameter.called then
      place = place + 1
      value = args[place]
      if parameter.one_by_one then
        value, place = table.move(args, place, #args, 1, {}), #args
      end
    end
    if kwargs[parameter.name] ~= nil then value = kwargs[parameter.name] end
    if value ~= nil then values[i], values.n = value, i end
  end
  if place < #args then
    core.raise("%s takes %d tensors, got %d", layer.op, place, #args)
  end
  return call_record.record_op(layer, core.ops[layer.op], table.unpack(values, 1, values.n))
end

-- ---- files -------------------------------------------------------------------------------------

local by_class   -- what Keras's files call it -> op

local function op_of_class(name)
  if not by_class then
    by_class = {}
    for _, row in ipairs(core.catalogue()) do
      local _, class = class_of(row)   -- of two, swish and silu, the one that is called so
      if not by_class[class] or class == derived_class(row.name) then by_class[class] = row.name end
    end
  end
  return by_class[name], by_class
end

-- Is the module of a record one of ops?
function operations.is_module(module)
  return module == "lunula.ops" or type(module) == "string" and module:find "^keras%.src%.ops%."
end

-- The class of the layers that stand for Keras's class of this name.
function operations.class(name)
  local op, all = op_of_class(name)
  if not op then
    core.raise('unknown op "%s"%s', tostring(name),
      declare.suggestion(tostring(name), nest.keys(all)))
  end
  return class_of_op(op)
end

return operations
