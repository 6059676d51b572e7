-- A network that reads the digits of digits.lua, and knows what is none: it learns from digits, and
-- as one more class from noise and from digits that lie over each other. What is only like a digit,
-- a blurred one, is none then. reader(first, last) returns read(pictures): the share of them that
-- are read as digits, and how many as each.

local k = require "lunula"
local layers, ops = k.layers, k.ops

local folder = debug.getinfo(1, "S").source:match "^@(.*/)" or "./"
local digits = dofile(folder .. "digits.lua")
local COUNT <const>, NOISE <const> = 3000, 500

-- Pictures and labels; those that are none have the label `none`.
local function samples(first, last, none)
  local x, y = digits(COUNT, first, last)
  local function others() return ops.take(x, k.random.randint({ COUNT }, 0, COUNT), 0) end
  local two = (x + others()) / 2
  local four = (two + (others() + others()) / 2) / 2
  local noise = k.random.uniform { NOISE, 12, 12, 1 }
  return ops.concatenate({ x, two, four, noise }, 0),
    ops.concatenate({ y - first, ops.full({ 2 * COUNT + NOISE }, none, "int32") }, 0)
end

return function(first, last)
  local count = last - first + 1
  local model = k.Sequential {
    k.Input { shape = { 12, 12, 1 } },
    layers.Conv2D { 16, 3, activation = "relu" }, layers.MaxPooling2D(2),
    layers.Conv2D { 32, 3, activation = "relu" },
    layers.Flatten {}, layers.Dropout(0.3), layers.Dense { count + 1, activation = "softmax" },
  }
  model:compile { optimizer = "adam", loss = "sparse_categorical_crossentropy" }
  local x, y = samples(first, last, count)
  model:fit(x, y, { epochs = 6, batch_size = 64, verbose = 0 })

  return function(pictures)
    local seen = ops.argmax(model:predict(pictures), -1)
    local counts = ops.bincount(seen, { minlength = count + 1 }):totable()
    return 1 - counts[count + 1] / pictures.shape[1], { table.unpack(counts, 1, count) }
  end
end
