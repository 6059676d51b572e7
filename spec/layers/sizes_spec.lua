-- Every layer with each of its sizes unknown: the shape that it tells is Keras's, and a traced call
-- runs for sizes that it learns when it is called.

local core = require "lunula.core"
local k = require "lunula"
local layers = require "lunula.layers"
local check_layer = require "spec.support.check_layer"
local custom = require "spec.support.custom_functions"
local golden = require "spec.support.golden"
local harness = require "spec.support.ops_harness"
local sizes = require "spec.support.sizes"

local recorded = golden.read "sizes_layers.json"

-- Where Keras tells a wrong shape, or we refuse with a reason.
local everything = setmetatable({}, { __index = function () return true end })
local differs, classes = {
  -- one column of numbers is taken off when it is known to be one
  ["CategoryEncoding/one hot column"] = { ["0.1"] = true },
  ["CategoryEncoding/one hot rank 2"] = { ["0.1"] = true },
  ["Discretization/one hot"] = { ["0.1"] = true },
  -- Keras takes twice the size of the forward layer, whatever the other one is
  ["Bidirectional/another backward layer"] = everything,
  ["Lambda/output shape as a tuple"] = everything, -- ... believes output_shape
  ["Resizing/bytes"] = { ["0.2"] = true }, -- a half is rounded up where the weights are floats
  -- the statistics of one step are those of the next: they are not known all at once
  ["TimeDistributed/batch normalization in training"] = { ["0.1"] = true },
}, {
  EinsumDense = everything, -- Keras: None in output_shape stays, what "..." covers is turned round
  RandomCrop = everything,  -- ... tells the shape in training, at inference too
}

-- unroll=true needs the number of steps, in Keras too when it runs. Of scores Keras takes the
-- length of the query for that of the keys.
local function is_other(case, name)
  if case.config.unroll and (name == "0.1" or name == "*.1" or name == "1.1") then return true end
  return case.class_name == "MultiHeadAttention" and #case.outputs > 1
end

local function told_shapes(case, shapes)
  local layer = layers[case.class_name].from_config(case.config)
  if case.adapt then layer:adapt(golden.tensor(case.adapt)) end
  local inputs = {}
  for i, shape in ipairs(shapes) do
    inputs[i] = k.Input { batch_shape = shape, dtype = case.inputs[i].dtype }
  end
  return sizes.text(check_layer.results(case, layer, inputs))
end

local function check_told(case, shapes, wanted)
  local ok, told = pcall(told_shapes, case, shapes)
  if not ok then return wanted ~= "-" and ("refused, Keras tells %s: %s"):format(wanted, told) end
  if wanted ~= "-" and not sizes.tells(told, wanted) then
    return ("is told as %s, by Keras as %s"):format(told, wanted)
  end
end

local function trace(case, layer, shapes)
  local specs = {}
  for i, shape in ipairs(shapes) do
    specs[i] = { shape = shape, dtype = case.inputs[i].dtype }
  end
  return core.trace(specs, function (...)
    return table.unpack(check_layer.results(case, layer, { ... }))
  end)
end

-- Random numbers have no meaning here: what differs between two calls is not compared.
local function is_random(case, layer, inputs)
  local ok, first = pcall(check_layer.results, case, layer, inputs)
  return not ok or harness.compare(first, check_layer.results(case, layer, inputs), 0) ~= nil
end

-- What the layer takes the traced function must take too. It may take more: only the layer sees
-- that two inputs have different batches, say.
local function check_run(case, layer, f, inputs, random)
  local can, wanted = pcall(check_layer.results, case, layer, inputs)
  local ok, given = pcall(function () return { f(table.unpack(inputs)) } end)
  if can and not ok then return "refuses what the layer takes: " .. given end
  return can and not random and harness.compare(given, wanted, 1e-4)
end

local function check(case, shapes, pattern, wanted, layer, inputs, random)
  local open = sizes.changed(shapes, pattern)
  local complaint = check_told(case, open, wanted)
  if complaint or layer.stateful then return complaint end
  local ok, f = pcall(trace, case, layer, open)
  if not ok then return wanted ~= "-" and "is not traced: " .. f end
  complaint = check_run(case, layer, f, inputs, random)
  for _, change in ipairs(sizes.others) do
    local other, new = sizes.changed(shapes, pattern, change), {}
    for i, x in ipairs(inputs) do new[i] = sizes.resized(x, other[i]) end
    complaint = complaint or check_run(case, layer, f, new, random)
  end
  return complaint
end

local function check_all(case)
  local shapes, complaints = {}, {}
  case.input_masks = nil
  for i, input in ipairs(case.inputs) do
    shapes[i] = input.shape
  end
  for _, list in ipairs { case.inputs, case.outputs } do
    for _, tensor in ipairs(list) do
      if tensor.dtype == "string" then return end -- strings are not traced
    end
  end
  local key = case.class_name .. "/" .. case.name
  local layer, inputs = check_layer.ready(case)
  local random = is_random(case, layer, inputs)
  for name, pattern in pairs(sizes.patterns(shapes)) do
    local wanted = recorded[key][name]
    local other = differs[key] or classes[case.class_name] or {}
    if wanted and not is_other(case, name) and not other[name] then
      local complaint = check(case, shapes, pattern, wanted, layer, inputs, random)
      if complaint then complaints[#complaints + 1] = name .. " " .. complaint end
    end
  end
  table.sort(complaints)
  if #complaints > 0 then error(table.concat(complaints, "\n"), 0) end
end

for _, name in ipairs(layers.names()) do
  for _, case in ipairs(golden.read("layers/" .. name .. ".json") or {}) do
    if recorded[name .. "/" .. case.name] and case.outputs then
      it("with unknown sizes: " .. name .. "/" .. case.name, function ()
        check_layer.with(custom, check_all, case)
      end)
    end
  end
end

describe("the recorded sizes", function ()
  it("are of all layers that Keras 3 calls on tensors", function ()
    local has, missing = {}, {}
    for key in pairs(recorded) do has[key:match "^[^/]+"] = true end
    for _, name in ipairs(layers.names()) do
      local called = false
      for _, case in ipairs(golden.read("layers/" .. layers[name].name .. ".json") or {}) do
        called = called or case.source == "keras" and case.outputs and #case.inputs > 0
      end
      if called and not has[layers[name].name] then missing[#missing + 1] = name end
    end
    assert.equal("", table.concat(missing, " "))
  end)
end)
