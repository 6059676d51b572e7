-- Layer normalization written as a user would: add_weight, compute_output_shape, get_config.
--
--   lua5.4 examples/layer_norm.lua

local k = require "lunula"
local ops = k.ops

local LayerNorm = k.layer "LayerNorm" {
  doc = "gain (x - mean) / (deviation + epsilon) + bias, over the last axis",
  args = { { "epsilon", "number", default = 1e-6 } },
  build = function(self, input_shape)
    local size = { input_shape[#input_shape] }
    self:add_weight { name = "gain", shape = size, initializer = "ones" }
    self:add_weight { name = "bias", shape = size, initializer = "zeros" }
  end,
  call = function(self, x)
    local mean, deviation = ops.mean(x, -1, true), ops.std(x, -1, true)
    return self.gain * (x - mean) / (deviation + self.epsilon) + self.bias
  end,
  compute_output_shape = function(_, input_shape) return input_shape end,
}

k.set_random_seed(5)

local input = k.Input { shape = { 6, 8 } }
local x = LayerNorm {} (input)
x = k.layers.Flatten {} (x)
local model = k.Model { inputs = input, outputs = k.layers.Dense(1)(x) }
model:summary()

-- The layer comes back from its config.
local copy = LayerNorm.from_config(LayerNorm { epsilon = 1e-3 }:get_config())
print("epsilon of the copy:", copy.epsilon)

-- To be learnt: the mean of the first of eight features over six steps.
local data = k.random.normal { 256, 6, 8 }
local target = ops.mean(data:slice({ 0, 0, 0 }, { -1, -1, 1 }), { 1, 2 })
model:compile { optimizer = "adam", loss = "mse" }
local history = model:fit(data, target, { epochs = 60, verbose = 0 })
local losses = history.history.loss
print(("loss %.4f -> %.4f"):format(losses[1], losses[#losses]))

local normed = LayerNorm {} (data * 5 + 3)
print(("mean %.3f, deviation %.3f"):format(ops.mean(normed):item(), ops.std(normed):item()))

return losses[#losses]
