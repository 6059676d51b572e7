-- Every recorded case of every layer (spec/golden/layers) that is a call on its inputs alone, as a
-- model with what it predicts, and convolutions that are large enough for fewer products: for
-- spec/host/layers.c, which freezes each of them. Returns a list of {name=, model=, inputs=,
-- outputs=}.

package.path = "./?.lua;" .. package.path

local k = require "lunula"
local core = require "lunula.core"
local golden = require "spec.support.golden"
require "spec.support.custom_functions"

local function input_of(record, stateful)
  local shape = table.move(record.shape, 2, #record.shape, 1, {})
  return k.Input {
    shape = not stateful and shape or nil, batch_shape = stateful and record.shape or nil,
    dtype = record.dtype,
  }
end

-- The inputs in the structure of the call's only argument, or nil where there are strings.
local function arguments(case, inputs, tensors)
  local function take(argument)
    if not argument.input then
      local list = {}
      for i, one in ipairs(argument) do list[i] = take(one) end
      return list
    end
    local record = case.inputs[argument.input + 1]
    inputs[#inputs + 1] = input_of(record, case.config.stateful)
    tensors[#tensors + 1] = golden.tensor(record)
    return inputs[#inputs]
  end
  for _, record in ipairs(case.inputs) do
    if record.dtype == "string" then return nil end
  end
  return take(case.call.arguments[1])
end

-- Those of float32 and int32, which a host compares byte for byte.
local function are_plain(tensors)
  for _, y in ipairs(tensors) do
    if not core.is_tensor(y) or y.dtype ~= "float32" and y.dtype ~= "int32" then return false end
  end
  return true
end

local function reset(layer)
  if layer.stateful then layer:reset_states() end
end

local function entry_of(case)
  local inputs, tensors = {}, {}
  local given = arguments(case, inputs, tensors)
  if not given or #inputs == 0 then return nil end
  local layer = k.layers.deserialize { class_name = case.class_name, config = case.config }
  local outputs = table.pack(layer(given))
  local model = k.Model {
    inputs = inputs, outputs = outputs.n == 1 and outputs[1] or table.pack(table.unpack(outputs)),
  }
  local weights = {}
  for i, weight in ipairs(case.weights) do weights[i] = golden.tensor(weight.tensor) end
  if #weights == #layer.weights then layer:set_weights(weights) end
  local results = { model:predict_on_batch(#tensors == 1 and tensors[1] or tensors) }
  reset(layer)
  if not are_plain(results) then return nil end
  return {
    name = case.class_name .. ": " .. case.name, model = model, inputs = tensors, outputs = results,
  }
end

local entries = {}
for file in io.popen "ls spec/golden/layers":lines() do
  for _, case in ipairs(golden.read("layers/" .. file)) do
    local call = case.call
    if call and #call.arguments == 1 and not next(call.keywords) then
      local ok, entry = pcall(entry_of, case)   -- a Lambda of Python is no layer here
      if ok then entries[#entries + 1] = entry end
    end
  end
end

local images = k.random.normal { 3, 16, 14, 32 }
for name, layer in pairs { pooled = k.layers.MaxPooling2D(2), alone = k.layers.Flatten() } do
  local model = k.Sequential {
    k.Input { shape = { 16, 14, 32 } },
    k.layers.Conv2D { 48, 3, padding = "same", activation = "relu", bias_initializer = "normal" },
    layer,
  }
  entries[#entries + 1] = {
    name = "fewer products: " .. name, model = model, inputs = { images },
    outputs = { model:predict_on_batch(images) },
  }
end
return entries
