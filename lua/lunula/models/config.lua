-- The configs of models: plain tables in the shape of Keras's JSON, and models made from them
-- again.
--
-- A functional model is written as its layers, each with the calls (inbound nodes) that belong to
-- the model. Tensors inside a call are told by {layer, node, tensor}, counted from 0. Calls as
-- Keras 2 wrote them are read too.

local core = require "lunula.core"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"
local ktensor = require "lunula.models.ktensor"
local input = require "lunula.models.input"

local config = {}

local function ordered(t, order)
  return setmetatable(t, { __jsonorder = order })
end

-- ---- writing -----------------------------------------------------------------------------------

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
  local alias = self._alias[kt]
  if alias then kt = alias end
  return { kt.node.layer.name, number[kt.node], kt.index - 1 }
end

local function write_tensor(self, kt, number)
  return ordered({
    class_name = "__keras_tensor__",
    config = ordered({ shape = kt.shape, dtype = kt.dtype,
      keras_history = history(self, kt, number) },
      { "shape", "dtype", "keras_history" }),
  }, { "class_name", "config" })
end

local function parameter_names(op)
  for _, row in ipairs(core.catalogue()) do
    if row.name == op then
      local names = {}
      for name in (row.signature .. ","):gmatch "%s*~?([%w_]+)[^,]*," do
        names[#names + 1] = name
      end
      return names
    end
  end
  return {}
end

-- A call as {args, kwargs}. What an op was given stands under the names of its signature.
local function write_node(self, node, number)
  local function encode(leaf)
    if ktensor.is(leaf) then return write_tensor(self, leaf, number) end
    if core.is_tensor(leaf) then
      return { class_name = "__tensor__", config = { value = leaf:totable(), dtype = leaf.dtype } }
    end
    return leaf
  end
  local args, kwargs = {}, {}
  if node.call == node.layer then
    args[1] = nest.map(node.args[1], encode)
    for key, value in pairs(node.args[2] or {}) do kwargs[key] = nest.map(value, encode) end
  elseif not node.is_input then
    local names = parameter_names(node.layer.op)
    for i = 1, node.args.n do
      local value = node.args[i]
      if value ~= nil then kwargs[names[i] or i] = nest.map(value, encode) end
    end
  end
  return ordered({ args = args, kwargs = kwargs }, { "args", "kwargs" })
end

local function write_ends(self, structure, number)
  return nest.map(structure, function(kt) return history(self, kt, number) end)
end

function config.of_functional(self)
  local of_layer, number = number_nodes(self)
  local layers = {}
  for i, layer in ipairs(self._graph_layers) do
    local entry = declare.serialize(layer)
    entry.name, entry.inbound_nodes = layer.name, {}
    if not declare.is(layer, input.InputLayer) then
      for j, node in ipairs(of_layer[layer]) do
        entry.inbound_nodes[j] = write_node(self, node, number)
      end
    end
    layers[i] = ordered(entry,
      { "module", "class_name", "config", "registered_name", "name", "inbound_nodes" })
  end
  return ordered({
    name = self.name, trainable = self.trainable, layers = layers,
    input_layers = write_ends(self, self._input_structure, number),
    output_layers = write_ends(self, self._output_structure, number),
  }, { "name", "trainable", "layers", "input_layers", "output_layers" })
end

function config.of_sequential(self)
  local layers = {}
  for _, layer in ipairs(self._stack) do layers[#layers + 1] = declare.serialize(layer) end
  if self._start then
    local reads_strings = self._stack[1] and self._stack[1].reads_strings
    table.insert(layers, reads_strings and 2 or 1, declare.serialize(self._start.node.layer))
  end
  return ordered({
    name = self.name, trainable = self.trainable, layers = layers,
    build_input_shape = self._start and self._start.shape or nil,
  }, { "name", "trainable", "layers", "build_input_shape" })
end

-- ---- reading -----------------------------------------------------------------------------------

local function read_layer(entry)
  local name = entry.class_name
  local module = type(entry.module) == "string" and entry.module or ""
  if module:find("ops", 1, true) then
    local layer = input.operation(name, entry.config and entry.config.name or entry.name)
    if layer then return layer end
  end
  local given = entry.config
  if name == "InputLayer" and given and given.batch_input_shape then     -- as Keras 2 wrote it
    return input.InputLayer {
      batch_shape = given.batch_input_shape, dtype = given.dtype, name = given.name or entry.name,
    }
  end
  return declare.get("layer", entry)
end

function config.to_sequential(class, given)
  local layers = {}
  for i, entry in ipairs(given.layers or given) do layers[i] = read_layer(entry) end
  local model = class { layers = layers, name = given.name }
  if given.trainable == false then model.trainable = false end
  local shape = given.build_input_shape
  if type(shape) == "table" and not model.built and #layers > 0 then model:build(shape) end
  return model
end

-- {"layer", 0, 0}, as opposed to a list of such.
local function is_history(x)
  return type(x) == "table" and type(x[1]) == "string" and type(x[2]) == "number"
end

-- A call of Keras 2, {{"layer", node, tensor, {kwargs}}, …}, as {args, kwargs} of histories.
local function modern(node)
  if node.args or node.kwargs then return node end
  local first, kwargs = {}, {}
  for i, entry in ipairs(node) do
    first[i] = { class_name = "__keras_tensor__", config = { keras_history = entry } }
    for key, value in pairs(type(entry[4]) == "table" and entry[4] or {}) do kwargs[key] = value end
  end
  return { args = { #first == 1 and first[1] or first }, kwargs = kwargs }
end

-- Tensors of the calls made so far. Lookup fails with the symbol `missing`, so that the call can
-- wait.
local missing = {}

local function decode(value, made)
  if type(value) ~= "table" then return value end
  if value.class_name == "__keras_tensor__" then
    local place = value.config.keras_history
    local nodes = made[place[1]]
    local node = nodes and nodes[place[2] + 1]
    if not node then error(missing, 0) end
    return node[place[3] + 1]
  elseif value.class_name == "__tensor__" then
    return core.tensor(value.config.value, { dtype = value.config.dtype })
  end
  local copy = {}
  for key, inner in pairs(value) do copy[key] = decode(inner, made) end
  return copy
end

-- Makes one call; returns false when a tensor it needs is not there yet.
local function replay(layer, node, made)
  local ok, args = pcall(decode, modern(node), made)
  if not ok then
    if args == missing then return false end
    error(args, 0)
  end
  local list, kwargs = args.args or {}, args.kwargs or {}
  for key, value in pairs(kwargs) do
    if value == false and key ~= "training" then kwargs[key] = nil end
  end
  local results
  if input.is_operation(layer) then
    local names, values = parameter_names(layer.op), { n = 0 }
    for i, name in ipairs(names) do
      values[i] = kwargs[name]
      if values[i] == nil then values[i] = list[i] end
      if values[i] ~= nil then values.n = i end
    end
    results = table.pack(input.call_operation(layer, table.unpack(values, 1, values.n)))
  else
    results = table.pack(layer(table.unpack(list), next(kwargs) and kwargs or nil))
  end
  local flat = {}
  for i = 1, results.n do
    nest.each(results[i], function(kt) flat[#flat + 1] = kt end)
  end
  local nodes = made[layer.name]
  nodes[#nodes + 1] = flat
  return true
end

local function replay_all(layers, entries, made)
  local waiting = {}
  for i, entry in ipairs(entries) do
    waiting[i] = { layer = layers[i], nodes = entry.inbound_nodes or {}, next = 1 }
  end
  repeat
    local progress, left = false, nil
    for _, item in ipairs(waiting) do
      while item.nodes[item.next] and replay(item.layer, item.nodes[item.next], made) do
        item.next, progress = item.next + 1, true
      end
      if item.nodes[item.next] then left = item.layer.name end
    end
    if left and not progress then
      core.raise("the config of the model cannot be followed: layer \"%s\" waits for a tensor that "
        .. "no layer makes", left)
    end
  until not left
end

local function read_ends(structure, made)
  if is_history(structure) then
    local nodes = made[structure[1]]
    local tensor = nodes and nodes[structure[2] + 1] and nodes[structure[2] + 1][structure[3] + 1]
    if not tensor then
      core.raise("the config names the tensor of a layer \"%s\" that it does not have",
        structure[1])
    end
    return tensor
  end
  local copy = {}
  for key, value in pairs(structure) do copy[key] = read_ends(value, made) end
  return copy
end

-- A list of one end stands for the end itself.
local function single(structure)
  if not is_history(structure) and #structure == 1 and is_history(structure[1]) then
    return structure[1]
  end
  return structure
end

function config.to_functional(class, given)
  local layers, made = {}, {}
  for i, entry in ipairs(given.layers) do
    local layer = read_layer(entry)
    layers[i], made[layer.name] = layer, {}
    if declare.is(layer, input.InputLayer) then made[layer.name][1] = { input.output_of(layer) } end
  end
  replay_all(layers, given.layers, made)
  local model = class {
    inputs = read_ends(single(given.input_layers), made),
    outputs = read_ends(single(given.output_layers), made),
    name = given.name,
  }
  if given.trainable == false then model.trainable = false end
  return model
end

-- ---- what a model was compiled with ------------------------------------------------------------

-- Objects of declared classes become configs, wherever they stand; closures stay what they are.
local function plain(value)
  if declare.class_of(value) then return declare.serialize(value) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, inner in pairs(value) do copy[key] = plain(inner) end
  return copy
end

local compile_order = {
  "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly",
}

-- The config of compile, or nil when the model is not compiled.
function config.of_compile(self)
  local given = self._compile_options
  if not given then return nil end
  local written = {}
  for _, key in ipairs(compile_order) do written[key] = plain(given[key]) end
  written.optimizer = declare.serialize(self.optimizer)
  written.run_eagerly = self.run_eagerly
  return ordered(written, compile_order)
end

-- Compiles a model as such a config says; what Keras writes beside it is passed over.
function config.compile(self, given)
  local options = {}
  for _, key in ipairs(compile_order) do
    if given[key] then options[key] = given[key] end
  end
  self:compile(options)
end

-- ---- clones ------------------------------------------------------------------------------------

-- The same architecture with new weights.
function config.clone_model(model)
  local class = declare.class_of(model)
  if not class or not declare.is(model, "layer") then
    core.raise("clone_model takes a model, got %s", declare.show(model))
  end
  return class.from_config(model:get_config())
end

return config
