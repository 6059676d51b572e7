-- The configs of models, as plain tables in the shape of Keras's JSON.
--
-- A functional model is written as its layers, each with the calls (inbound nodes) that belong to
-- the model. Tensors inside a call are told by {layer, node, tensor}, counted from 0. How models
-- are made from configs stands in deserialize.lua.

local core = require "lunula.core"
local declare = require "lunula.declare"
local records = require "lunula.records"
local nest = require "lunula.utils.nest"
local json_path = require "lunula.json_path"
local ktensor = require "lunula.models.ktensor"
local operations = require "lunula.models.operations"

local config = {}

local function ordered(t, order)
  return setmetatable(t, { __jsonorder = order })
end

-- An object of JSON, even when it is empty.
local function object(t)
  return setmetatable(t, { __jsontype = "object" })
end

-- ---- where tensors come from -------------------------------------------------------------------

-- The nodes of the model by layer, and the number of each among those of its layer.
local function number_nodes(self)
  local of_layer, number = {}, {}
  local inside = {}
  for _, node in ipairs(self._graph.nodes) do inside[node] = true end
  for _, layer in ipairs(self._graph_layers) do
    local list = {}
    for _, node in ipairs(layer._nodes) do
      if inside[node] or node.is_input then
        number[node] = #list
        list[#list + 1] = node
      end
    end
    of_layer[layer] = list
  end
  return of_layer, number
end

local function history(self, kt, number)
  kt = self._alias[kt] or kt
  return { kt.node.layer.name, number[kt.node], kt.index - 1 }
end

-- As inputs and outputs of a model are told: the calls of a nested functional model count from 1.
local function write_ends(self, structure, number)
  return nest.map(structure, function(kt)
    local place_of = history(self, kt, number)
    local layer = (self._alias[kt] or kt).node.layer
    if config.counts_from_one(layer) then place_of[2] = place_of[2] + 1 end
    return place_of
  end)
end

-- Keras gives a functional model a node of its own before it is called.
function config.counts_from_one(layer)
  local class = declare.class_of(layer)
  return class.name == "Functional" and class.module ~= false
end

-- ---- calls -------------------------------------------------------------------------------------

local function record(class_name, fields, order)
  return ordered({ class_name = class_name, config = ordered(fields, order) },
    { "class_name", "config" })
end

local function write_constant(value)
  if core.is_variable(value) then
    core.raise('the variable "%s" is used outside of a layer, and a config cannot hold it',
      value.name)
  end
  return record("__tensor__", { value = value:totable(), dtype = value.dtype },
    { "value", "dtype" })
end

-- What get_item takes, as Python has it.
local function write_key(key)
  if key == "..." then return record("__ellipsis__", {}, {}) end
  if type(key) ~= "table" then return key end
  if #key == 0 then
    return record("__slice__", { start = key.start, stop = key.stop, step = key.step },
      { "start", "stop", "step" })
  end
  local list = {}
  for i, item in ipairs(key) do list[i] = write_key(item) end
  return list
end

local function encoder(self, number)
  return function(leaf)
    if ktensor.is(leaf) then
      return record("__keras_tensor__", {
        shape = leaf.shape, dtype = leaf.dtype, keras_history = history(self, leaf, number),
      }, { "shape", "dtype", "keras_history" })
    end
    return core.is_tensor(leaf) and write_constant(leaf) or leaf
  end
end

-- The options of a layer's call that were given, by name.
local function write_options(options, encode)
  local kwargs = object {}
  for key, value in pairs(options or {}) do kwargs[key] = nest.map(value, encode) end
  return kwargs
end

-- A table of numbers that stands for a tensor becomes one.
local function write_operands(node, encode)
  local args = {}
  for i, argument in ipairs(operations.call_arguments(node)) do
    local value = argument.value
    if argument.key then
      args[i] = write_key(value)
    elseif argument.plain then
      args[i] = value
    else
      args[i] = value == nil and core.None or nest.map(value, function(leaf)
        return encode(nest.is_data(leaf) and core.tensor(leaf) or leaf)
      end)
    end
  end
  return args
end

local function write_node(self, node, number)
  local encode = encoder(self, number)
  local args, kwargs
  if operations.is(node.layer) then
    args, kwargs = write_operands(node, encode), object {}
  else
    args, kwargs = { nest.map(node.args[1], encode) }, write_options(node.args[2], encode)
  end
  return ordered({ args = args, kwargs = kwargs }, { "args", "kwargs" })
end

-- ---- models ------------------------------------------------------------------------------------

local function write_layer(layer, nodes, write)
  local entry = declare.serialize(layer)
  entry.name, entry.inbound_nodes = layer.name, {}
  for _, node in ipairs(nodes) do
    if not node.is_input then
      local position = #entry.inbound_nodes + 1
      entry.inbound_nodes[position] = json_path.at(
        (".inbound_nodes[%d]"):format(position - 1), write, node)
    end
  end
  return entry
end

local function listed(list, write)
  local written = {}
  for i, item in ipairs(list) do
    written[i] = json_path.at(".layers" .. json_path.element(i), write, item)
  end
  return written
end

function config.of_functional(self)
  local of_layer, number = number_nodes(self)
  return ordered({
    name = self.name, trainable = self.trainable,
    layers = listed(self._graph_layers, function(layer)
      return write_layer(layer, of_layer[layer], function(node)
        return write_node(self, node, number)
      end)
    end),
    input_layers = write_ends(self, self._input_structure, number),
    output_layers = write_ends(self, self._output_structure, number),
  }, { "name", "trainable", "layers", "input_layers", "output_layers" })
end

local function in_its_state(layer)
  return records.with_state(declare.serialize(layer))
end

-- A stack whose first layer stands before its graph is told without its input, which Keras takes
-- for strings; then the layers themselves tell what they were built with.
function config.of_sequential(self)
  local list = table.move(self._stack, 1, #self._stack, 1, {})
  local start = self._start
  if list[1] and list[1].reads_strings and list[1]:reads_strings() then start = nil end
  if start then table.insert(list, 1, start.node.layer) end
  local written = ordered({
    name = self.name, trainable = self.trainable, dtype = self.dtype,
    layers = listed(list, start and declare.serialize or in_its_state),
  }, { "name", "trainable", "dtype", "layers" })
  if start then
    written.build_input_shape = start.shape
    table.insert(getmetatable(written).__jsonorder, "build_input_shape")
  end
  return written
end

-- Keras builds a functional model by its calls.
function config.build_config_of_functional()
  return ordered({}, { "input_shape" })
end

function config.build_config_of_sequential(self)
  return self._start and { input_shape = self._start.shape } or nil
end

-- ---- what a model was compiled with ------------------------------------------------------------

-- Objects of declared classes become configs, wherever they stand; closures stay as they are.
local function plain(value)
  if declare.class_of(value) then return declare.serialize(value) end
  if not declare.is_plain(value) then return value end
  local copy = setmetatable({}, getmetatable(value))
  for key, inner in pairs(value) do copy[key] = plain(inner) end
  return copy
end

local compile_order = {
  "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly",
}

-- The config of compile, or nil when the model is not compiled. A compile of the user's own is told
-- with the options that it took.
function config.of_compile(self)
  local given = self._compile_options
  if not given then return nil end
  local own = rawget(self, "_own_compile")
  if own then return plain(own) end
  local written = {}
  for _, key in ipairs(compile_order) do written[key] = plain(given[key]) end
  written.optimizer = declare.serialize(self.optimizer)
  written.run_eagerly = self.run_eagerly
  return ordered(written, compile_order)
end

local kind_of = { loss = "loss", metrics = "metric", weighted_metrics = "metric" }

-- The objects that records in a list or a table of names describe.
local function made(kind, value)
  if not declare.is_plain(value) then return value end
  if type(value.class_name) == "string" then return declare.get(kind, value) end
  local copy = {}
  for key, inner in pairs(value) do
    local step = type(key) == "number" and json_path.element(key) or "." .. key
    copy[key] = json_path.at(step, made, kind, inner)
  end
  return copy
end

local kind_in = { optimizers = "optimizer", losses = "loss", metrics = "metric" }

-- The object of a record whose kind its module tells; of a user's class, whichever is found.
local function found(told)
  local kind = kind_in[tostring(told.module):match "^keras%.(%l+)"]
  if kind then return declare.get(kind, told) end
  for _, each in ipairs { "optimizer", "loss", "metric" } do
    local one = declare.find(each, told)
    if one ~= nil then return one end
  end
  core.raise("%s is no optimizer, loss or metric that is known here", told.class_name)
end

-- The options of a compile of the user's own.
local function revived(value)
  if not declare.is_plain(value) then return value end
  if type(value.class_name) == "string" then return found(value) end
  local copy = {}
  for key, inner in pairs(value) do
    if inner ~= core.None then copy[key] = revived(inner) end
  end
  return copy
end

-- Compiles a model as such a config says; what Keras writes beside it is passed over.
function config.compile(self, given)
  if self:_has_own "compile" then return self:compile(revived(given)) end
  local options = {}
  for _, key in ipairs(compile_order) do
    local value = given[key]
    if value ~= nil and value ~= core.None then
      options[key] = kind_of[key] and json_path.at("." .. key, made, kind_of[key], value) or value
    end
  end
  self:compile(options)
end

return config
