-- The same script on one machine or on many: digits again, and each process computes a part of
-- every batch. With the rock lunula-mpi (rocks/mpi/README.md says how to start it on a cluster):
--
--   lua5.4 examples/many_machines.lua
--   mpirun -n 4 lua5.4 examples/many_machines.lua

local k = require "lunula"
local layers = k.layers

-- These two lines are all that is different. Alone they do nothing.
k.distribution.initialize()
k.distribution.set_distribution(k.distribution.DataParallel())

local rank, size = k.distribution.rank(), k.distribution.size()
local function say(...)
  if rank == 0 then print(...) end
end
say(("%d process%s: %s"):format(size, size == 1 and "" or "es",
  table.concat(k.distribution.list_devices(), ", ")))

local folder = debug.getinfo(1, "S").source:match "^@(.*/)" or "./"
local digits = dofile(folder .. "digits.lua")

k.set_random_seed(4)
local x_train, y_train = digits(2000)
local x_test, y_test = digits(500)

local model = k.Sequential {
  k.Input { shape = { 12, 12, 1 } },
  layers.Conv2D { 16, kernel_size = { 3, 3 }, use_bias = false },
  layers.BatchNormalization { synchronized = true },
  layers.Activation "relu",
  layers.MaxPooling2D { pool_size = { 2, 2 } },
  layers.Flatten {},
  layers.Dense { 64, activation = "relu" },
  layers.Dense { 10, activation = "softmax" },
  name = "many_machines",
}
model:compile {
  optimizer = k.optimizers.Adam { 2e-3 }, loss = "sparse_categorical_crossentropy",
  metrics = { "accuracy" },
}

-- 64 rows are those of all processes together. A fit that was killed goes on from its last epoch
-- when the script is started again, on as many machines as there are then, if it says where:
--
--   BACKUP=/shared/backup mpirun -n 4 lua5.4 examples/many_machines.lua
local backup = os.getenv "BACKUP"
model:fit(x_train, y_train, {
  batch_size = 64, epochs = 12, validation_split = 0.1, verbose = 2,
  callbacks = backup and { k.callbacks.BackupAndRestore(backup) },
})

-- All processes say the same: that of the whole data.
local loss, accuracy = model:evaluate(x_test, y_test)
say(("test loss %.4f, test accuracy %.4f"):format(loss, accuracy))
assert(accuracy > 0.9, "the accuracy should be above 0.9")

-- Each predicts a part of the rows, and has the whole result.
local predicted = k.ops.argmax(model:predict(x_test), -1)
assert(predicted.shape[1] == 500)

return accuracy
