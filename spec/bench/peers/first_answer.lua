-- Milliseconds of processor time from an empty Lua to the first answer of the tiny model.

local start = os.clock()
local k = require "lunula"
local model = k.Sequential {
  k.Input { shape = { 4 } }, k.layers.Dense { 8, activation = "relu" }, k.layers.Dense(1),
}
model:predict_on_batch(k.ones { 1, 4 })
print(("%.3f"):format((os.clock() - start) * 1e3))
