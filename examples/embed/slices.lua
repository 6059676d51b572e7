-- The network of slices.c, which a host trains between other things that it has to do: `fit` runs
-- in a coroutine, and a callback gives the turn back.

local k = require "lunula"

k.set_random_seed(7)

local points = k.random.uniform({ 2000, 2 }, -1, 1)
local radius = k.ops.sqrt(k.ops.sum(points ^ 2, 1))
local inside = k.ops.logical_and(k.ops.greater(radius, 0.4), k.ops.less(radius, 0.8))
local answers = k.ops.expand_dims(k.ops.cast(inside, "float32"), 1)

local net = k.Sequential {
  k.Input { shape = { 2 } },
  k.layers.Dense { 24, activation = "relu" },
  k.layers.Dense { 24, activation = "relu" },
  k.layers.Dense { 1, activation = "sigmoid" },
}
net:compile { optimizer = k.optimizers.Adam(0.01), loss = "binary_crossentropy" }

local loss, deadline

local turns = {
  on_train_batch_end = function (_, _, logs)
    loss = logs.loss
    if os.clock() >= deadline then coroutine.yield() end
  end,
}

local training = coroutine.create(function ()
  net:fit(points, answers, { epochs = 25, batch_size = 50, verbose = 0, callbacks = { turns } })
end)

-- Trains for some milliseconds. Is there more to do, and the loss so far in this epoch.
local function slice(seconds)
  deadline = os.clock() + seconds:item()
  local ok, why = coroutine.resume(training)
  if not ok then error(why, 0) end
  return coroutine.status(training) ~= "dead", loss
end

_G.net, _G.slice = net, slice   -- the host finds them by these names
