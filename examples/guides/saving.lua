-- Saving: whole models, weights, architectures, and what only predicts.
--
--   lua5.4 examples/guides/saving.lua

local k = require "lunula"
local layers, ops = k.layers, k.ops
k.set_random_seed(6)

local folder = os.tmpname()
os.remove(folder)
local function file(name) return folder .. "-" .. name end

local x = k.random.normal { 64, 3 }
local y = ops.sum(x, 1, true)
local model = k.Sequential {
  k.Input { shape = { 3 } },
  layers.Dense { 8, activation = "tanh" }, layers.Dropout(0.2), layers.Dense(1),
}
model:compile { optimizer = "adam", loss = "mse" }
model:fit(x, y, { epochs = 3, verbose = 0 })

local function apart(a, b)
  return ops.max(ops.abs(a:predict(x, { verbose = 0 }) - b:predict(x, { verbose = 0 }))):item()
end

-- 1. The whole model: the ending tells the kind of file. .safetensors is lunula's own, .keras and
-- .h5 are Keras's, by the rock lunula-hdf5.

model:save(file "whole.safetensors")
local same = k.models.load_model(file "whole.safetensors")
assert(apart(model, same) == 0)

-- Training goes on with the same bits: the state of the optimizer and of the metrics, the counters
-- of random layers, the states of recurrent layers and vocabularies are inside.

local go_on = { initial_epoch = 3, epochs = 5, verbose = 0 }
local here, there = model:fit(x, y, go_on).history, same:fit(x, y, go_on).history
assert(here.loss[2] == there.loss[2])

-- Options of save: overwrite, include_optimizer, class_names, dtype = "float16" or "bfloat16" (how
-- floats are stored), and test = x, an input for a self-test, which load_model { check = true } and
-- the command `lunula check FILE` make. `lunula show FILE` tells what is in a file.

model:save(file "small.safetensors", { dtype = "bfloat16", test = x })
assert(apart(model, k.models.load_model(file "small.safetensors", { check = true })) < 0.1)

-- 2. Weights alone go into a model of the same make. What does not fit is told at once, and then
-- nothing has changed.

model:save_weights(file "weights.safetensors")
same:load_weights(file "weights.safetensors")
assert(apart(model, same) == 0)
local other = k.Sequential { k.Input { shape = { 3 } }, layers.Dense(4), layers.Dense(1) }
assert(not pcall(other.load_weights, other, file "weights.safetensors"))

-- 3. The architecture alone is JSON, Keras's own; a clone has the same layers and new weights.

local fresh = k.models.model_from_json(model:to_json())
assert(fresh:count_params() == model:count_params() and apart(model, fresh) > 0)
assert(k.models.clone_model(model):count_params() == model:count_params())

-- 4. Classes of one's own: nothing in a file is ever executed, so a class is given by its name: in
-- custom_objects, in a k.saving.custom_object_scope, or once for all by
-- k.saving.register_keras_serializable "package" (Class). Where it is not given, the graph in the
-- file stands for it, if there is one.

local Twice = k.layer "GuideTwice" { call = function (_, inputs) return inputs * 2 end }
local own = k.Sequential { k.Input { shape = { 3 } }, Twice {}, layers.Dense(1) }
own:compile { optimizer = "sgd", loss = "mse" }
own:save(file "own.safetensors")
local known = { custom_objects = { GuideTwice = Twice } }
local back = k.models.load_model(file "own.safetensors", known)
assert(apart(own, back) == 0)

-- 5. export writes what predicts, the traced graph and its weights: for C programs, and for scripts
-- that do not have the class. A Lambda that runs for each batch has no graph; the error says so.

own:export(file "predicts.safetensors")
assert(apart(own, k.models.load_model(file "predicts.safetensors")) == 0)

-- 6. While fit runs: ModelCheckpoint saves, and the newest or the best is there when it is broken
-- off. With BackupAndRestore a fit that was killed goes on, when it is called again, at the epoch
-- (with save_freq, at the batch) it was in, to the same numbers.

local checkpoint = k.callbacks.ModelCheckpoint { file "best.safetensors", monitor = "loss",
  save_best_only = true }
model:fit(x, y, { epochs = 2, verbose = 0, callbacks = { checkpoint } })
assert(io.open(file "best.safetensors")):close()

-- 7. A file is written beside the old one and takes its place as a whole. What cannot be read or
-- written is an error that names it.

local ok, message = pcall(k.models.load_model, file "none.safetensors")
assert(not ok and message:find("none.safetensors", 1, true))

for _, name in ipairs { "whole", "small", "weights", "own", "predicts", "best" } do
  os.remove(file(name .. ".safetensors"))
end
print(("the next loss %.6f, from the file %.6f"):format(here.loss[2], there.loss[2]))
return here.loss[2] - there.loss[2]
