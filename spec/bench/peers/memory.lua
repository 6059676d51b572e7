-- How far the memory of a process grows, in MB: memory.lua attention_predict | attention_train |
-- attention_drop (training, with dropout) | resnet50. The last is the peak of a first prediction
-- as a multiple of the weights, all that lunula itself needs not counted.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local k = require "lunula"
local models = require "lunula_models"

local function status(key)
  for line in io.lines "/proc/self/status" do
    local kb = line:match("^" .. key .. ":%s+(%d+)")
    if kb then return tonumber(kb) / 1024 end
  end
end

-- From here on VmHWM is the peak of what comes.
local function forget_peak()
  collectgarbage()
  collectgarbage()
  local file <close> = assert(io.open("/proc/self/clear_refs", "w"))
  file:write "5"
end

-- A batch of 8 with 8 heads over 1024 steps of 256 numbers.
local function attention(dropout)
  local inputs = k.Input { shape = { 1024, 256 } }
  local model = k.Model { inputs = inputs,
    outputs = k.layers.MultiHeadAttention { 8, 32, dropout = dropout } (inputs, inputs) }
  return model, k.random.normal { 8, 1024, 256 }
end

local measure = {}

function measure.attention_predict()
  local model, x = attention()
  forget_peak()
  local before = status "VmRSS"
  model:predict_on_batch(x)
  return status "VmHWM" - before
end

local function train(dropout)
  local model, x = attention(dropout)
  model:compile { optimizer = "sgd", loss = "mse" }
  forget_peak()
  local before = status "VmRSS"
  model:fit(x, x, { batch_size = 8, verbose = 0 })
  return status "VmHWM" - before
end

function measure.attention_train() return train(0) end
function measure.attention_drop() return train(0.1) end

function measure.resnet50()
  local before = status "VmRSS"
  local model = models.untrained "resnet50"   -- strings full of weights would leave holes behind
  forget_peak()
  model:predict_on_batch(models.sample("resnet50", 1))
  local weights = 0
  for _, weight in ipairs(model.weights) do
    weights = weights + 4 * weight.value.size / (1 << 20)
  end
  return (status "VmHWM" - before) / weights
end

print(("%.2f"):format(measure[arg[1]]()))
