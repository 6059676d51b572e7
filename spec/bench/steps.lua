-- What a step of fit costs where the sums are few: a model 4-8-1, batches of 32, no callbacks; the
-- same with a train step of the user's own, and in short epochs, whose beginning and end count; and
-- what to_json costs.

local bench = require "bench"
local k = require "lunula"

local STEPS <const>, BATCH <const> = 2048, 32

local Own = k.model "OwnStep" {
  train_step = function (self, data)
    local x, y = k.utils.unpack_x_y_sample_weight(data)
    local loss, _, grads = k.value_and_grad(function ()
      return self:compute_loss { x = x, y = y, y_pred = self(x, { training = true }) }
    end, self.trainable_weights)()
    self.optimizer:apply(grads, self.trainable_weights)
    for _, metric in ipairs(self.metrics) do
      if metric.name == "loss" then metric:update_state(loss, 32) end
    end
    return self:get_metrics_result()
  end,
}

local function parts(sizes)
  local x = k.Input { shape = { sizes[1] } }
  local y = x
  for i = 2, #sizes do
    y = k.layers.Dense { sizes[i], activation = i < #sizes and "relu" or nil } (y)
  end
  return { inputs = x, outputs = y }
end

-- A function that fits, and gives the seconds of a step.
local function fitting(class, optimizer, sizes, steps, epochs)
  local model = class(parts(sizes))
  model:compile { optimizer = optimizer, loss = "mse" }
  local x = k.random.normal { steps * BATCH, sizes[1] }
  local y = k.random.normal { steps * BATCH, sizes[#sizes] }
  local function fit()
    model:fit(x, y, { batch_size = BATCH, verbose = 0, epochs = epochs })
  end
  fit()
  return function () return bench.time(1, fit) / steps / (epochs or 1) end
end

for _, optimizer in ipairs { "sgd", "adam" } do
  local built_in = fitting(k.Model, optimizer, { 4, 8, 1 }, STEPS)
  local own = fitting(Own, optimizer, { 4, 8, 1 }, STEPS)
  bench.compare(("own step beside ours, 4-8-1, %s"):format(optimizer), own, built_in, 15)
  local short = fitting(k.Model, optimizer, { 4, 8, 1 }, 32, 64)
  bench.compare(("epochs of 32 steps beside 2048, %s"):format(optimizer), short, built_in, 15)
end
local built_in = fitting(k.Model, "adam", { 64, 128, 10 }, 256)
local own = fitting(Own, "adam", { 64, 128, 10 }, 256)
bench.compare("own step beside ours, 64-128-10, adam", own, built_in, 15)

local model = k.Sequential { k.Input { 4 }, k.layers.Dense { 8, activation = "relu" },
  k.layers.Dense(1) }
local list = {}
for i = 1, 9 do
  collectgarbage()
  list[i] = bench.time(100, function () return model:to_json() end)
end
table.sort(list)
bench.report("to_json of two layers", list[5] * 1e6, "us")
