-- Models made of recorded layer calls: k.Model{inputs=, outputs=}.
--
-- Calling one replays the nodes between its inputs and outputs on whatever is given: tensors,
-- symbolic tensors of a trace, or, when the model is used as a layer, the tensors of an outer
-- model.

local core = require "lunula.core"
local late = require "lunula.late"
local changes = require "lunula.layers.base.changes"
local ops = require "lunula.ops"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local context = require "lunula.layers.base.context"
local nest = require "lunula.utils.nest"
local ktensor = require "lunula.models.ktensor"
local call_record = require "lunula.models.call_record"
local topology = require "lunula.models.topology"
local input = require "lunula.models.input"
local config = late(function () return require "lunula.models.config" end)
local deserialize = late(function () return require "lunula.models.deserialize" end)
local model = require "lunula.models.model"

local functional = { Input = input.Input, InputLayer = input.InputLayer }

-- ---- structures of inputs and outputs ----------------------------------------------------------

local function placeholders(what, structure)
  if structure == nil then core.raise("Model: %s is missing: Model{inputs=…, outputs=…}", what) end
  local list = nest.flatten(structure)
  if #list == 0 then core.raise("Model: %s holds no tensor", what) end
  for _, leaf in ipairs(list) do
    if not ktensor.is(leaf) then
      core.raise("Model: %s must be made by Input{} and by calling layers on it, got %s", what,
        declare.show(leaf))
    end
  end
  return list
end

-- The names of a table of tensors by name, else those of their layers.
local function plain_names(structure, list)
  local is_named = nest.is_structure(structure) and #structure == 0
  if is_named and not nest.is_nested(structure) then return nest.keys(structure) end
  local names = {}
  for i, kt in ipairs(list) do names[i] = kt.node.layer.name end
  return names
end

-- As Keras names the losses of outputs: by the way to them, "o/left", where a last place in a list
-- is told by its layer, "o/dense".
local function output_names(structure, way, names)
  names = names or {}
  for _, key in ipairs(nest.is_structure(structure) and nest.keys(structure) or {}) do
    local inner = structure[key]
    local is_leaf = not nest.is_structure(inner)
    local word = type(key) == "string" and key or is_leaf and inner.node.layer.name or key - 1
    local path = way and ("%s/%s"):format(way, word) or tostring(word)
    if is_leaf then names[#names + 1] = path else output_names(inner, path, names) end
  end
  return names
end

-- ---- shapes of what is given against what is expected ------------------------------------------

local function fits(given, wanted)
  if #given ~= #wanted then return false end
  for i = 1, #wanted do
    if given[i] and wanted[i] and given[i] ~= wanted[i] then return false end
  end
  return true
end

local function without_batch(shape)
  return table.move(shape, 2, #shape, 1, {})
end

-- (b) for (b, 1) and the other way round, as Keras allows; anything else must fit.
local function put_right(value, kt)
  local given, wanted = value.shape, kt.dims
  if not fits(given, wanted) then
    if #given + 1 == #wanted and wanted[#wanted] == 1
      and fits(given, { table.unpack(wanted, 1, #given) }) then
      value = ops.expand_dims(value, -1)
    elseif #given == #wanted + 1 and given[#given] == 1 and #wanted >= 1 then
      value = ops.squeeze(value, -1)
    elseif fits(given, without_batch(wanted)) then
      core.raise("input \"%s\" expects shape %s, got %s: the batch axis is missing; give a "
        .. "batch of one",
        kt.name, kt.shape, given)
    end
    if not fits(value.shape, wanted) then
      core.raise("input \"%s\" expects shape %s, got %s", kt.name,
        kt.shape, given)
    end
  end
  if value.dtype ~= kt.dtype then
    local mask = value.mask
    value = ops.cast(value, kt.dtype)
    value.mask = mask
  end
  return value
end

-- The given values as a list in the order of the model's inputs.
local function bind(self, given)
  local count = #self._inputs
  if not nest.is_structure(given) then
    if count ~= 1 then
      core.raise("model \"%s\" has %d inputs (%s), got one tensor", self.name, count,
        table.concat(self:_input_names(), ", "))
    end
    return { given }
  end
  local flat = #nest.keys(given) == count and not nest.is_nested(given) and #given > 0
  if nest.is_nested(self._input_structure) and not flat then
    local list = {}
    local differs = nest.each_as(self._input_structure, given, function(leaf)
      list[#list + 1] = leaf
    end)
    if not differs then return list end
    core.raise("model \"%s\" is called on %s; what is given differs at x%s", self.name,
      nest.text(self._input_structure, function(kt) return kt.name end), differs)
  end
  if #given > 0 or count == 0 then
    local list = nest.flatten(given)
    if #list ~= count then
      core.raise("model \"%s\" has %d input%s, got %d", self.name, count, count == 1 and ""
        or "s", #list)
    end
    return list
  end
  local list = {}
  for i, name in ipairs(self:_input_names()) do
    list[i] = given[name]
    if list[i] == nil then list[i] = given[self._inputs[i].name] end
    if list[i] == nil then
      core.raise("missing data for input \"%s\" of model \"%s\"", name, self.name)
    end
  end
  return list
end

local function call(self, given)
  local values, training = {}, context.told()
  for i, value in ipairs(bind(self, given)) do
    local kt = self._inputs[i]
    values[kt] = put_right(value, kt)
  end
  for _, each in ipairs(self._graph.nodes) do call_record.replay(each, values, training) end
  local function value_of(kt) return values[kt] end
  local structure = self._output_structure
  if nest.is_structure(structure) and #structure > 0 then
    local results = {}
    for i, part in ipairs(structure) do results[i] = nest.map(part, value_of) end
    return table.unpack(results)
  end
  return nest.map(structure, value_of)
end

-- ---- the class ---------------------------------------------------------------------------------

-- Placeholders that are no Input{} get an input layer of their own, and the graph stops there.
-- Returns the nodes to stop at, and the placeholders of such input layers by those they stand for.
local function sources_of(inputs)
  local sources, alias = {}, {}
  for i, kt in ipairs(inputs) do
    if kt.node.is_input then
      sources[i] = kt.node
    else
      alias[kt] = input.like(kt)
      sources[i] = { layer = alias[kt].node.layer, inputs = {}, outputs = { kt }, is_input = true }
    end
  end
  return sources, alias
end

local function check_unique(self, layers)
  local seen = {}
  for _, layer in ipairs(layers) do
    if seen[layer.name] then
      core.raise("model \"%s\": two layers are named \"%s\"; the names of the layers of a "
        .. "model must be unique",
        self.name, layer.name)
    end
    seen[layer.name] = true
  end
end

-- Sets what the model runs.
function functional.define(self, inputs, outputs)
  local input_list, output_list = placeholders("inputs", inputs), placeholders("outputs", outputs)
  local sources, alias = sources_of(input_list)
  local found = topology.between(input_list, sources, output_list)
  check_unique(self, found.layers)
  rawset(self, "_input_structure", inputs)
  rawset(self, "_output_structure", outputs)
  rawset(self, "_inputs", input_list)
  rawset(self, "_outputs", output_list)
  rawset(self, "_graph", found)
  rawset(self, "_alias", alias)
  rawset(self, "_graph_layers", found.layers)
  rawset(self, "built", true)
  changes.note(self)
end

local function set_output(self, output)
  rawset(self, "_output_structure", output)
  rawset(self, "_outputs", { output })
  changes.note(self)
end

-- One more layer behind the last one of a Sequential. A chain keeps its order, so this takes no
-- longer when there are many.
function functional.grow(self, output)
  local nodes, layers = self._graph.nodes, self._graph.layers
  nodes[#nodes + 1], layers[#layers + 1] = output.node, output.node.layer
  set_output(self, output)
end

-- One less; `output` is the output of the layer before.
function functional.shrink(self, output)
  table.remove(self._graph.nodes)
  table.remove(self._graph.layers)
  set_output(self, output)
end

functional.call = call

functional.methods = {
  get_config = function(self) return config.of_functional(self) end,
  get_build_config = function(self) return config.build_config_of_functional(self) end,
  _input_names = function(self)
    return self._inputs and plain_names(self._input_structure, self._inputs)
  end,
  _output_names = function(self)
    if ktensor.is(self._output_structure) then return { self._outputs[1].node.layer.name } end
    return output_names(self._output_structure)
  end,
  _input_shapes = function(self) return self._inputs and ktensor.shapes(self._inputs) end,
  _output_shapes = function(self) return self._outputs and ktensor.shapes(self._outputs) end,
  _ensure_built = function() end,
  tracked_layers = function(self) return self._graph_layers end,
  _shown_layers = function(self) return self._graph_layers end,
}

local base = require "lunula.layers.base"

local declaration = {
  parent = model.Model,
  doc = "A model of recorded layer calls, from its inputs to its outputs.",
  replace_args = true,
  getters = {
    output_names = function(self) return plain_names(self._output_structure, self._outputs) end,
  },
  args = {
    { "inputs", kinds.any, config = false, field = "_given_inputs",
      doc = "a placeholder, or a list or name table of them" },
    { "outputs", kinds.any, config = false, field = "_given_outputs",
      doc = "what was computed from them, in the same forms" },
  },
  init = function(self)
    local inputs, outputs = rawget(self, "_given_inputs"), rawget(self, "_given_outputs")
    rawset(self, "_given_inputs", nil)
    rawset(self, "_given_outputs", nil)
    functional.define(self, inputs, outputs)
  end,
  call = call,
  from_config = function(class, given)
    return deserialize.from_config("Model", "functional", class, given)
  end,
}

for name, method in pairs(functional.methods) do declaration[name] = method end

functional.Functional = base.layer "Functional" (declaration)
functional.Functional.module, functional.Functional.internal = "keras.src.models.functional", true

return functional
