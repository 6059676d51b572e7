-- Writes the model that this release leaves behind for those to come, if it is not there: as
-- model:save has it after two epochs, with its optimizer, and a self-test. It is called as
-- write_file.lua is, and its file is never changed either.

local k = require "lunula"
local core = require "lunula.core"
local layers, ops = k.layers, k.ops

k.set_random_seed(5)
local model = k.Sequential {
  k.Input { shape = { 6, 2 }, name = "steps" },
  layers.LSTM(4), layers.BatchNormalization(), layers.Dropout(0.25),
  layers.Dense { 2, activation = "softmax" },
}
model:compile {
  optimizer = k.optimizers.Adam(0.01), loss = "sparse_categorical_crossentropy",
  metrics = { "accuracy" },
}
local x = ops.round(k.random.normal { 12, 6, 2 } * 64) / 64
local y = k.tensor({ 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0 }, "int32")
model:fit(x, y, { epochs = 2, batch_size = 4, verbose = 0 })

local path = ("spec/golden/files/lunula_%s_model.safetensors"):format(core.version)
model:save(path, { test = x[{ { 1, 3 } }], class_names = { "no", "yes" }, overwrite = false })
print(path)
