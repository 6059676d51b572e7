-- run = stateful_runs(layer, shape): what a layer that keeps its states gives for a batch of that
-- shape, and once more from there; run(n) computes both by n threads and returns them as bytes.

local core = require "lunula.core"
local k = require "lunula"

return function (layer, shape)
  local x = k.random.normal(shape)
  local model = k.Sequential { k.Input { batch_shape = shape }, layer }
  return function (n)
    core.threads(n)
    layer:reset_states()
    local y = {}
    for i = 1, 2 do y[i] = model:predict_on_batch(x):tobytes() end
    return table.concat(y)
  end
end
