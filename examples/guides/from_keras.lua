-- Coming from Keras, and going back.
--
--   lua5.4 examples/guides/from_keras.lua
--
-- Names, defaults, the order of arguments and numbers are Keras's. What differs is what Lua makes
-- different; here it is, each with a line that proves it.

local k = require "lunula"
local layers, ops = k.layers, k.ops
k.set_random_seed(2)

-- Dense(64, activation="relu") is written with braces. A constructor with one argument may go
-- without: Dense(64).

local dense = layers.Dense { 64, activation = "relu", name = "hidden" }
assert(dense.units == 64 and dense.name == "hidden")

-- Ops take named arguments in a table: sum(x, axis=1, keepdims=True).

local x = k.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
assert(tostring(ops.sum(x, { axis = 1, keepdims = true }).shape) == "(2, 1)")
assert(ops.sum(x, 0):get(1) == 5)                    -- axes from 0, positions in Lua from 1

-- A comparison gives a boolean in Lua, so comparisons of tensors are ops: x > 2. The product of
-- matrices, Python's @, is matmul.

assert(ops.sum(ops.greater(x, 2)):item() == 4)
assert(x:matmul(x:transpose()):get(1, 2) == 32)

-- Several results are Lua's several values: y, h, c = lstm(x).

local lstm = layers.LSTM { 5, return_sequences = true, return_state = true }
local y, h, c = lstm(k.ones { 2, 3, 4 })
assert(tostring(y.shape) == "(2, 3, 5)" and tostring(h.shape) == tostring(c.shape))

-- None is false in a table, or k.None; what is left out takes its default.

assert(layers.Dense { 2, bias_initializer = "ones" }.use_bias == true)
assert(k.Input { shape = { false, 3 } }.shape[2] == false)

-- The functional way: layers are called on placeholders.

local input = k.Input { shape = { 3 }, name = "x" }
local branch = layers.Dense { 4, activation = "tanh" } (input)
local joined = layers.concatenate { input, branch }
local model = k.Model { inputs = input, outputs = layers.Dense(1) (joined) }
assert(#model.layers == 4)

-- A subclass is declared by a table: k.layer, k.model, k.metric, k.loss, k.callback, k.optimizer.
-- k.help "layer" lists the hooks.

local Net = k.model "GuideNet" {
  init = function (self) self.inner = layers.Dense(2) end,
  call = function (self, inputs, training)
    return training and self.inner(inputs) * 2 or self.inner(inputs)
  end,
}
local net = Net {}
local plain, trained = net(x), net(x, { training = true })
assert(ops.max(ops.abs(plain * 2 - trained)):item() < 1e-6)

-- Models as text are Keras's own: what model.to_json() wrote there loads here, and the other way.

local text = model:to_json()
assert(text:find('"class_name": "Functional"', 1, true))
local same = k.models.model_from_json(text)
same:set_weights(model:get_weights())
local points = k.random.normal { 4, 3 }
local difference = ops.max(ops.abs(same:predict(points) - model:predict(points))):item()
assert(difference == 0)

-- Files. model:save "m.keras" is read by keras.models.load_model, k.models.load_model "m.keras"
-- reads what Keras has saved; so are .weights.h5 and .h5. These need the rock lunula-hdf5. Without
-- it lunula says where to get it.

local base = os.tmpname()
local path = base .. ".keras"
local ok, message = pcall(function () model:save(path) end)
if ok then
  local back = k.models.load_model(path)
  assert(ops.max(ops.abs(back:predict(points) - model:predict(points))):item() == 0)
else
  assert(message:find("lunula-hdf5", 1, true), message)
end
os.remove(path)
os.remove(base)
print(ok and "back from a .keras file" or "without the rock lunula-hdf5: no .keras file")
return difference
