-- Digits told apart by a small convolutional network, as Keras's mnist_convnet does it.
--
--   lua5.4 examples/digits_convnet.lua

local k = require "lunula"
local layers = k.layers

local folder = debug.getinfo(1, "S").source:match "^@(.*/)" or "./"
local digits = dofile(folder .. "digits.lua")

k.set_random_seed(2)

local x_train, y_train = digits(2000)
local x_test, y_test = digits(500)
local classes = k.utils.to_categorical(y_train, 10)

local model = k.Sequential {
  k.Input { shape = { 12, 12, 1 } },
  layers.Conv2D { 16, kernel_size = { 3, 3 }, activation = "relu" },
  layers.MaxPooling2D { pool_size = { 2, 2 } },
  layers.Conv2D { 32, kernel_size = { 3, 3 }, activation = "relu" },
  layers.Flatten {},
  layers.Dropout(0.3),
  layers.Dense { 10, activation = "softmax" },
  name = "digits_convnet",
}

model:summary()
model:compile { loss = "categorical_crossentropy", optimizer = "adam", metrics = { "accuracy" } }
model:fit(x_train, classes, { batch_size = 32, epochs = 20, validation_split = 0.1 })

local loss, accuracy = model:evaluate(x_test, k.utils.to_categorical(y_test, 10))
print(("test loss %.4f, test accuracy %.4f"):format(loss, accuracy))
assert(accuracy > 0.9, "the accuracy should be above 0.9")

return accuracy
