-- The worker of lunula: the protocol is that of worker.py. It has one kind of case more,
-- `kernel NAME`: what stands beside the FMA peak, which is its third answer.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local core = require "lunula.core"
local kernels = require "lunula_kernels"
local models = require "lunula_models"

local threads = math.tointeger(os.getenv "PEERS_THREADS")
core.threads(threads)
local clock = os.getenv "PEERS_CLOCK" == "cpu" and os.clock or core.clock

local make = { kernel = kernels.make, op = kernels.make }

function make.predict(name, batch)
  local model, x = models.make(name), models.sample(name, batch)
  return function () model:predict_on_batch(x):release() end, 1
end

-- A call is an epoch; so many steps that what surrounds them does not count.
local steps_of = { tiny = 500, mlp = 16, convnet = 4, lstm = 2 }

function make.train(name, batch)
  local steps = steps_of[name] or 1
  local model, x = models.make(name), models.sample(name, steps * batch)
  local loss, y = models.target(name, steps * batch)
  model:compile { optimizer = "adam", loss = loss }
  return function () model:fit(x, y, { batch_size = batch, verbose = 0 }) end, steps
end

-- One case is kept: the large ones do not fit into memory together.
local case, call, steps

local function prepare(what, name, batch)
  local wanted = what .. " " .. name .. " " .. batch
  if case == wanted then return end
  case, call = nil, nil
  collectgarbage()
  call, steps = make[what](name, batch)
  case = wanted
  call()
end

local function median(list)
  table.sort(list)
  return list[#list // 2 + 1]
end

local function seconds(calls)
  local start = clock()
  for _ = 1, calls do call() end
  return (clock() - start) / calls / steps
end

-- The peak is measured right before and after each run; what is said of it is the median of what it
-- would have done meanwhile, by the median of the times. A call in between, which does not count,
-- wakes the threads.
local function beside_peak(runs, calls)
  package.cpath = os.getenv "PEERS_BUILD" .. "/?.so;" .. package.cpath
  local peak = require "fma_peak"
  local times, most = {}, {}
  for i = 1, runs do
    local before = peak(threads)
    if threads > 1 then call() end
    times[i] = seconds(calls)
    most[i] = times[i] * (before + peak(threads)) / 2
  end
  local middle = median(times)
  return ("%.9g %.9g %.9g"):format(times[1], middle, median(most) / middle)
end

local function time(what, name, batch, runs, calls)
  prepare(what, name, math.tointeger(batch))
  if what == "kernel" then return beside_peak(runs, calls) end
  local times = {}
  for i = 1, runs do times[i] = seconds(calls) end
  local middle = median(times)
  return ("%.9g %.9g"):format(times[1], middle)
end

local function answer(what, name, ...)
  if what == "ready" then return what end
  if what == "check" then return ("%.3g"):format(models.difference(name)) end
  return time(what, name, ...)
end

for line in io.lines() do
  local words = {}
  for word in line:gmatch "%S+" do words[#words + 1] = tonumber(word) or word end
  local ok, text = pcall(answer, table.unpack(words))
  print(ok and text or "none " .. tostring(text):gsub("%s+", " "))
  io.stdout:flush()
end
