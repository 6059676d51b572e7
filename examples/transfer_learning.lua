-- What was learned about the digits 0 to 4 is of use for 5 to 9: the saved model is loaded, its
-- convolutions are frozen, and a new head is trained on few pictures.
--
--   lua5.4 examples/transfer_learning.lua

local k = require "lunula"
local layers = k.layers

local folder = debug.getinfo(1, "S").source:match "^@(.*/)" or "./"
local digits = dofile(folder .. "digits.lua")

k.set_random_seed(11)

local path = os.tmpname()
os.remove(path)
path = path .. ".safetensors"

-- The first task, and its model in a file.
do
  local x, y = digits(2000, 0, 4)
  local model = k.Sequential {
    k.Input { shape = { 12, 12, 1 } },
    layers.Conv2D { 16, 3, activation = "relu" },
    layers.MaxPooling2D(2),
    layers.Conv2D { 24, 3, activation = "relu", name = "features" },
    layers.GlobalMaxPooling2D { name = "pool" },
    layers.Dense { 5, activation = "softmax" },
  }
  model:compile { loss = "sparse_categorical_crossentropy", optimizer = "adam",
    metrics = { "accuracy" } }
  model:fit(x, y, { epochs = 10, batch_size = 32, verbose = 2 })
  model:save(path)
end

-- The second: all but the head comes from the file.
local old = k.models.load_model(path)
os.remove(path)
local base = k.Model { inputs = old.inputs, outputs = old:get_layer "pool".output, name = "base" }
base.trainable = false

local input = k.Input { shape = { 12, 12, 1 } }
local x = base(input)
x = layers.Dense { 48, activation = "relu" } (x)
local model = k.Model { inputs = input, outputs = layers.Dense { 5, activation = "softmax" } (x) }

local function task(count)
  local pictures, labels = digits(count, 5, 9)
  return pictures, labels - 5
end

local function compile(rate)
  model:compile { loss = "sparse_categorical_crossentropy", metrics = { "accuracy" },
    optimizer = k.optimizers.Adam { learning_rate = rate } }
end

local x_train, y_train = task(500)
local x_test, y_test = task(400)
local frozen = base:get_layer "features".kernel:totable()
compile(0.01)
model:fit(x_train, y_train, { epochs = 15, batch_size = 32, verbose = 2 })
local _, with_frozen = model:evaluate(x_test, y_test)
local after = base:get_layer "features".kernel:totable()
assert(frozen[1][1][1][1] == after[1][1][1][1], "frozen weights should stay")

-- Fine tuning: the base learns too, slowly.
base.trainable = true
compile(0.001)
model:fit(x_train, y_train, { epochs = 10, batch_size = 32, verbose = 2 })
local _, accuracy = model:evaluate(x_test, y_test)
print(("test accuracy: frozen %.4f, fine-tuned %.4f"):format(with_frozen, accuracy))
assert(accuracy > 0.85, "the accuracy should be above 0.85")

return accuracy
