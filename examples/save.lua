-- A model in a file: training that is broken off and goes on, the best weights of a run, and a
-- prediction from the file alone.
--
--   lua5.4 examples/save.lua

local k = require "lunula"
local layers = k.layers

k.set_random_seed(7)

local folder = os.tmpname()
os.remove(folder)
local last, best = folder .. "/last.safetensors", folder .. "/best-{epoch:02d}.safetensors"

local x = k.random.uniform({ 512, 2 }, -1, 1)
local y = k.ops.less(k.ops.sum(x ^ 2, 1, true), 0.5)

local function fit(model, first, last_epoch)
  return model:fit(x, y, {
    initial_epoch = first, epochs = last_epoch, verbose = 0, validation_split = 0.2,
    callbacks = {
      k.callbacks.ModelCheckpoint { best, save_best_only = true },
      k.callbacks.ModelCheckpoint { last },
    },
  })
end

local model = k.Sequential {
  k.Input { shape = { 2 } },
  layers.Dense { 16, activation = "relu" },
  layers.Dropout(0.1),
  layers.Dense { 1, activation = "sigmoid" },
}
model:compile { optimizer = "adam", loss = "binary_crossentropy", metrics = { "accuracy" } }
fit(model, 0, 5)

-- The file has the optimizer, too, and where the random numbers stood: both go on alike.
local copy = k.models.load_model(last)
local history, again = fit(model, 5, 20).history, fit(copy, 5, 20).history
print(("loss %.4f; from the file %.4f"):format(history.loss[15], again.loss[15]))

local points = k.tensor { { 0.1, 0.2 }, { 0.9, 0.9 } }
local difference = k.ops.max(k.ops.abs(model:predict(points) - copy:predict(points))):item()
print(("predictions differ by %g"):format(difference))

-- Weights alone go into a model of the same make.
model:save_weights(folder .. "/weights.safetensors")
copy:load_weights(folder .. "/weights.safetensors")

for name in io.popen("ls " .. folder):lines() do
  print(name)
  os.remove(folder .. "/" .. name)
end
os.remove(folder)

return difference
