-- Traced graphs for files: that of the whole model, by which it is predicted without any class or
-- closure, and those of Lambdas and of layers of users, one each, which stand for them when a model
-- is loaded without their code (saving/stand_ins.lua).
--
-- In the metadata of a file:
--   graph            the inference graph of the model (src/files/graph_file.h)
--   graphs           JSON: what is known of the layers' graphs, {path = {number =, …}}
--   graph/N/predict  the graph of layer N; graph/N/train where training differs from it

local core = require "lunula.core"
local declare = require "lunula.declare"
local json = require "lunula.saving.json"
local nest = require "lunula.utils.nest"
local ktensor = require "lunula.models.ktensor"
local state = require "lunula.saving.state"
local attached = require "lunula.constraints.attached"
local weights = require "lunula.layers.base.weights"

local graphs = {}

-- What a failure says, without the line of the user, who knows what was saved.
local function reason(problem)
  return (tostring(problem):gsub("^[^%s:]+:%d+: ", ""))
end

-- The layers that run Lua for each batch, as they are told.
local function hosts_of(model)
  local names = {}
  state.each_layer(model, function (layer)
    if layer.hosted or declare.class_of(layer).name == "Lambda" and layer.trace == false then
      names[#names + 1] = ('layer "%s" (%s)'):format(layer.name, declare.class_of(layer).name)
    end
  end)
  return table.concat(names, ", ")
end

-- Traces fn with streams of random numbers from `first` on.
local function trace(specs, first, fn)
  return state.undisturbed(function ()
    local seed, _, draw = core.random_state()
    core.random_state(seed, first, draw)
    return core.trace(specs, fn)
  end)
end

-- ---- the whole model ---------------------------------------------------------------------------

local function reads_strings(layer) return layer.reads_strings and layer:reads_strings() end

-- The flat specs of what the model takes, and the structure of its argument; nil and why not.
local function known_inputs(model)
  local first = model._stack and model._stack[1]
  if first and reads_strings(first) then
    return nil, ('layer "%s" (%s) reads strings'):format(first.name,
      declare.class_of(first).name)
  end
  local specs = {}
  if model._inputs then
    for i, kt in ipairs(model._inputs) do
      specs[i] = { shape = kt.shape, dtype = kt.dtype, name = kt.name }
    end
    return specs, #specs == 1 and "single" or "list"
  end
  local seen = model._last_inputs
  if not seen then
    return nil, ('model "%s" does not know its inputs: start it with an Input, or call it on data '
      .. "by fit or predict"):format(model.name)
  end
  for i, spec in ipairs(seen.specs) do
    specs[i] = { shape = spec.shape, dtype = spec.dtype, name = spec.name }
  end
  return specs, seen.structure
end

local function input_names(model, specs)
  local names = model:_input_names()
  if names and #names == #specs then return names end
  names = {}
  for i, spec in ipairs(specs) do names[i] = spec.name or "x" .. i end
  return names
end

local function output_names(model, count)
  local names = model:_output_names()
  if #names == count then return names end
  names = {}
  for i = 1, count do names[i] = "output_" .. i end
  return names
end

-- The text of the model's inference graph and its constants, {{name, tensor}, …}; nil and why there
-- is none.
function graphs.of_model(model, name_of)
  local specs, structure = known_inputs(model)
  if not specs then return nil, structure end
  local ok, text, constants = pcall(function ()
    local fn = trace(specs, 0, function (...)
      return table.unpack(model:_forward({ ... }, structure, false))
    end)
    return core.graph_text(fn, {
      inputs = input_names(model, specs), outputs = output_names(model, #fn.outputs),
      variable = name_of,
    })
  end)
  if ok then return text, constants end
  local hosts = hosts_of(model)
  return nil, (hosts ~= "" and hosts .. ": " or "") .. reason(text)
end

-- ---- layers ------------------------------------------------------------------------------------

-- Does a file not say by a name of ours what the layer does?
local function needs_graph(layer)
  local class = declare.class_of(layer)
  if layer.stands_in or class.name == "Lambda" then return true end
  if not class.module then declare.home("layer").find(class.name) end   -- which tells the module
  return not class.module
end

local function same_specs(a, b)
  if #a ~= #b then return false end
  for i, spec in ipairs(a) do
    local other = b[i]
    if spec.dtype ~= other.dtype or #spec.shape ~= #other.shape then return false end
    for axis, size in ipairs(spec.shape) do
      if size ~= other.shape[axis] then return false end
    end
  end
  return true
end

-- The tensors of a call, and their masks behind them; nil for a call with options.
local function specs_of(record)
  for key in pairs(record.args[2] or {}) do
    if key ~= "training" then return nil end
  end
  local specs, masks = {}, setmetatable({}, json.booleans)
  for i, kt in ipairs(nest.flatten(record.args[1])) do
    if not ktensor.is(kt) then return nil end
    specs[#specs + 1] = { shape = kt.shape, dtype = kt.dtype, name = kt.name }
    masks[i] = kt.mask ~= nil
    if kt.mask then specs[#specs + 1] = { shape = kt.mask.dims, dtype = kt.mask.dtype } end
  end
  return specs, masks
end

-- What all calls of the layer are given, if it is the same.
local function specs_of_layer(layer)
  local first, masks
  for _, record in ipairs(layer._nodes) do
    local specs, its_masks = specs_of(record)
    if not specs or first and not same_specs(first, specs) then return nil end
    first, masks = first or specs, masks or its_masks
  end
  return first, masks
end

-- The layer on the tensors of a trace; returns them with their masks behind, and which have one.
local function run(layer, pattern, masks, training, ...)
  local given, position, i = { ... }, 0, 0
  local x = nest.map(pattern, function ()
    position, i = position + 1, i + 1
    local tensor = given[position]
    if masks[i] then
      position = position + 1
      tensor.mask = given[position]
    end
    return tensor
  end)
  local results = table.pack(layer(x, { training = training }))
  local flat, out_masks = {}, setmetatable({}, json.booleans)
  for j = 1, results.n do
    local y = results[j]
    if not core.is_tensor(y) then core.raise("its call returns a structure") end
    flat[#flat + 1] = y
    out_masks[j] = y.mask ~= nil
    if y.mask then flat[#flat + 1] = y.mask end
  end
  return out_masks, flat
end

local function has_rules(layer)
  for _, variable in ipairs(layer.weights) do
    if weights.facts(variable).regularizer or attached.of(variable) then return true end
  end
  return #layer.losses > 0
end

-- One more graph for `kept`; nil and why not.
local function graph_of(layer, name_of, number, training)
  local specs, masks = specs_of_layer(layer)
  if not specs then return nil, "it is called in more than one way" end
  local out_masks
  local ok, text, constants = pcall(function ()
    local fn = trace(specs, number << 20, function (...)
      local found, flat = run(layer, layer._nodes[1].args[1], masks, training, ...)
      out_masks = found
      return table.unpack(flat)
    end)
    return core.graph_text(fn, { variable = name_of })
  end)
  if not ok then return nil, reason(text) end
  local told = training and "train" or "predict"
  local prefix = ("lunula/graph/%d/%s/constant/"):format(number, told)
  for _, constant in ipairs(constants) do
    constant[1] = constant[1]:gsub("^lunula/constant/", prefix)
  end
  text = text:gsub('"tensor":"lunula/constant/', '"tensor":"' .. prefix)
  return text, constants, masks, out_masks
end

local function append(list, more)
  table.move(more, 1, #more, #list + 1, list)
end

-- The weights of a layer by their names in the file, and whether they are trained.
local function weights_told(layer, name_of)
  local told = setmetatable({}, json.booleans)
  for i, variable in ipairs(layer.weights) do
    told[i] = setmetatable({ name_of(variable), variable.trainable }, json.booleans)
  end
  return told
end

local function keep(layer, name_of, number, metadata, constants)
  local text, more, masks, out_masks = graph_of(layer, name_of, number, false)
  if not text then return nil, more end
  metadata[("graph/%d/predict"):format(number)] = text
  append(constants, more)
  local told = { number = number, masks = masks, out_masks = out_masks,
    weights = weights_told(layer, name_of), train = false }
  local trained, its_constants = graph_of(layer, name_of, number, true)
  if not trained or has_rules(layer) then return told end
  local plain = trained:gsub("/train/constant/", "/predict/constant/")
  told.train = plain == text and "same" or "own"
  if told.train == "own" then
    metadata[("graph/%d/train"):format(number)] = trained
    append(constants, its_constants)
  end
  return told
end

-- Puts the graphs of Lambdas and of the user's layers into the metadata of a file, and their
-- constants into the list.
function graphs.of_layers(model, name_of, metadata, constants)
  local all, number = setmetatable({}, { __jsontype = "object" }), 0
  state.each_layer(model, function (layer, prefix)
    if prefix == "" or not needs_graph(layer) or #layer._nodes == 0 then return end
    local told = keep(layer, name_of, number + 1, metadata, constants)
    if told then
      number = number + 1
      all[prefix:sub(1, -2)] = told
    end
  end)
  if number > 0 then metadata.graphs = json.encode(all) end
end

return graphs
