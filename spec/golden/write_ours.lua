-- Writes models of ours as JSON, with weights, inputs and outputs, for real Keras to read:
--
--   lua5.4 spec/golden/write_ours.lua folder [pattern]        from the top folder, after make
--   python3 spec/golden/check_ours.py folder                  in the environment of record.py
--
-- The models are those of spec/support/own_models.lua: every form of graph, and every recorded case
-- of a layer that can stand in a model.

package.path = "./?.lua;./lua/?.lua;./lua/?/init.lua;" .. package.path
package.cpath = "./build/?.so;" .. package.cpath

local folder, pattern = arg[1], arg[2] or ""
if not folder then
  io.stderr:write "usage: lua5.4 spec/golden/write_ours.lua folder [pattern]\n"
  os.exit(1)
end

local k = require "lunula"
local json = require "lunula.saving.json"
local nest = require "lunula.utils.nest"
local warn = require "lunula.utils.warn"
local golden = require "spec.support.golden"
local own = require "spec.support.own_models"

warn.sink = function () end

local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(bytes)
  local out = {}
  for i = 1, #bytes, 3 do
    local a, b, c = bytes:byte(i, i + 2)
    local word = a << 16 | (b or 0) << 8 | (c or 0)
    for j = 1, 4 do
      local digit = (word >> (24 - 6 * j)) & 63
      local used = j <= 2 or j == 3 and b or j == 4 and c
      out[#out + 1] = used and digits:sub(digit + 1, digit + 1) or "="
    end
  end
  return table.concat(out)
end

local function records(tensors)
  local list = {}
  for i, tensor in ipairs(tensors) do
    list[i] = { shape = tensor.shape, dtype = tensor.dtype, data = base64(tensor:tobytes()) }
  end
  return list
end

local function outputs_of(model, inputs)
  local results = table.pack(model(#inputs == 1 and inputs[1] or inputs, { training = false }))
  local flat = {}
  for i = 1, results.n do
    nest.each(results[i], function (y) flat[#flat + 1] = y end)
  end
  return flat
end

local count = 0

local function write(name, model, inputs)
  local weights = model:get_weights()
  local record = {
    json = model:to_json { custom_objects = own.custom }, weights = records(weights),
    inputs = records(inputs), outputs = records(outputs_of(model, inputs)),
  }
  local file = assert(io.open(("%s/%s.json"):format(folder, (name:gsub("[^%w]+", "_"))), "w"))
  file:write(json.encode(record), "\n")
  file:close()
  count = count + 1
end

k.set_random_seed(1)
for _, form in ipairs(own) do
  if form.name:find(pattern) then
    write("form " .. form.name, form.make(k, k.layers), own.inputs(k, form))
  end
end
for _, name in ipairs(k.layers.names()) do
  for _, case in ipairs(golden.read("layers/" .. name .. ".json") or {}) do
    local label = name .. " " .. case.name
    if label:find(pattern) and own.is_of_keras3(case) then
      local ok, model, inputs = pcall(own.of_case, k, case)
      if not ok then
        io.stderr:write(label, ": ", tostring(model), "\n")
      elseif model then
        write(label, model, inputs)
      end
    end
  end
end
print(count .. " models")
