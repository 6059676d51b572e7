-- A first model, from data to a prediction.
--
--   lua5.4 examples/guides/first_model.lua
--
-- lunula is required like any Lua module. Requiring it prints nothing, sets no global, and costs
-- next to nothing: what is large is loaded when it is first asked for.

local k = require "lunula"

-- One number decides everything random that follows: weights, shuffling, dropout. With the same
-- seed a script reaches the same numbers, on any number of threads.

k.set_random_seed(1)

-- Data are tensors. Operators work element by element, ops are functions of k.ops and methods of
-- tensors: k.ops.sum(x, 1) is x:sum(1). Axes count from 0, as in Keras; -1 is the last one.

local x = k.random.uniform({ 512, 2 }, -1, 1)
local y = k.ops.less((x ^ 2):sum(1), 0.5)            -- is the point inside a circle?

-- A tensor tells its sizes. Positions in Lua count from 1, as they do everywhere in Lua.

assert(x.shape[1] == 512 and #x.shape == 2)
assert(tostring(x.shape) == "(512, 2)")
assert(x[1].shape[1] == 2)                           -- the first row

-- A Sequential model is a list of layers. A constructor takes one table: the options in Keras's
-- order, or by name, or both. The first entry says what goes in.

local model = k.Sequential {
  k.Input { shape = { 2 } },
  k.layers.Dense { 32, activation = "relu" },
  k.layers.Dense { 32, activation = "relu" },
  k.layers.Dense { 1, activation = "sigmoid" },
}

-- Who knows Torch7 finds nn.Sequential in this; a layer learns its number of inputs by itself, and
-- nobody calls backward: fit does, or k.value_and_grad where a script wants the gradients.

-- An unknown size is false in Lua, and printed as None: here, how many samples there will be.

assert(tostring(model.output_shape) == "(None, 1)")
assert(model:count_params() == 2 * 32 + 32 + 32 * 32 + 32 + 32 + 1)

-- compile says how it is trained, fit trains it. What fit returns has the numbers of every epoch.

model:compile { optimizer = k.optimizers.Adam(0.01), loss = "binary_crossentropy",
  metrics = { "accuracy" } }
local run = model:fit(x, y, { epochs = 30, batch_size = 32, validation_split = 0.2, verbose = 0 })
assert(#run.history.loss == 30)
assert(run.history.loss[30] < run.history.loss[1])
assert(run.history.val_accuracy[30] > 0.8)

-- evaluate gives the loss and the metrics, as Lua's several values.

local loss, accuracy = model:evaluate(x, y, { verbose = 0 })
assert(loss < 0.3 and accuracy > 0.85)

-- predict takes tensors or nested tables, and gives a tensor. `item` makes a Lua number of one
-- value, `totable` makes nested tables.

local answer = model:predict({ { 0.1, 0.2 }, { 0.9, 0.9 } }, { verbose = 0 })
assert(answer:get(1, 1) > 0.5 and answer:get(2, 1) < 0.5)
assert(#answer:totable() == 2)

-- An error stands at the line of the script, and says what to do.

local ok, message = pcall(function () return k.layers.Dense { 8, activaton = "relu" } end)
assert(not ok and message:find "first_model.lua:%d+:" and message:find("activation", 1, true))

-- k.help "Dense", k.help "fit" and k.help "?padding" tell the rest.

print(("inside the circle: %.2f, outside: %.2f"):format(answer:get(1, 1), answer:get(2, 1)))
return accuracy
