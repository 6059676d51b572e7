-- Data: tables, tensors, pipelines, generators, files.
--
--   lua5.4 examples/guides/data.lua

local k = require "lunula"
local ops = k.ops
k.set_random_seed(5)

local function model_of(width)
  local model = k.Sequential { k.Input { shape = { width } }, k.layers.Dense(1) }
  model:compile { optimizer = k.optimizers.SGD(0.05), loss = "mse" }
  return model
end

-- 1. Nested tables are data. A tensor is made of them once, which is cheaper when they are used
-- twice. dtype says what they are; numbers are float32 unless it does.

local table_of_rows = { { 1, 2 }, { 3, 4 }, { 5, 6 }, { 7, 8 } }
local x = k.tensor(table_of_rows)
assert(x.dtype == "float32" and k.tensor(table_of_rows, "int32").dtype == "int32")
local y = ops.sum(x, 1, true)
assert(model_of(2):predict(table_of_rows).shape[1] == 4)

-- Parts of a tensor: a number is one row, {first, last} a run of them, {} all; along each axis one.

assert(x[2]:get(1) == 3 and x[{ { 2, 3 } }].shape[1] == 2 and x[{ {}, 2 }]:get(4) == 8)

-- 2. Labels. Classes count from 0; to_categorical makes rows with a 1 at the class.

assert(k.utils.to_categorical({ 0, 2, 1 }, 3):get(2, 3) == 1)
local padded = k.utils.pad_sequences({ { 1, 2, 3 }, { 4 } }, { maxlen = 4 })
assert(padded:get(2, 4) == 4 and padded:get(2, 1) == 0)      -- padded in front, as in Keras

-- 3. k.data makes pipelines: elements one after another, changed when they are asked for. fit takes
-- one that is batched.

local pipeline = k.data.from(x, y):map(function (a, b) return a / 10, b / 10 end)
  :shuffle(4, { seed = 1 }):batch(2)
local batches, rows = 0, 0
for a, b in pipeline do
  batches, rows = batches + 1, rows + a.shape[1]
  assert(b.shape[2] == 1)
end
assert(batches == 2 and rows == 4)
local run = model_of(2):fit(pipeline, { epochs = 20, verbose = 0 })
assert(run.history.loss[20] < run.history.loss[1])

-- 4. A generator is a function that gives batch after batch. It may never end: steps_per_epoch says
-- how many batches an epoch has.

local function next_batch()
  local a = k.random.normal { 8, 3 }
  return a, ops.sum(a, 1, true)
end
local endless = model_of(3)
local history = endless:fit(next_batch, { steps_per_epoch = 20, epochs = 3, verbose = 0 }).history
assert(history.loss[3] < history.loss[1])

-- 5. A PyDataset knows its batches by number, so that their order can be shuffled. They count from
-- 0.

local Squares = k.utils.PyDataset "GuideSquares" {
  init = function (self, count) self.count = count end,
  len = function (self) return self.count end,
  get_item = function (_, index)
    local a = k.full({ 4, 1 }, index / 10)
    return a, a * 2
  end,
}
assert(model_of(1):fit(Squares(6), { verbose = 0, epochs = 1 }).history.loss[1])

-- 6. Weights of samples and classes are options of fit; validation takes the last part of the rows.

local weighted = model_of(2):fit(x, y, { sample_weight = { 1, 1, 0, 0 }, batch_size = 4, epochs = 1,
  verbose = 0 })
assert(weighted.history.loss[1] >= 0)

-- 7. Files: load_csv gives columns by name, load_npy what NumPy wrote, load_idx MNIST's own.

local path = os.tmpname()
local file = assert(io.open(path, "w"))
file:write "age,height\n31,1.80\n44,1.65\n"
file:close()
local columns = k.utils.load_csv(path)
assert(columns.age:get(2) == 44)
k.utils.save_npy(path .. ".npy", x)
assert(ops.max(ops.abs(k.utils.load_npy(path .. ".npy") - x)):item() == 0)
os.remove(path)
os.remove(path .. ".npy")

-- k.datasets.mnist.load_data() and its kin read what lies in Keras's folder, ~/.keras/datasets;
-- nothing is downloaded. Pictures are read by the rock lunula-images, text_dataset_from_directory
-- reads a folder for each class.

-- 8. Strings are data, too. Layers that look them up are a part of the model then, of its file, and
-- of what a C program predicts with. In a model TextVectorization needs output_sequence_length.

local words = k.layers.TextVectorization { output_sequence_length = 3 }
words:adapt(k.tensor { "a good film", "a bad film" })
local reader = k.Sequential { k.Input { shape = {}, dtype = "string" }, words }
assert(reader:predict(k.tensor { "good film" }, { verbose = 0 }).shape[2] == 3)

-- 9. Columns of a table: FeatureSpace makes one vector of them, with a layer for each kind.

local people = { age = { 31, 44, 25, 60 }, city = { "Rom", "Ulm", "Rom", "Bern" } }
local space = k.utils.FeatureSpace {
  features = { age = "float_normalized", city = "string_categorical" } }
space:adapt(people)
assert(space(people).shape[1] == 4)

-- split_dataset makes two datasets of one; fit does it by itself, with validation_split.

local left, right = k.utils.split_dataset(x, { left_size = 0.75 })
assert(#left == 3 and #right == 1)

print(("%d batches of %d rows"):format(batches, rows))
return batches
