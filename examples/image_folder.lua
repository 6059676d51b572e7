-- Pictures in folders, a folder for each class, told apart by a small convolutional network, as
-- Keras's "image classification from scratch" does it. Needs the rock lunula-images.
--
--   lua5.4 examples/image_folder.lua

local k = require "lunula"
local layers = k.layers

if not pcall(require, "lunula.images") then
  print "left out: PNG and JPEG are read by another rock, lunula-images"
  return nil
end

local here = debug.getinfo(1, "S").source:match "^@(.*/)" or "./"
local digits = dofile(here .. "digits.lua")

k.set_random_seed(3)

-- ---- the pictures: folder/three/17.png, folder/seven/18.jpg ------------------------------------

local folder = os.tmpname()
os.remove(folder)
local names = { [3] = "three", [5] = "five", [7] = "seven" }
for _, name in pairs(names) do os.execute(("mkdir -p '%s/%s'"):format(folder, name)) end

local written = 0
local pictures, labels = digits(2400)
for i = 1, #pictures do
  local name = names[labels[i]]
  if name then
    local path = ("%s/%s/%d.%s"):format(folder, name, i, i % 2 == 0 and "png" or "jpg")
    k.utils.save_img(path, pictures[i])
    written = written + 1
  end
end
print(("%d pictures were written"):format(written))

-- ---- datasets, a model, training ---------------------------------------------------------------

local train, validation = k.utils.image_dataset_from_directory(folder, {
  color_mode = "grayscale", image_size = { 16, 16 }, batch_size = 16,
  validation_split = 0.2, subset = "both", seed = 1,
})
print(("a picture as it is in its file: %s"):format(k.utils.load_img(train.file_paths[1]).shape))

local model = k.Sequential {
  k.Input { shape = { 16, 16, 1 } },
  layers.Rescaling(1 / 255),
  layers.Conv2D { 16, kernel_size = 3, activation = "relu" },
  layers.MaxPooling2D(2),
  layers.Conv2D { 32, kernel_size = 3, activation = "relu" },
  layers.Flatten {},
  layers.Dropout(0.3),
  layers.Dense { #train.class_names, activation = "softmax" },
  name = "image_folder",
}
model:compile { optimizer = "adam", loss = "sparse_categorical_crossentropy",
  metrics = { "accuracy" } }
model:fit(train, { epochs = 20, validation_data = validation, verbose = 2 })

local _, accuracy = model:evaluate(validation, { verbose = 0 })
os.execute(("rm -rf '%s'"):format(folder))
print(("validation accuracy %.4f of %s"):format(accuracy, table.concat(train.class_names, ", ")))
assert(accuracy > 0.9, "the accuracy should be above 0.9")

return accuracy
