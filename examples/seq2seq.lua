-- From sequence to sequence: an encoder reads digits, a decoder writes them backwards. It is
-- trained with the right digits before each, and decodes one by one, with states that it is given.
--
--   lua5.4 examples/seq2seq.lua

local k = require "lunula"
local layers = k.layers

k.set_random_seed(6)
math.randomseed(6)

local LENGTH <const>, DIGITS <const>, START <const>, UNITS <const> = 4, 6, 6, 64

-- Digits, what the decoder has seen before each step, and what it shall write.
local function sequences(count)
  local inputs, before, targets = {}, {}, {}
  for i = 1, count do
    local input, target = {}, {}
    for j = 1, LENGTH do
      input[j] = math.random(0, DIGITS - 1)
      target[LENGTH + 1 - j] = input[j]
    end
    inputs[i], targets[i] = input, target
    before[i] = table.move(target, 1, LENGTH - 1, 2, { START })
  end
  local whole = { dtype = "int32" }
  return k.tensor(inputs, whole), k.tensor(before, whole), k.tensor(targets, whole)
end

local encoder_inputs = k.Input { shape = { LENGTH }, dtype = "int32", name = "digits" }
local encoder_embedding = layers.Embedding { DIGITS, 16 }
local _, state_h, state_c = layers.LSTM { UNITS, return_state = true } (
  encoder_embedding(encoder_inputs))

local decoder_inputs = k.Input { shape = { LENGTH }, dtype = "int32", name = "before" }
local decoder_embedding = layers.Embedding { DIGITS + 1, 16 }
local decoder_lstm = layers.LSTM { UNITS, return_sequences = true, return_state = true }
local decoder_dense = layers.Dense { DIGITS, activation = "softmax" }
local sequence = decoder_lstm(decoder_embedding(decoder_inputs),
  { initial_state = { state_h, state_c } })

local model = k.Model { inputs = { encoder_inputs, decoder_inputs },
  outputs = decoder_dense(sequence) }
model:compile {
  loss = "sparse_categorical_crossentropy", metrics = { "accuracy" },
  optimizer = k.optimizers.Adam { learning_rate = 0.01 },
}
local inputs, before, targets = sequences(2000)
model:fit({ inputs, before }, targets, { batch_size = 64, epochs = 12, verbose = 2 })

-- The parts, to decode with: states go in and come out.
local encoder = k.Model { inputs = encoder_inputs, outputs = { state_h, state_c } }
local one = k.Input { shape = { 1 }, dtype = "int32" }
local h_in, c_in = k.Input { shape = { UNITS } }, k.Input { shape = { UNITS } }
local y, h_out, c_out = decoder_lstm(decoder_embedding(one), { initial_state = { h_in, c_in } })
local decoder = k.Model { inputs = { one, h_in, c_in },
  outputs = { decoder_dense(y), h_out, c_out } }

local function decode(digits)
  local h, c = encoder:predict(digits)
  local last, written = k.full({ #digits, 1 }, START, "int32"), {}
  for i = 1, LENGTH do
    local probabilities
    probabilities, h, c = decoder:predict { last, h, c }
    last = k.ops.cast(k.ops.argmax(probabilities, -1), "int32")
    written[i] = last
  end
  return k.ops.concatenate(written, 1)
end

local test, _, wanted = sequences(200)
local written = decode(test)
local right = k.ops.mean(k.ops.cast(k.ops.equal(written, wanted), "float32")):item()
for i = 1, 3 do
  print(table.concat(test[i]:totable(), " ") .. "  ->  " .. table.concat(written[i]:totable(), " "))
end
print(("digits that are right: %.4f"):format(right))
assert(right > 0.9, "nine digits of ten should be right")

return right
