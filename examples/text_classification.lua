-- Reviews, as strings, told apart by what they say: words become numbers inside the model, so that
-- it predicts from strings.
--
--   lua5.4 examples/text_classification.lua

local k = require "lunula"
local layers = k.layers

k.set_random_seed(4)
math.randomseed(4)

local good = { "wonderful", "great", "moving", "brilliant", "charming", "a joy to watch" }
local bad = { "boring", "awful", "dull", "a waste of time", "tedious", "badly played" }
local things = { "the film", "the plot", "this story", "the cast", "its ending", "the music" }

local function any(list) return list[math.random(#list)] end

-- Two remarks of one mood, with words that say nothing between them.
local function reviews(count)
  local texts, labels = {}, {}
  for i = 1, count do
    local mood = math.random(0, 1)
    local words = mood == 1 and good or bad
    texts[i] = ("%s was %s, and %s: %s!"):format(any(things), any(words), any(things), any(words))
    labels[i] = mood
  end
  return texts, k.tensor(labels)
end

local train_texts, y_train = reviews(800)
local test_texts, y_test = reviews(200)

local vectorize = layers.TextVectorization { max_tokens = 200, output_sequence_length = 14 }
vectorize:adapt(train_texts)

local model = k.Sequential {
  vectorize,
  layers.Embedding { 200, 16, mask_zero = true },
  layers.GlobalAveragePooling1D {},
  layers.Dropout(0.3),
  layers.Dense { 1, activation = "sigmoid" },
}

model:compile {
  loss = "binary_crossentropy", metrics = { "accuracy" },
  optimizer = k.optimizers.Adam { learning_rate = 0.01 },
}
model:fit(train_texts, y_train, { epochs = 8, batch_size = 32 })

local _, accuracy = model:evaluate(test_texts, y_test)
print(("test accuracy %.4f"):format(accuracy))
local unseen = { "The cast was brilliant, and moving!", "a dull plot: what a waste of time" }
for _, text in ipairs(unseen) do
  print(("%3.0f %% good: %s"):format(100 * model:predict({ text }):item(), text))
end
assert(accuracy > 0.95, "the accuracy should be above 0.95")

return accuracy
