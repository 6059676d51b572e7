-- One layer put through everything that must hold for any layer.
--
-- check_layer.golden(case) takes a case recorded from Keras (spec/golden/layers): values, masks,
-- gradients, losses, counts and config must be Keras's. Both it and check_layer.any{…} then ask
-- what needs no Keras: the config makes an equal layer, shapes are told right for an unknown batch,
-- a planned run gives what the eager one gives, also when it was written and read, and every
-- trainable weight gets the gradient that central differences say.

local core = require "lunula.core"
local declare = require "lunula.declare"
local layers = require "lunula.layers"
local inputs_of = require "lunula.layers.base.inputs"
local nest = require "lunula.utils.nest"
local warn = require "lunula.utils.warn"
local golden = require "spec.support.golden"
local stored = require "spec.support.stored"
local assert = require "luassert"

local ops = core.ops
local check = {}

local tolerance = 2e-5

local function flatten(results)
  local flat = {}
  if type(results[1]) == "table" and type(nest.flatten(results[1])[1]) == "string" then
    return { results[1] }
  end
  for i = 1, results.n do
    nest.each(results[i], function (y) flat[#flat + 1] = y end)
  end
  return flat
end

local function is_float(x)
  return core.is_tensor(x) and x.dtype == "float32"
end

-- ---- configs ----------------------------------------------------------------------------------

-- None is absent with us and null in Keras's files; a policy is its name. What a layer inside was
-- built with is no option of it; where a user's class comes from and its package are Python's.
local function plain(value)
  if type(value) ~= "table" then return value or nil end
  if value.class_name == "DTypePolicy" then return value.config.name end
  if value.class_name == "function" then return value.config end
  local copy = {}
  for key, inner in pairs(value) do
    if key ~= "build_config" then copy[key] = plain(inner) end
  end
  if copy.registered_name then copy.module, copy.registered_name = nil, copy.class_name end
  return copy
end

local function check_config(case, layer)
  local ours, theirs = plain(layer:get_config()), plain(case.config)
  for key, value in pairs(theirs) do
    assert.are.same({ [key] = value }, { [key] = ours[key] })
  end
end

local function check_round_trip(layer, custom)
  local config = layer:get_config()
  local class = declare.class_of(layer)
  local copy = declare.with_custom_objects(custom, class.from_config, config)
  assert.are.same(config, copy:get_config())
  local record = layers.serialize(layer)
  local again = layers.deserialize({ class_name = record.class_name, config = config }, custom)
  assert.are.equal(class.name, again.class_name)
  return copy
end

-- ---- planned runs -----------------------------------------------------------------------------

local function specs_of(tensors, with_batch)
  local specs = {}
  for i, x in ipairs(tensors) do
    local shape = x.shape
    if not with_batch and #shape > 0 then shape[1] = false end
    specs[i] = { shape = shape, dtype = x.dtype }
  end
  return specs
end

-- The call with change(tensor) in place of every tensor, in a fixed order.
local function with_tensors(call, change)
  local function changed(x) return core.is_tensor(x) and change(x) or x end
  local input, options = nest.map(call.input, changed), {}
  for _, key in ipairs(nest.keys(call.options)) do
    options[key] = nest.map(call.options[key], changed)
  end
  return input, options
end

-- Every tensor of the call, and behind each the mask it bears.
local function leaves_of(call)
  local leaves = {}
  with_tensors(call, function (x)
    leaves[#leaves + 1] = x
    if x.mask then leaves[#leaves + 1] = x.mask end
    return x
  end)
  return leaves
end

local function refill(call, tensors)
  local place = 0
  return with_tensors(call, function (x)
    place = place + 1
    local y = tensors[place]
    if x.mask then
      place = place + 1
      y.mask = tensors[place]
    end
    return y
  end)
end

-- The call as a planned function of its tensors: outputs, and the masks of outputs after them.
local function trace(layer, call, with_batch)
  local leaves, count = leaves_of(call), nil
  local traced = core.trace(specs_of(leaves, with_batch), function (...)
    local input, options = refill(call, { ... })
    local flat = flatten(table.pack(layer(input, options)))
    count = #flat
    for i = 1, count do
      if flat[i].mask then flat[#flat + 1] = flat[i].mask end
    end
    return table.unpack(flat)
  end)
  return traced, leaves, count
end

local function check_planned(layer, call, outputs, with_batch)
  local traced, leaves = trace(layer, call, with_batch)
  assert.is_nil(stored.check(traced, leaves))
  local planned = { traced(table.unpack(leaves)) }
  for i, y in ipairs(outputs) do
    assert.are.same(y.shape, planned[i].shape)
    assert.are.equal(y.dtype, planned[i].dtype)
    assert.near_all(planned[i], y, 1e-5)
  end
end

-- The shapes told for an unknown batch: Keras's where they were recorded, else those of the
-- outputs but for the batch.
local function check_shapes(layer, call, outputs, wanted)
  local function unknown_batch(x)
    if not core.is_tensor(x) then return x end
    local shape = x.shape
    if #shape > 0 then shape[1] = false end
    return shape
  end
  local function shapes_of(value)
    return nest.is_structure(value) and nest.map(value, unknown_batch) or unknown_batch(value)
  end
  local options = {}
  for key, value in pairs(call.options) do options[key] = shapes_of(value) end
  local told = table.pack(layer:compute_output_shape(shapes_of(call.input), options))
  local flat = {}
  local function collect(shape)
    if type(shape[1]) == "table" then
      for _, inner in ipairs(shape) do collect(inner) end
    else
      flat[#flat + 1] = shape
    end
  end
  for i = 1, told.n do collect(told[i]) end
  assert.are.equal(#outputs, #flat)
  for i, y in ipairs(outputs) do
    local shape = wanted and wanted[i] or y.shape
    if not wanted and #shape > 0 then shape[1] = flat[i][1] end
    assert.are.same({ table.unpack(shape) }, flat[i])
  end
end

-- ---- gradients --------------------------------------------------------------------------------

-- A layer that keeps states begins anew.
local function begin(layer)
  if layer.stateful then layer:reset_state() end
end

-- sum(output * cotangent) over the outputs that have a cotangent.
local function weighed(layer, call, cotangents)
  return function ()
    begin(layer)
    local flat = flatten(table.pack(layer(call.input, call.options)))
    local total
    for i, y in ipairs(flat) do
      if cotangents[i] then
        local part = ops.sum(y * cotangents[i])
        total = total and total + part or part
      end
    end
    return total
  end
end

local function directions(y)
  local n, data = y.size, {}
  for i = 1, n do data[i] = ((i * 0.6180339887) % 1) - 0.5 end
  return core.tensor(data, { shape = y.shape })
end

local function slope(f, variable, way, step)
  local value = variable.value
  variable:assign(value + way * step)
  local above = f():item()
  variable:assign(value - way * step)
  local below = f():item()
  variable:assign(value)
  return (above - below) / (2 * step)
end

-- The slope along one direction, from two runs, against the gradient's. A long step is exact but
-- may cross a corner of the function; then a short one decides.
local function check_slopes(f, variables, gradients)
  for i, variable in ipairs(variables) do
    if gradients[i] then
      local way = directions(variable.value)
      local wanted = ops.sum(gradients[i] * way):item()
      local found = slope(f, variable, way, 1e-2)
      if math.abs(found - wanted) > 1e-2 * math.max(1, math.abs(wanted)) then
        found = slope(f, variable, way, 1e-3)
      end
      assert.near_all(found, wanted, 2e-2)
    end
  end
end

-- ---- a case of Keras --------------------------------------------------------------------------

local function argument(value, inputs)
  if type(value) ~= "table" then return value end
  if value.input then return inputs[value.input + 1] end
  local copy = {}
  for key, inner in pairs(value) do copy[key] = argument(inner, inputs) end
  return copy
end

-- Arguments after the first are known to our layers by name.
local function read_call(case, layer, inputs)
  for i, mask in ipairs(case.input_masks or {}) do
    if mask then inputs[i].mask = golden.tensor(mask) end
  end
  local options = argument(case.call.keywords, inputs)
  for key, value in pairs(options) do
    if value == false and key ~= "training" then options[key] = nil end
  end
  for i = 2, #case.call.arguments do
    options[layer.call_args[i - 1]] = argument(case.call.arguments[i], inputs)
  end
  return { input = argument(case.call.arguments[1], inputs), options = options }
end

local function check_masks(case, outputs)
  for i, y in ipairs(outputs) do
    local wanted = golden.tensor(case.masks[i])
    if not core.is_tensor(y) then return end
    if wanted then
      assert.is_not_nil(y.mask)
      assert.near_all(y.mask, wanted, 0)
    else
      assert.is_nil(y.mask)
    end
  end
end

local function check_expected(case, layer)
  local expects = case.expects or {}
  if expects.count_params then
    assert.are.equal(expects.count_params, layer:count_params())
  end
  if expects.losses then
    local losses = layer.losses
    assert.are.equal(#expects.losses, #losses)
    for i, wanted in ipairs(expects.losses) do
      if type(wanted) == "table" then wanted = golden.tensor(wanted):item() end
      assert.near_all(losses[i]:item(), wanted, tolerance)
    end
  end
  if expects.supports_masking ~= nil then
    assert.are.equal(expects.supports_masking, layer.supports_masking)
  end
  for i, record in ipairs(expects.weights_after or {}) do   -- false: not changed by the call
    if record then assert.near_all(layer.weights[i].value, golden.tensor(record), tolerance) end
  end
end

-- Where two runs cannot find the slope: all that a query could see is masked, by numbers so large
-- that a change of the scores is lost in them. Keras's gradient lets it through, and so does ours.
local lost = { AdditiveAttention = { ["masks and causal"] = true } }

local function check_gradients(case, layer, call, inputs)
  local cotangents, any = {}, false
  for i, record in ipairs(case.cotangents or {}) do
    cotangents[i] = golden.tensor(record) or false
    any = any or record ~= false
  end
  if not any then return end
  local variables = layer.weights
  local f = weighed(layer, call, cotangents)
  local value, of_inputs, of_weights
  do
    local floats, places = {}, {}
    for i, x in ipairs(inputs) do
      if is_float(x) then
        floats[#floats + 1], places[#places + 1] = x, i
      end
    end
    local g = core.value_and_grad(function (...)
      local given, changed = { ... }, table.move(inputs, 1, #inputs, 1, {})
      for i, place in ipairs(places) do changed[place] = given[i] end
      local own = read_call(case, layer, changed)
      return weighed(layer, own, cotangents)()
    end, variables)
    value, of_inputs, of_weights = g(table.unpack(floats))
    assert.is_not_nil(value)
    for i, place in ipairs(places) do
      local wanted = golden.tensor(case.input_gradients[place])
      local given = of_inputs[i] or ops.zeros_like(floats[i])
      if wanted then assert.near_all(given, wanted, tolerance * 5) end
    end
  end
  for i in ipairs(variables) do
    local wanted = golden.tensor(case.weight_gradients[i])
    local given = of_weights[i] or ops.zeros_like(variables[i])
    if wanted then assert.near_all(given, wanted, tolerance * 5) end
  end
  if case.expects.weights_after or (lost[case.class_name] or {})[case.name] then return end
  check_slopes(f, variables, of_weights)
end

local function tensors_of(records)
  local tensors = {}
  for i, record in ipairs(records) do tensors[i] = golden.tensor(record) end
  return tensors
end

-- Do the weights of the case have the shapes of the layer's?
local function fits(values, layer)
  local shapes = {}
  for i, value in ipairs(values) do shapes[i] = { table.unpack(value.shape) } end
  local own = {}
  for i, weight in ipairs(layer.weights) do own[i] = { table.unpack(weight.shape) } end
  return pcall(assert.are.same, shapes, own)
end

-- The layer built for a call, with the weights of the case where it has such.
local function build(case, layer, call)
  local values = {}
  for i, weight in ipairs(case.weights or {}) do values[i] = golden.tensor(weight.tensor) end
  layer:build(inputs_of.shapes(call.input), inputs_of.further_shapes(layer, call.options))
  if #values > 0 and fits(values, layer) then layer:set_weights(values) end
end

local function check_weights(case, layer)
  for i, weight in ipairs(case.weights or {}) do
    assert.are.equal(weight.name, layer.weights[i].name)
    assert.are.equal(weight.trainable, layer.weights[i].trainable)
    assert.are.same(weight.tensor.shape, { table.unpack(layer.weights[i].shape) })
  end
end

-- One recorded call: its outputs and their masks. Returns the outputs.
local function check_call(step, layer, call)
  local outputs = flatten(table.pack(layer(call.input, call.options)))
  assert.are.equal(#step.outputs, #outputs)
  for i, y in ipairs(outputs) do
    local wanted = golden.tensor(step.outputs[i])
    if core.is_tensor(wanted) then
      assert.are.same(wanted.shape, y.shape)
      assert.are.equal(wanted.dtype, y.dtype)
      assert.near_all(y, wanted, tolerance)
    else
      assert.are.same(wanted, y)
    end
  end
  check_masks(step, outputs)
  return outputs
end

-- Where Keras tells less than the shape, or a wrong one.
local untold = {
  Bidirectional = true, -- twice the size of the forward layer, whatever the other one is
  EinsumDense = true,   -- None in output_shape stays unknown; what "..." covers is turned round
  RandomCrop = true,   -- the shape in training, at inference too
  MultiHeadAttention = true,   -- of scores the length of the query stands for that of the keys
}

-- Strings are not planned.
local function holds_tensors(case)
  for _, list in ipairs { case.inputs, case.outputs } do
    for _, record in ipairs(list) do
      if record.dtype == "string" then return false end
    end
  end
  return true
end

-- What a layer finds in data, against what Keras found.
local function adapt(case, layer)
  layer:adapt(golden.tensor(case.adapt))
  for i, weight in ipairs(case.weights or {}) do
    assert.near_all(layer.weights[i].value, golden.tensor(weight.tensor), tolerance)
  end
  if case.config.bin_boundaries then
    assert.near_all(layer.bin_boundaries, case.config.bin_boundaries, tolerance)
  end
end

local function check_case(case, custom)
  local class = layers[case.class_name]
  local layer = class.from_config(case.config)
  check_config(case, layer)
  check_round_trip(layer, custom)
  if not case.outputs then return end
  if case.adapt then adapt(case, layer) end
  local inputs = tensors_of(case.inputs)
  local call = read_call(case, layer, inputs)
  build(case, layer, call)
  check_weights(case, layer)
  local values = layer:get_weights()
  local outputs = check_call(case, layer, call)
  check_expected(case, layer)
  for _, step in ipairs(case["then"] or {}) do
    if step.reset then layer:reset_state() end
    check_call(step, layer, read_call(step, layer, tensors_of(step.inputs)))
  end
  layer:set_weights(values)
  begin(layer)
  if holds_tensors(case) then
    check_planned(layer, call, outputs, case.fixed_batch or layer.stateful)
  end
  layer:set_weights(values)
  local shapes = case.expects.output_shapes
  if shapes then check_shapes(layer, call, outputs, not untold[case.class_name] and shapes) end
  check_gradients(case, layer, call, inputs)
end

-- f(case, ...) where the config may name custom objects: name -> function. No warning is shown.
function check.with(custom, f, case, ...)
  local sink = warn.sink
  local _ <close> = setmetatable({}, { __close = function () warn.sink = sink end })
  warn.sink = function () end
  declare.with_custom_objects(custom, f, case, ...)
end

function check.golden(case, custom)
  check.with(custom, check_case, case, custom)
end

-- A layer (that of the case, if not said) ready for the call of the case; the tensors of the call.
function check.ready(case, layer)
  layer = layer or layers[case.class_name].from_config(case.config)
  if case.adapt then layer:adapt(golden.tensor(case.adapt)) end
  local inputs = tensors_of(case.inputs)
  build(case, layer, read_call(case, layer, inputs))
  return layer, inputs
end

-- All results of a layer on these inputs, in the places that the case has for them.
function check.results(case, layer, inputs)
  local call = read_call(case, layer, inputs)
  return flatten(table.pack(layer(call.input, call.options)))
end

-- ---- a layer without a golden number ----------------------------------------------------------

-- {layer =, input =, options =, output = shape, weights = count, mask = what becomes of one}
function check.any(given)
  local layer, call = given.layer, { input = given.input, options = given.options or {} }
  local function tensor(x) return core.is_tensor(x) and x or core.tensor(x) end
  call.input = nest.map(call.input, tensor)
  local outputs = flatten(table.pack(layer(call.input, call.options)))
  check_round_trip(layer, given.custom)
  if given.output then assert.are.same(given.output, outputs[1].shape) end
  if given.weights then assert.are.equal(given.weights, #layer.weights) end
  if not given.random then check_planned(layer, call, outputs) end
  check_shapes(layer, call, outputs)
  return outputs[1]
end

return check
