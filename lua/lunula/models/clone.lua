-- clone_model: the same architecture with new layers, new weights.
--
-- A functional model is cloned by walking its graph again with the new layers, so nothing has to be
-- written down and closures stay what they are.

local core = require "lunula.core"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"
local options_of = require "lunula.utils.options"
local input = require "lunula.models.input"
local ktensor = require "lunula.models.ktensor"
local call_record = require "lunula.models.call_record"
local operations = require "lunula.models.operations"

local function from_config(layer)
  return declare.class_of(layer).from_config(layer:get_config())
end

-- fn, asked once for each layer.
local function remembering(fn)
  local clones = {}
  return function(layer)
    if not clones[layer] then
      local clone = fn(layer)
      if not declare.is(clone, "layer") then
        core.raise('clone_function returned %s for layer "%s", a layer is wanted',
          declare.show(clone), layer.name)
      end
      clones[layer] = clone
    end
    return clones[layer]
  end
end

local function check_placeholder(x)
  if not ktensor.is(x) then
    core.raise("input_tensors are made by Input{}, got %s", declare.show(x))
  end
  return x
end

-- ---- graphs ------------------------------------------------------------------------------------

local function new_input(kt, name)
  return input.output_of(input.InputLayer {
    batch_shape = kt.shape, dtype = kt.dtype, name = name,
  }, kt.mask)
end

local function given_inputs(model, given)
  local list = nest.flatten(given)
  if #list ~= #model._inputs then
    core.raise('input_tensors: model "%s" has %d inputs, got %d', model.name, #model._inputs,
      #list)
  end
  for _, x in ipairs(list) do check_placeholder(x) end
  return given
end

local function clone_functional(model, input_tensors, clone)
  local inputs = input_tensors and given_inputs(model, input_tensors)
    or nest.map(model._input_structure, function (kt)
      return new_input(kt, (model._alias[kt] or kt).name)
    end)
  local values, list = {}, nest.flatten(inputs)
  for i, kt in ipairs(model._inputs) do values[kt] = list[i] end
  local function value_of(leaf) return ktensor.is(leaf) and values[leaf] or leaf end
  for _, record in ipairs(model._graph.nodes) do
    local args = { n = record.args.n }
    for i = 1, args.n do
      local arg = record.args[i]
      if arg ~= nil then args[i] = nest.map(arg, value_of) end
    end
    local layer = clone(record.layer)
    local results
    if operations.is(layer) then
      results = table.pack(call_record.record_op(layer, record.call, table.unpack(args, 1, args.n)))
    else
      results = table.pack(layer(args[1], next(args[2] or {}) and args[2] or nil))
    end
    for i = 1, record.results.n do call_record.assign(record.results[i], results[i], values) end
  end
  return declare.class_of(model) {
    inputs = inputs, outputs = nest.map(model._output_structure, value_of), name = model.name,
  }
end

-- ---- stacks ------------------------------------------------------------------------------------

local function clone_sequential(model, input_tensors, clone)
  local copy = declare.class_of(model) { name = model.name }
  if input_tensors then
    local list = nest.flatten(input_tensors)
    if #list ~= 1 then
      core.raise("input_tensors: a Sequential has one input, got %d", #list)
    end
    copy:add(check_placeholder(list[1]))
  elseif model._start then
    copy:add(new_input(model._start, model._start.name))
  end
  for _, layer in ipairs(model._stack) do copy:add(clone(layer)) end
  return copy
end

-- ---- the function ------------------------------------------------------------------------------

local known = { "input_tensors", "clone_function" }

local function read_options(first, second)
  if declare.only_names(first) and second == nil
    and (first.input_tensors ~= nil or first.clone_function ~= nil) then
    return options_of.read("clone_model", first, known)
  end
  return { input_tensors = first, clone_function = second }
end

-- clone_model(model), clone_model(model, {input_tensors =, clone_function = function (layer)
-- return a new layer end}), or both in this order.
return function(model, ...)
  local class = declare.class_of(model)
  if not class or not declare.is(model, "layer") then
    core.raise("clone_model takes a model, got %s", declare.show(model))
  end
  local options = read_options(...)
  local function clone_layer(layer)
    if operations.is(layer) or not options.clone_function then return from_config(layer) end
    return options.clone_function(layer)
  end
  local clone, copy = remembering(clone_layer), nil
  if model._stack then
    copy = clone_sequential(model, options.input_tensors, clone)
  elseif model._graph then
    copy = clone_functional(model, options.input_tensors, clone)
  elseif options.input_tensors or options.clone_function then
    core.raise('input_tensors and clone_function are for Sequential and functional models; "%s" '
      .. "is a %s", model.name, class.name)
  else
    copy = from_config(model)
  end
  if model.trainable == false then copy.trainable = false end
  local compiled = model.get_compile_config and model:get_compile_config()
  if compiled then copy:compile_from_config(compiled) end
  return copy
end
