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

-- Positions in Lua code count from 1: Python's x[0] is x[1], and x[-1] is the last row in both.
-- Behind the last there is nothing, as in a table. Axes, classes and tokens count from 0.

assert(x[1]:get(3) == 3 and x[-1]:get(3) == 6 and x[3] == nil and #x == 2)
assert(ops.argmax(x, 1):get(1) == 2)

-- Lua makes a boolean of every comparison, so Python's x > 2 is an op: ops.greater(x, 2), or as a
-- method. & | and ~ are there. The product of matrices, Python's @, is matmul; * is elementwise.

assert(ops.sum(ops.greater(x, 2)):item() == 4)
assert(ops.sum(x:greater(2) & ~x:equal(4)):item() == 3)
assert(x:matmul(x:transpose()):get(1, 2) == 32)

-- Several results are Lua's several values: y, h, c = lstm(x).

local lstm = layers.LSTM { 5, return_sequences = true, return_state = true }
local y, h, c = lstm(k.ones { 2, 3, 4 })
assert(tostring(y.shape) == "(2, 3, 5)" and tostring(h.shape) == tostring(c.shape))

-- Pairs of pairs are several values too: local x, y, u, v = k.datasets.mnist.load_data(). Several
-- inputs are a list, or a table by their names.

-- What is left out takes its default. None, where it is said, is k.None, or false where false is no
-- value of its own. A size that is not known is false in a table, and printed as None.

assert(layers.Dense { 2, bias_initializer = "ones" }.use_bias == true)
assert(layers.Softmax().axis == -1 and layers.Softmax { axis = k.None }.axis == nil)
assert(k.Input { shape = { false, 3 } }.shape[2] == false)
assert(tostring(k.Input { shape = { false, 3 } }.shape) == "(None, None, 3)")

-- In the call of a layer ops.shape(x)[1] is a tensor then, as in Keras, and may be a size.

local noisy = layers.Lambda(function (rows)
  return rows + k.random.normal { ops.shape(rows)[1], 3 }
end)
assert(tostring(noisy(k.Input { shape = { 3 } }).shape) == "(None, 3)")

-- A variable: v = Variable(0.), v.assign_add(1). numpy() gives its value, as a tensor.

local counter = k.Variable(0.0)
counter:assign_add(1)
assert(counter:numpy():item() == 1)

-- The functional way: layers are called on placeholders.

local input = k.Input { shape = { 3 }, name = "x" }
local branch = layers.Dense { 4, activation = "tanh" } (input)
local joined = layers.concatenate { input, branch }
local model = k.Model { inputs = input, outputs = layers.Dense(1) (joined) }
assert(#model.layers == 4)

-- A subclass is declared by a table: k.layer, k.model, k.metric, k.loss, k.callback, k.optimizer.
-- k.help "layer" lists the hooks. Options of call go by the name of the parameter, as `training`
-- here. train_step and its relatives are called by fit; their logs are a table by name.

local Net = k.model "GuideNet" {
  init = function (self) self.inner = layers.Dense(2) end,
  call = function (self, inputs, training)
    return training and self.inner(inputs) * 2 or self.inner(inputs)
  end,
}
local net = Net {}
local plain, trained = net(x), net(x, { training = true })
assert(ops.max(ops.abs(plain * 2 - trained)):item() < 1e-6)

-- Misuse is an error at your own line, which names the layer, the op and the shapes.

local wrong, reason = pcall(function () return model(k.ones { 2, 5 }) end)
assert(not wrong and reason:find("from_keras.lua:%d+:") and reason:find("(2, 5)", 1, true))

-- A loss or a gradient that is not finite goes into the weights in Keras. Here fit raises, with
-- epoch and batch; weights and history are those before. TerminateOnNaN ends it instead.

model:compile { optimizer = "sgd", loss = "mse" }
local weights = model:get_weights()[1]
local finite, nan = pcall(model.fit, model, { { 1, 2, 0 / 0 } }, { { 1 } }, { verbose = 0 })
assert(not finite and nan:find("finite", 1, true), nan)
assert(ops.max(ops.abs(model:get_weights()[1] - weights)):item() == 0)

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
  assert(tostring(message):find("lunula-hdf5", 1, true), message)
end
os.remove(path)
os.remove(base)
print(ok and "back from a .keras file" or "without the rock lunula-hdf5: no .keras file")
return difference
