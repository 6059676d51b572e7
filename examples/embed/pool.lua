-- The network of pool.c, and a function that trains it a little more.

local k = require "lunula"

k.set_random_seed(7)

local points = k.random.uniform({ 2000, 2 }, -1, 1)
local radius = k.ops.sqrt(k.ops.sum(points ^ 2, 1))
local inside = k.ops.logical_and(k.ops.greater(radius, 0.4), k.ops.less(radius, 0.8))
local answers = k.ops.expand_dims(k.ops.cast(inside, "float32"), 1)

local model = k.Sequential {
  k.Input { shape = { 2 } },
  k.layers.Dense { 24, activation = "relu" },
  k.layers.Dense { 24, activation = "relu" },
  k.layers.Dense { 1, activation = "sigmoid" },
}
model:compile { optimizer = k.optimizers.Adam(0.01), loss = "binary_crossentropy" }

local function train()
  local history = model:fit(points, answers, { epochs = 5, batch_size = 50, verbose = 0 })
  print(("loss %.3f"):format(history.history.loss[5]))
end

_G.model, _G.train = model, train   -- the host finds them by these names
