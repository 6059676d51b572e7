-- Models made from their configs, as models/config.lua and Keras write them.
--
-- Layers are made first, then their calls are carried out, each as soon as the tensors it takes are
-- there. What cannot be followed (a layer that is not there, a call that does not exist, a circle)
-- is found before the first call, so that the error can name the place.

local core = require "lunula.core"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"
local json_path = require "lunula.json_path"
local records = require "lunula.models.saved_calls"
local config = require "lunula.models.config"
local input = require "lunula.models.input"
local ktensor = require "lunula.models.ktensor"
local operations = require "lunula.models.operations"

local revive = {}

local None = core.None
local at = json_path.at
local each_history, is_history = records.each_history, records.is_history
local object, fields, list_of = records.object, records.fields, records.list

-- ---- layers ------------------------------------------------------------------------------------

local entry_fields = {
  "module", "class_name", "config", "registered_name", "build_config", "compile_config", "name",
  "inbound_nodes", "shared_object_id",
}

-- Keras 2 called functional models so.
local function is_plain_model(entry)
  local given = entry.config
  return entry.class_name == "Model" and type(given) == "table" and given.layers ~= nil
    and declare.custom_object "Model" == nil
end

local function make(entry)
  if operations.is_module(entry.module) and not declare.custom_object(entry.class_name) then
    return at(".config", operations.class(entry.class_name).from_config, entry.config or {})
  end
  if is_plain_model(entry) then entry.class_name = "Functional" end
  local layer, problem = declare.find("layer", entry)
  if problem then
    core.raise("%s%s", problem, problem:find "^unknown layer"
      and "; classes of your own are given in custom_objects" or "")
  end
  if not declare.is(layer, "layer") then
    core.raise('"%s" stands for %s, which is no layer', entry.class_name, declare.show(layer))
  end
  return layer
end

-- The shape of texts is not that of what is made of them.
local function begins_with_texts(layer)
  local first = layer._stack and layer._stack[1]
  return first and first.reads_strings and first:reads_strings()
end

-- Weights and the state of training that the entry tells of.
local function complete(layer, entry)
  if entry.build_config and not layer.built and not begins_with_texts(layer) then
    at(".build_config", layer.build_from_config, layer, object(entry.build_config, "build_config"))
  end
  local compiled = entry.compile_config
  if compiled and next(object(compiled, "compile_config")) and layer.compile_from_config then
    at(".compile_config", layer.compile_from_config, layer, compiled)
  end
end

local hooks = {}   -- of the reading that is going on

-- fn(…), in which given.stand_in(entry) may answer with a layer for an entry, and given.made(layer)
-- is told of each layer, before it is called.
function revive.with_hooks(given, fn, ...)
  local before = hooks
  hooks = given
  local _ <close> = setmetatable({}, { __close = function () hooks = before end })
  return fn(...)
end

local function read_layer(given, whole)
  if declare.is(given, "layer") then return given end
  local entry = fields(given, "a layer", entry_fields)
  if type(entry.class_name) ~= "string" then
    core.raise("a layer has a class_name, got %s", declare.show(given))
  end
  local own = type(entry.config) == "table" and entry.config or {}
  local name = type(own.name) == "string" and own.name or entry.name
  if type(name) ~= "string" then name = nil end
  if own.name == nil and name then                  -- Keras 2 may say it beside the config only
    entry.config = {}
    for key, value in pairs(own) do entry.config[key] = value end
    entry.config.name = name
  end
  local _ <close> = name and core.enter(name, entry.class_name)
  local layer = hooks.stand_in and hooks.stand_in(entry) or make(entry)
  if hooks.made then hooks.made(layer) end
  if whole then complete(layer, entry) end
  return layer
end

-- The layer of an entry {class_name =, config =, …}, with its weights where they are told.
function revive.layer(entry)
  return read_layer(entry, true)
end

-- The layers from the `first` one on. `whole`: with their weights, where nothing else will build
-- them.
local function read_layers(list, whole, first)
  local layers, seen = {}, {}
  for i = first or 1, #list do
    local step = ".layers" .. json_path.element(i)
    local layer = at(step, read_layer, list[i], whole)
    if seen[layer.name] then
      at(step, core.raise, 'there is another layer named "%s"', layer.name)
    end
    layers[i], seen[layer.name] = layer, true
  end
  return layers
end

-- ---- Sequential --------------------------------------------------------------------------------

local sequential_fields = { "name", "trainable", "dtype", "layers", "build_input_shape" }

local function is_input(entry)
  return type(entry) == "table" and entry.class_name == "InputLayer"
    and type(entry.config) == "table"
end

-- Strings come in without an input layer: what reads them stands first.
local function takes_strings(list)
  local second = list[2]
  if not is_input(list[1]) or list[1].config.dtype ~= "string" or type(second) ~= "table"
    or type(second.class_name) ~= "string" then
    return false
  end
  local class = require "lunula.layers".find(second.class_name)
  return class and class.reads_strings and type(second.config) == "table"
    and class.reads_strings(second.config)
end

-- Early Keras 2 wrote the bare list of layers.
function revive.sequential(class, given)
  if type(given) == "table" and #given > 0 then given = { layers = given } end
  given = fields(given, "the config of a Sequential", sequential_fields)
  local list, first = at(".layers", list_of, given.layers or {}, "a list of layers"), 1
  if takes_strings(list) then
    first, given.build_input_shape = 2, nil
  end
  local whole = not given.build_input_shape and not is_input(list[first])
  local layers = read_layers(list, whole, first)
  local model = declare.from_config(class, { name = given.name })
  for i = first, #list do
    at(".layers" .. json_path.element(i), model.add, model, layers[i])
  end
  if given.trainable == false then model.trainable = false end
  local shape = given.build_input_shape
  if type(shape) == "table" and not model.built and #layers > 0 then
    model:build(nest.shape(shape))
  end
  return model
end

-- ---- graphs ------------------------------------------------------------------------------------

-- The calls of a layer that stands at a place.
local function read_calls(layer, entry, step)
  local calls = {}
  if declare.is(layer, input.InputLayer) then return calls end
  local nodes = entry.inbound_nodes
  if nodes == nil or nodes == None then return calls end
  for i, node in ipairs(at(step .. ".inbound_nodes", list_of, nodes, "a list of calls")) do
    local step_here = step .. ".inbound_nodes" .. json_path.element(i)
    local call = at(step_here, records.read, node)
    call.place, call.layer = step_here, layer
    calls[i] = call
  end
  return calls
end

-- Keras 2 counts the calls of nested models from 1, because such a model has a node of its own. All
-- calls of a layer are needed by somebody, so the least number that is named is the first one's.
local function legacy_offsets(calls_of, made_by, ends)
  local least, legacy = {}, false
  local function note(history)
    local name, number = history[1], history[2]
    least[name] = math.min(least[name] or math.huge, number)
  end
  for _, calls in pairs(calls_of) do
    for _, call in ipairs(calls) do
      legacy = legacy or call.legacy
      each_history(call.args, note)
      each_history(call.kwargs, note)
    end
  end
  if not legacy then return {} end
  each_history(records.modern_value(ends), note)
  local offsets = {}
  for name, number in pairs(least) do
    local layer = made_by[name]
    if layer and layer.get_layer and number == 1 then offsets[name] = 1 end
  end
  return offsets
end

-- Every tensor that is named must come from a call that is there.
local function check_history(history, state)
  local name, number = history[1], history[2] - (state.offsets[history[1]] or 0)
  local calls = state.calls_of[name]
  if not calls then
    core.raise('there is no layer "%s"%s', name, declare.suggestion(name, state.names))
  end
  local count = declare.is(state.made_by[name], input.InputLayer) and 1 or #calls
  if number < 0 or number >= count then
    core.raise('layer "%s" has %d call%s, counted from 0; there is no call %d', name, count,
      count == 1 and "" or "s", number)
  end
end

local function check_calls(state)
  local function check(history) check_history(history, state) end
  for _, name in ipairs(state.names) do
    for _, call in ipairs(state.calls_of[name]) do
      at(call.place .. ".args", each_history, call.args, check)
      at(call.place .. ".kwargs", each_history, call.kwargs, check)
    end
  end
end

local function is_made(history, state)
  local number = history[2] - (state.offsets[history[1]] or 0)
  return state.results[history[1]][number + 1] ~= nil
end

-- The first tensor that a call still waits for.
local function waits_for(call, state)
  local missing
  local function look(history)
    if not missing and not is_made(history, state) then missing = history end
  end
  each_history(call.args, look)
  each_history(call.kwargs, look)
  return missing
end

local function tensor_at(history, state)
  local number = history[2] - (state.offsets[history[1]] or 0)
  local flat = state.results[history[1]][number + 1]
  local tensor = flat[history[3] + 1]
  if not tensor then
    core.raise('call %d of layer "%s" gives %d tensor%s, counted from 0; there is no tensor %d',
      number, history[1], #flat, #flat == 1 and "" or "s", history[3])
  end
  return tensor
end

-- An argument may be None only at the end of the list that Lua keeps.
local function positional(args)
  local list, last = {}, 0
  for i = 1, #args do
    if args[i] ~= false then list[i], last = args[i], i end
  end
  return list, last
end

local function says_nothing(mask)
  if not declare.is_plain(mask) then return mask == false end
  for _, inner in pairs(mask) do
    if inner ~= false then return false end
  end
  return true
end

local function named(kwargs)
  local options = {}
  for key, value in pairs(kwargs) do
    if key ~= "mask" or not says_nothing(value) then options[key] = value end
  end
  return next(options) and options or nil
end

local function check_input(x)
  if nest.is_structure(x) and next(x) ~= nil then
    for _, inner in pairs(x) do check_input(inner) end
  elseif not ktensor.is(x) and not core.is_tensor(x) then
    core.raise("a layer is called on tensors, got %s", declare.show(x))
  end
end

local function call_layer(layer, args, kwargs)
  if operations.is(layer) then return operations.call(layer, args, kwargs) end
  local list, last = positional(args)
  check_input(list[1])
  local options = named(kwargs)
  if options then
    list[last + 1], last = options, last + 1
  end
  return layer(table.unpack(list, 1, last))
end

local function carry_out(call, state)
  local function tensor(history) return tensor_at(history, state) end
  local args = records.decode(call.args, tensor)
  local kwargs = records.decode(call.kwargs, tensor)
  local results = table.pack(call_layer(call.layer, args, kwargs))
  local flat = {}
  for i = 1, results.n do
    nest.each(results[i], function(kt) flat[#flat + 1] = kt end)
  end
  local list = state.results[call.layer.name]
  list[#list + 1] = flat
end

-- What is told of a circle, found from one that waits through what it waits for.
local function circle(name, state)
  local path, seen = {}, {}
  while not seen[name] do
    path[#path + 1], seen[name] = name, #path + 1
    local call = state.calls_of[name][#state.results[name] + 1]
    local missing = waits_for(call, state)
    name = missing and missing[1] or name
  end
  local words = {}
  for i = seen[name], #path do words[#words + 1] = '"' .. path[i] .. '"' end
  if #words == 1 then return ("layer %s waits for itself"):format(words[1]) end
  return ("the layers %s wait for each other"):format(table.concat(words, ", "))
end

local function carry_out_all(state)
  repeat
    local progress, waiting = false, nil
    for _, name in ipairs(state.names) do
      local calls, done = state.calls_of[name], state.results[name]
      while calls[#done + 1] and not waits_for(calls[#done + 1], state) do
        local call = calls[#done + 1]
        at(call.place, carry_out, call, state)
        progress = true
      end
      waiting = waiting or calls[#done + 1]
    end
    if waiting and not progress then
      at(waiting.place, core.raise, "%s", circle(waiting.layer.name, state))
    end
  until not waiting
end

-- ---- functional models -------------------------------------------------------------------------

local functional_fields = {
  "name", "trainable", "dtype", "layers", "input_layers", "output_layers",
}

-- The tensors at the ends of the model, in the structure of the config.
local function read_ends(structure, state, step)
  if is_history(structure) then
    return at(step, function ()
      local history = table.move(structure, 1, 3, 1, {})
      local layer = state.made_by[history[1]]
      if layer and not state.legacy and config.counts_from_one(layer) then
        history[2] = history[2] - 1
      end
      check_history(history, state)
      return tensor_at(history, state)
    end)
  end
  if type(structure) ~= "table" or next(structure) == nil then
    at(step, core.raise, "the ends of a model are told by {\"layer\", node, tensor}, got %s",
      declare.show(structure))
  end
  local copy = {}
  for key, value in pairs(structure) do
    local inner = type(key) == "number" and json_path.element(key) or "." .. key
    copy[key] = read_ends(value, state, step .. inner)
  end
  return copy
end

-- Keras 2 writes a list where there is one.
local function single(structure, state)
  if state.legacy and type(structure) == "table" and #structure == 1
    and is_history(structure[1]) then
    return structure[1]
  end
  return structure
end

local function read_state(given)
  local layers = read_layers(at(".layers", list_of, given.layers, "a list of layers"))
  local state = { made_by = {}, calls_of = {}, results = {}, names = {}, legacy = false }
  for i, layer in ipairs(layers) do
    local name = layer.name
    state.names[i], state.made_by[name] = name, layer
    state.calls_of[name] = read_calls(layer, given.layers[i], ".layers" .. json_path.element(i))
    state.results[name] = {}
    if declare.is(layer, input.InputLayer) then
      state.results[name][1] = { input.output_of(layer) }
    end
    for _, call in ipairs(state.calls_of[name]) do state.legacy = state.legacy or call.legacy end
  end
  state.offsets = legacy_offsets(state.calls_of, state.made_by,
    { given.input_layers or {}, given.output_layers or {} })
  return state
end

function revive.functional(class, given)
  given = fields(given, "the config of a model", functional_fields)
  local state = read_state(given)
  check_calls(state)
  carry_out_all(state)
  local model = declare.from_config(class, {
    inputs = read_ends(single(given.input_layers, state), state, ".input_layers"),
    outputs = read_ends(single(given.output_layers, state), state, ".output_layers"),
    name = given.name,
  })
  if given.trainable == false then model.trainable = false end
  return model
end

-- The from_config of a class, whose errors tell the place. maker: "sequential", "functional".
function revive.from_config(name, maker, class, given)
  return json_path.reading(name .. ".from_config", revive[maker], class, given)
end

return revive
