-- A block of a transformer, as a layer of one's own: attention finds out whether the last token
-- stood in the sequence before.
--
--   lua5.4 examples/transformer.lua

local k = require "lunula"
local layers = k.layers

k.set_random_seed(11)
math.randomseed(11)

local LENGTH <const>, TOKENS <const>, WIDTH <const> = 10, 12, 32

local TransformerBlock = k.layer "TransformerBlock" {
  args = { { "heads", "positive", required = true }, { "width", "positive", required = true },
    { "hidden", "positive", required = true }, { "rate", default = 0.0 } },
  init = function(self)
    self.attention = layers.MultiHeadAttention { self.heads, self.width // self.heads }
    self.feed_forward = k.Sequential {
      layers.Dense { self.hidden, activation = "relu" },
      layers.Dense(self.width),
    }
    self.norm1 = layers.LayerNormalization { epsilon = 1e-6 }
    self.norm2 = layers.LayerNormalization { epsilon = 1e-6 }
    self.dropout = layers.Dropout(self.rate)
  end,
  call = function(self, x)
    x = self.norm1(x + self.dropout(self.attention(x, x)))
    return self.norm2(x + self.dropout(self.feed_forward(x)))
  end,
}

local Positions = k.layer "Positions" {
  args = { { "length", "positive", required = true }, { "width", "positive", required = true } },
  init = function(self) self.table = layers.Embedding { self.length, self.width } end,
  call = function(self, x) return x + self.table(k.arange(self.length)) end,
}

local function sequences(count)
  local xs, ys = {}, {}
  for i = 1, count do
    local x, last = {}, math.random(0, TOKENS - 1)
    local found = math.random(0, 1)
    for j = 1, LENGTH - 1 do
      repeat x[j] = math.random(0, TOKENS - 1) until x[j] ~= last
    end
    if found == 1 then x[math.random(LENGTH - 1)] = last end
    x[LENGTH] = last
    xs[i], ys[i] = x, found
  end
  return k.tensor(xs, { dtype = "int32" }), k.tensor(ys)
end

local input = k.Input { shape = { LENGTH }, dtype = "int32" }
local x = layers.Embedding { TOKENS, WIDTH } (input)
x = Positions { LENGTH, WIDTH } (x)
x = TransformerBlock { 2, WIDTH, 64 } (x)
x = TransformerBlock { 2, WIDTH, 64 } (x)
x = layers.GlobalMaxPooling1D {} (x)
local model = k.Model { inputs = input, outputs = layers.Dense { 1, activation = "sigmoid" } (x) }

model:compile {
  loss = "binary_crossentropy", metrics = { "accuracy" },
  optimizer = k.optimizers.Adam { learning_rate = 0.003 },
}
local x_train, y_train = sequences(4000)
local x_test, y_test = sequences(500)
model:fit(x_train, y_train, { batch_size = 64, epochs = 12, verbose = 2,
  validation_data = { x_test, y_test } })

local _, accuracy = model:evaluate(x_test, y_test)
print(("test accuracy %.4f"):format(accuracy))
assert(accuracy > 0.9, "the accuracy should be above 0.9")

return accuracy
