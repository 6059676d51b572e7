-- A layer of one's own: y = x . w + b, with weights made when the size of the input is known.
--
--   lua5.4 examples/linear_layer.lua

local k = require "lunula"

local Linear = k.layer "Linear" {
  doc = "x . w + b",
  args = { { "units", "positive", default = 32 } },
  build = function(self, input_shape)
    self:add_weight {
      name = "w", shape = { input_shape[#input_shape], self.units }, initializer = "random_normal",
    }
    self:add_weight { name = "b", shape = { self.units }, initializer = "zeros" }
  end,
  call = function(self, x)
    return k.ops.matmul(x, self.w) + self.b
  end,
}

k.set_random_seed(3)

-- What is to be learnt: three numbers from two.
local x = k.random.normal { 500, 2 }
local y = k.ops.matmul(x, k.tensor { { 1, 2, 3 }, { -3, 0, 1 } }) + k.tensor { 0.5, -0.5, 1 }

local model = k.Sequential { Linear { 16 }, Linear { units = 3 } }
model:compile { optimizer = k.optimizers.Adam { learning_rate = 0.02 }, loss = "mse" }
local history = model:fit(x, y, { epochs = 30, verbose = 0 })

local losses = history.history.loss
print(("loss %.4f -> %.6f"):format(losses[1], losses[#losses]))
print("the layer's config:", k.layers.serialize(model.layers[1]).config.units, "units")

return losses[#losses]
