-- What it costs to go through 64 batch sizes: each is predicted twice in a row, and all the first
-- ones together are held against all the second ones. Prints the median of some rounds. The model
-- is the tiny one, in which nothing hides what a new size costs.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local core = require "lunula.core"
local models = require "lunula_models"

local model = models.make "tiny"
local samples = {}
for batch = 1, 64 do samples[batch] = models.sample("tiny", batch) end

local function seconds(x)
  local start = core.clock()
  model:predict_on_batch(x):release()
  return core.clock() - start
end

local function round()
  local first, second = 0, 0
  for _, x in ipairs(samples) do
    first = first + seconds(x)
    second = second + seconds(x)
  end
  return first / second
end

round()
local ratios = {}
for i = 1, 9 do ratios[i] = round() end
table.sort(ratios)
print(("%.3f"):format(ratios[5]))
