-- Three arms of a spiral, told apart by a small network: data, model, training, predictions.
--
--   lua5.4 examples/classifier.lua

local k = require "lunula"
local layers = k.layers

k.set_random_seed(42)

-- A point of arm `class` at distance r from the middle, with some noise.
local function spiral(samples_per_class, classes)
  local points, labels = {}, {}
  for class = 0, classes - 1 do
    for i = 1, samples_per_class do
      local r = i / samples_per_class
      local angle = 2 * math.pi * class / classes + 4 * r
      points[#points + 1] = { r * math.cos(angle), r * math.sin(angle) }
      labels[#labels + 1] = class
    end
  end
  local noise = k.random.normal({ #points, 2 }, 0, 0.03)
  return k.tensor(points) + noise, k.tensor(labels, { dtype = "int32" })
end

local x_train, y_train = spiral(1000, 3)
local x_test, y_test = spiral(200, 3)

local model = k.Sequential {
  k.Input { shape = { 2 } },
  layers.Dense { 64, activation = "relu" },
  layers.Dense { 64, activation = "relu" },
  layers.Dropout(0.1),
  layers.Dense { 3, activation = "softmax" },
  name = "spiral",
}

model:summary()

model:compile {
  optimizer = k.optimizers.Adam { learning_rate = 0.005 },
  loss = "sparse_categorical_crossentropy",
  metrics = { "accuracy" },
}

model:fit(x_train, y_train, { epochs = 15, batch_size = 32, validation_data = { x_test, y_test } })

local loss, accuracy = model:evaluate(x_test, y_test)
print(("test loss %.4f, test accuracy %.4f"):format(loss, accuracy))

local points = k.tensor { { 0.5, 0.0 }, { -0.1, 0.6 }, { -0.4, -0.5 } }
local probabilities = model:predict(points)
for i = 1, #points do
  local class = k.ops.argmax(probabilities[i]):item()
  print(("point (%5.2f, %5.2f): arm %d, sure to %.0f %%"):format(points:get(i, 1), points:get(i, 2),
    class, 100 * probabilities:get(i, math.tointeger(class) + 1)))
end

return accuracy
