-- Text letter by letter: an LSTM learns which letter comes next, and then writes on by itself.
--
--   lua5.4 examples/char_lstm.lua

local k = require "lunula"
local layers = k.layers

k.set_random_seed(5)

local text = ("the moon is a little lantern over the hill, and the hill is a little boat on the "
  .. "night; "):rep(6)
local LENGTH <const> = 16

local letters, number_of = {}, {}
for letter in text:gmatch "." do
  if not number_of[letter] then
    letters[#letters + 1] = letter
    number_of[letter] = #letters - 1
  end
end

local function numbers(piece)
  local list = {}
  for letter in piece:gmatch "." do list[#list + 1] = number_of[letter] end
  return list
end

local windows, next_letters = {}, {}
for first = 1, #text - LENGTH do
  windows[first] = numbers(text:sub(first, first + LENGTH - 1))
  next_letters[first] = number_of[text:sub(first + LENGTH, first + LENGTH)]
end
local x = k.tensor(windows, { dtype = "int32" })
local y = k.tensor(next_letters, { dtype = "int32" })

local model = k.Sequential {
  k.Input { shape = { LENGTH }, dtype = "int32" },
  layers.Embedding { #letters, 16 },
  layers.LSTM(48),
  layers.Dense { #letters, activation = "softmax" },
}
model:compile {
  loss = "sparse_categorical_crossentropy", metrics = { "accuracy" },
  optimizer = k.optimizers.Adam { learning_rate = 0.01 },
}
local history = model:fit(x, y, { batch_size = 32, epochs = 20, verbose = 2 })

-- The likeliest letter each time.
local written = text:sub(1, LENGTH)
for _ = 1, 70 do
  local probabilities = model:predict(k.tensor({ numbers(written:sub(-LENGTH)) },
    { dtype = "int32" }))
  written = written .. letters[k.ops.argmax(probabilities[1]):item() + 1]
end
print(written)

local accuracies = history.history.accuracy
local accuracy = accuracies[#accuracies]
print(("accuracy %.4f"):format(accuracy))
assert(accuracy > 0.95, "the accuracy should be above 0.95")
assert(written == text:sub(1, #written), "what is written should be the text")

return accuracy
