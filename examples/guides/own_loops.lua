-- Training loops of one's own: from a step of fit to a loop without fit.
--
--   lua5.4 examples/guides/own_loops.lua

local k = require "lunula"
local layers, ops = k.layers, k.ops
k.set_random_seed(4)

local x = k.random.normal { 256, 3 }
local y = x:matmul(k.tensor { { 1 }, { -2 }, { 0.5 } }) + 0.3

local function network()
  return k.Sequential { k.Input { shape = { 3 } }, layers.Dense(1) }
end

-- 1. Callbacks see every epoch and batch. A plain table of functions is one; epochs count from 0,
-- as in Keras. model.stop_training ends fit.

local model, seen = network(), 0
model:compile { optimizer = k.optimizers.SGD(0.1), loss = "mse" }
model:fit(x, y, { epochs = 50, verbose = 0, callbacks = { {
  on_epoch_end = function (_, epoch, logs)
    seen = epoch + 1
    if logs.loss < 0.01 then model.stop_training = true end
  end,
} } })
assert(seen < 50)

-- 2. train_on_batch makes one step; the loop is the script's.

local by_hand = network()
by_hand:compile { optimizer = k.optimizers.SGD(0.1), loss = "mse" }
local first, last
for epoch = 1, 10 do
  for row = 1, 256, 32 do
    last = by_hand:train_on_batch(x[{ { row, row + 31 } }], y[{ { row, row + 31 } }])
    if epoch == 1 and row == 1 then first = last end
  end
end
assert(last < first / 10)

-- 3. train_step of a class of models: fit, callbacks and metrics stay, the step is one's own. It is
-- recorded like a layer, and runs as a plan.

local Doubled = k.model "GuideDoubled" {
  train_step = function (self, data)
    local inputs, targets = k.utils.unpack_x_y_sample_weight(data)
    local loss, _, gradients = k.value_and_grad(function ()
      return 2 * ops.mean((self(inputs, { training = true }) - targets) ^ 2)
    end, self.trainable_weights)()
    self.optimizer:apply(gradients, self.trainable_weights)
    return { doubled = loss }
  end,
}
local input = k.Input { shape = { 3 } }
local own = Doubled { inputs = input, outputs = layers.Dense(1) (input) }
own:compile { optimizer = k.optimizers.SGD(0.05) }
local history = own:fit(x, y, { epochs = 10, verbose = 0 }).history
assert(history.doubled[10] < history.doubled[1])

-- 4. Without fit: value_and_grad of a function gives its value and the gradients of variables; the
-- optimizer applies them.

local weight, bias = k.Variable(k.zeros { 3, 1 }), k.Variable(k.zeros { 1 })
local optimizer = k.optimizers.Adam(0.05)
local step = k.value_and_grad(function (inputs, targets)
  return ops.mean((inputs:matmul(weight) + bias - targets) ^ 2)
end, { weight, bias })

local loss
for _ = 1, 300 do
  local value, _, gradients = step(x, y)
  optimizer:apply(gradients, { weight, bias })
  loss = value:item()
end
assert(loss < 1e-2)
assert(math.abs(bias:numpy():item() - 0.3) < 0.1)
assert(optimizer.iterations == 300)

print(("a loss of %g after 300 steps by hand"):format(loss))
return loss
