-- One prediction a millisecond, for which sleeping threads would have to be woken: the median time
-- with two threads by that with one, measured in turn. The argument is the batch of the MLP.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local core = require "lunula.core"
local models = require "lunula_models"

local batch <const> = math.tointeger(arg[1])
local model, x = models.make "mlp", models.sample("mlp", batch)
model:predict_on_batch(x):release()

local function wait(seconds)
  local stop = core.clock() + seconds
  while core.clock() < stop do end
end

local function measure(times)
  for _ = 1, 50 do
    wait(0.001)
    local start = core.clock()
    model:predict_on_batch(x):release()
    times[#times + 1] = core.clock() - start
  end
end

local times = { {}, {} }
for _ = 1, 8 do
  for threads = 1, 2 do
    core.threads(threads)
    measure(times[threads])
  end
end
for _, list in ipairs(times) do table.sort(list) end
local middle = #times[1] // 2
print(("%.3f"):format(times[2][middle] / times[1][middle]))
