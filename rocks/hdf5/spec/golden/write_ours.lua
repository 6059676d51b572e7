-- Writes the recorded models anew, as lunula has them after a step more, for check_ours.py, which
-- asks Keras: lua5.4 rocks/hdf5/spec/golden/write_ours.lua FOLDER (from the checkout, after make)

package.path = "./rocks/hdf5/lua/?.lua;./rocks/hdf5/lua/?/init.lua;./lua/?.lua;./lua/?/init.lua;"
  .. "./?.lua;" .. package.path
package.cpath = "./rocks/hdf5/build/?.so;./build/?.so;" .. package.cpath

local core = require "lunula.core"
local hdf5 = require "lunula.hdf5"
local json = require "lunula.saving.json"
local recorded = require "rocks.hdf5.spec.support.recorded"

local folder = assert(arg[1], "the folder to write to is wanted")

-- {shape, numbers}
local function plain(list)
  local written = {}
  for i, tensor in ipairs(list) do
    written[i] = { shape = tensor.shape, data = core.ops.reshape(tensor, { -1 }):totable() }
  end
  return written
end

local function step(model, data)
  model:reset_metrics()
  local results = table.pack(model:train_on_batch(data.x, data.y))
  return results[1]
end

-- In GB, what the largest weight takes: few files have room for two.
local function shard_size(model)
  local most = 8
  for _, value in ipairs(model:get_weights()) do most = math.max(most, #value:tobytes()) end
  return most / 2 ^ 30
end

local all = {}
for _, case in ipairs(recorded.cases()) do
  if case.file == case.name .. ".keras" then
    local data = recorded.data(case)
    local model = hdf5.load_model(recorded.path(case), { compile = true })
    if case.losses then step(model, data) end
    local told = { name = case.name, outputs = plain(recorded.predict(model, data.x)) }
    for _, ending in ipairs { ".keras", ".h5" } do
      hdf5.save_model(model, folder .. "/" .. case.name .. ending, { include_optimizer = true })
    end
    hdf5.save_weights(model, folder .. "/" .. case.name .. ".weights.h5", {})
    hdf5.save_weights(model, folder .. "/" .. case.name .. ".weights.json",
      { max_shard_size = shard_size(model), overwrite = true })
    if case.losses then
      told.losses = { step(model, data), step(model, data) }
      told.trained = plain(recorded.predict(model, data.x))
    end
    all[#all + 1] = told
  end
end
recorded.write(folder .. "/ours.json", json.encode(all))
