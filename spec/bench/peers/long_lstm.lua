-- Seconds of one Adam step through 1024 steps of LSTM 2 x 128, batch 32, the second one: such
-- gradients fade into denormal numbers, which must not be what it is about.

local core = require "lunula.core"
local k = require "lunula"

core.threads(1)
local model = k.Sequential {
  k.Input { shape = { 1024, 32 } },
  k.layers.LSTM { 128, return_sequences = true }, k.layers.LSTM(128),
}
model:compile { optimizer = "adam", loss = "mse" }
local x, y = k.random.normal { 32, 1024, 32 }, k.random.normal { 32, 128 }

local function step()
  local start = core.clock()
  model:fit(x, y, { batch_size = 32, verbose = 0 })
  return core.clock() - start
end

step()
print(("%.3f"):format(step()))
