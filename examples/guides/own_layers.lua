-- Layers of one's own, and Lambdas: what can be traced, and what runs for each batch.
--
--   lua5.4 examples/guides/own_layers.lua

local k = require "lunula"
local layers, ops = k.layers, k.ops
k.set_random_seed(3)

-- A Lambda is a Lua function. It is called once with a placeholder, and what it does to it is
-- recorded: at run time there is no Lua in it, it has gradients, and it is fused with its
-- neighbours.

local calls = 0
local swish = layers.Lambda(function (x)
  calls = calls + 1
  return x * ops.sigmoid(x)
end)
local model = k.Sequential { k.Input { shape = { 4 } }, layers.Dense(3), swish, layers.Dense(1) }
model:compile { optimizer = "sgd", loss = "mse" }
local x, y = k.random.normal { 64, 4 }, k.random.normal { 64, 1 }
model:fit(x, y, { epochs = 2, batch_size = 8, verbose = 0 })
local after_fit = calls
model:fit(x, y, { epochs = 5, batch_size = 8, verbose = 0 })
assert(calls == after_fit and after_fit < 8)         -- not once for each of the batches

-- What can be recorded: ops, operators, loops over sizes that are known, layers and variables from
-- outside. A condition on the sizes or the options is decided when it is recorded.
--
-- What cannot: a value. `x:item()` asks for a number that is not there yet. Such a function is
-- called for each batch (a host step), and a warning names its line; trace = false asks for it,
-- and says that this is meant.

local host_calls = 0
local clipped = layers.Lambda { function (batch)
  host_calls = host_calls + 1
  local largest = ops.max(ops.abs(batch)):item()
  return largest > 1 and batch / largest or batch
end, trace = false }
local host = k.Sequential { k.Input { shape = { 4 } }, clipped }
host:predict(x, { batch_size = 16, verbose = 0 })
assert(host_calls >= 4)                              -- four batches

-- Often there is an op that says the same without a value: where, clip, maximum. Then it is traced.

local traced = k.Sequential { k.Input { shape = { 4 } }, layers.Lambda(function (batch)
  return batch / ops.maximum(ops.max(ops.abs(batch)), 1)
end) }
local one = k.random.normal { 16, 4 } * 3
assert(ops.max(ops.abs(traced:predict(one) - host:predict(one))):item() < 1e-6)

-- A layer with weights is declared. `args` are its options, with their kinds: they are checked,
-- written to configs, and become fields. build makes the weights when the shape is known; call says
-- what is computed.

local Scaled = k.layer "GuideScaled" {
  args = { { "units", "positive", required = true }, { "scale", "number", default = 0.5 } },
  build = function (self, input_shape)
    self.kernel = self:add_weight { name = "kernel", shape = { input_shape[-1], self.units },
      initializer = "glorot_uniform" }
  end,
  call = function (self, inputs, training)
    local out = inputs:matmul(self.kernel) * self.scale
    return training and layers.GaussianNoise(0.1) (out, { training = true }) or out
  end,
}
local layer = Scaled { 3, scale = 2 }
assert(tostring(layer(x).shape) == "(64, 3)" and #layer.weights == 1)
assert(layer:get_config().scale == 2)
local ok, message = pcall(function () return Scaled { 3, scale = "big" } end)
assert(not ok and message:find("a number", 1, true))

-- `training` is given by its name, as `mask` is; fit says true, predict says false.

local quiet = ops.max(ops.abs(layer(x) - layer(x))):item()
local noisy = ops.max(ops.abs(layer(x, { training = true }) - layer(x))):item()
assert(quiet == 0 and noisy > 0)

-- It stands in models like any other, and has gradients without being told.

local own = k.Sequential { k.Input { shape = { 4 } }, Scaled { 8 }, layers.ReLU(), Scaled { 1 } }
own:compile { optimizer = "adam", loss = "mse" }
local target = ops.sum(x, 1, true)
local loss = own:fit(x, target, { epochs = 60, batch_size = 16, verbose = 0 }).history.loss
assert(loss[60] < loss[1])
print(("loss %.3f, then %.3f"):format(loss[1], loss[60]))
return loss[60] / loss[1]
