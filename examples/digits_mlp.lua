-- Digits told apart by a network of dense layers, as Keras's mnist_mlp does it.
--
--   lua5.4 examples/digits_mlp.lua

local k = require "lunula"
local layers = k.layers

local folder = debug.getinfo(1, "S").source:match "^@(.*/)" or "./"
local digits = dofile(folder .. "digits.lua")

k.set_random_seed(1)

local x_train, y_train = digits(3000)
local x_test, y_test = digits(500)

local model = k.Sequential {
  k.Input { shape = { 12, 12, 1 } },
  layers.Flatten {},
  layers.Dense { 256, activation = "relu" },
  layers.Dropout(0.2),
  layers.Dense { 128, activation = "relu" },
  layers.Dense { 10, activation = "softmax" },
  name = "digits_mlp",
}

model:compile {
  optimizer = k.optimizers.Adam { learning_rate = 0.002 },
  loss = "sparse_categorical_crossentropy",
  metrics = { "accuracy" },
}

model:fit(x_train, y_train, { epochs = 12, batch_size = 64, validation_split = 0.1 })

local loss, accuracy = model:evaluate(x_test, y_test)
print(("test loss %.4f, test accuracy %.4f"):format(loss, accuracy))
assert(accuracy > 0.8, "the accuracy should be above 0.8")

return accuracy
