-- One rank of the measurement of data-parallel training (ranks.py): a train step of Adam.
-- lua5.4 ranks.lua MODEL ROWS STEPS EPOCHS; rank 0 prints, for each epoch, milliseconds a step and
-- the share of it in which it waited for other ranks.

local k = require "lunula"
local core = require "lunula.core"
k.threads(1)
k.distribution.initialize()
k.distribution.set_distribution(k.distribution.DataParallel())
local layers = k.layers
local name, rows, steps, epochs = arg[1], tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4])

local models = {
  mlp = { { 784 }, layers.Dense { 512, activation = "relu" },
    layers.Dense { 256, activation = "relu" } },
  convnet = { { 28, 28, 1 }, layers.Conv2D { 32, kernel_size = 3, activation = "relu" },
    layers.MaxPooling2D(2), layers.Conv2D { 64, kernel_size = 3, activation = "relu" },
    layers.MaxPooling2D(2), layers.Flatten {}, layers.Dense { 128, activation = "relu" } },
  lstm = { { 100, 32 }, layers.LSTM { 128, return_sequences = true }, layers.LSTM(128) },
}

local parts = assert(models[name], "mlp, convnet or lstm")
local shape = parts[1]
parts[1] = k.Input { shape = shape }
parts[#parts + 1] = layers.Dense { 10, activation = "softmax" }
k.set_random_seed(1)
local model = k.Sequential(parts)
model:compile { optimizer = "adam", loss = "sparse_categorical_crossentropy" }
local x = k.random.normal { rows * steps, table.unpack(shape) }
local y = k.ops.cast(k.random.uniform { rows * steps, 1 } * 10, "int32")

local mpi = k.distribution.size() > 1 and require "lunula.mpi"
local start, waited
local function waits() return mpi and mpi.spent() or 0 end
model:fit(x, y, { batch_size = rows, epochs = epochs, verbose = 0, shuffle = false, callbacks = {
  k.callbacks.LambdaCallback {
    on_epoch_begin = function() start, waited = core.clock(), (waits()) end,
    on_epoch_end = function(epoch)
      local seconds, share = core.clock() - start, (waits()) - waited
      if epoch == 0 or k.distribution.rank() > 0 then return end      -- it compiles
      print(("%.4f %.3f"):format(1e3 * seconds / steps, share / seconds))
      io.stdout:flush()
    end,
  },
} })
