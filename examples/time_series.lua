-- The next value of a series from those before it. The windows come from a function that gives
-- batch after batch, so that they need not all lie in memory.
--
--   lua5.4 examples/time_series.lua

local k = require "lunula"
local layers = k.layers

k.set_random_seed(8)
math.randomseed(8)

local WINDOW <const>, BATCH <const>, COUNT <const> = 24, 32, 1600

-- Two waves and some noise.
local series = {}
for t = 1, COUNT do
  series[t] = math.sin(t / 6) + 0.5 * math.sin(t / 2.3) + 0.05 * (math.random() - 0.5)
end

-- An iterator over the windows that begin from first to last; a new one for every epoch.
local function dataset(first, last)
  return function()
    local at = first
    return function()
      if at > last then return nil end
      local windows, targets = {}, {}
      while at <= last and #windows < BATCH do
        windows[#windows + 1] = table.move(series, at, at + WINDOW - 1, 1, {})
        targets[#targets + 1] = { series[at + WINDOW] }
        at = at + 1
      end
      return k.tensor(windows):reshape { #windows, WINDOW, 1 }, k.tensor(targets)
    end
  end
end

local split = COUNT * 3 // 4
local training, test = dataset(1, split), dataset(split + WINDOW, COUNT - WINDOW)

local model = k.Sequential {
  k.Input { shape = { WINDOW, 1 } },
  layers.GRU(24),
  layers.Dense(1),
}
model:compile { optimizer = k.optimizers.Adam { learning_rate = 0.01 }, loss = "mse",
  metrics = { "mae" } }
model:fit(training, { epochs = 6, validation_data = test, verbose = 2 })

local loss, mae = model:evaluate(test)

-- Who says that nothing changes is wrong by so much.
local naive, n = 0, 0
for at = split + 2 * WINDOW, COUNT do
  naive, n = naive + math.abs(series[at] - series[at - 1]), n + 1
end
print(("test loss %.5f, mean error %.4f; of the value before: %.4f"):format(loss, mae, naive / n))
assert(mae < naive / n / 2, "the error should be less than half of the naive one")

return mae / (naive / n)
