-- Keras's antirectifier as a Lambda: the positive and the negative part of normalised samples,
-- side by side, instead of a relu that throws one of them away.
--
--   lua5.4 examples/antirectifier.lua

local k = require "lunula"
local layers, K = k.layers, k.backend

k.set_random_seed(1)

local function antirectifier(x)
  x = x - K.mean(x, 1, true)
  x = K.l2_normalize(x, 1)
  local positive, negative = K.relu(x), K.relu(-x)
  return K.concatenate({ positive, negative }, 1)
end

local function antirectifier_output_shape(input_shape)
  local shape = { table.unpack(input_shape) }
  assert(#shape == 2, "only valid for 2D tensors")
  shape[2] = shape[2] * 2
  return shape
end

-- Four corners of a square: classes lie across from each other, so that no line parts them.
local x = k.random.uniform({ 2000, 8 }, -1, 1)
local y = k.ops.cast(k.ops.greater(x:slice({ 0, 0 }, { -1, 1 }) * x:slice({ 0, 1 }, { -1, 1 }),
  0), "float32")

local model = k.Sequential {
  layers.Dense { 32, input_shape = { 8 } },
  layers.Lambda { antirectifier, output_shape = antirectifier_output_shape },
  layers.Dropout(0.1),
  layers.Dense { 32 },
  layers.Lambda { antirectifier, output_shape = antirectifier_output_shape },
  layers.Dense { 1, activation = "sigmoid" },
}

model:compile { optimizer = "rmsprop", loss = "binary_crossentropy", metrics = { "accuracy" } }
local history = model:fit(x, y, { epochs = 20, batch_size = 32, validation_split = 0.2 })

local accuracies = history.history.val_accuracy
print(("validation accuracy %.4f"):format(accuracies[#accuracies]))

return accuracies[#accuracies]
