-- Writes the file that this release leaves behind for those to come, if it is not there:
--
--   LUA_PATH_5_4='lua/?.lua;lua/?/init.lua' LUA_CPATH_5_4='build/?.so' lua5.4 spec/golden/write_file.lua
--
-- A graph with loops, convolutions, attention, embeddings, a Lambda, random numbers that do not
-- matter and a state; two inputs and their outputs are in the file as lunula/test/input/N and
-- lunula/test/output/N, from 0 on, where lunula_model_test finds them. Once written it is never changed (files/README.md).

local k = require "lunula"
local core = require "lunula.core"
local layers, ops = k.layers, k.ops

k.set_random_seed(11)
local image = k.Input { shape = { 8, 6, 2 }, name = "image" }
local words = k.Input { shape = { false }, dtype = "int32", name = "words" }
local x = layers.SeparableConv2D { 5, 3, padding = "same", activation = "gelu" } (image)
x = layers.BatchNormalization {} (layers.MaxPooling2D(2)(x))
x = layers.Conv2DTranspose { 3, 2, strides = 2 } (x)
x = layers.GlobalAveragePooling2D {} (x)
local y = layers.Embedding { 20, 6, mask_zero = true } (words)
y = layers.Bidirectional(layers.LSTM { 3, return_sequences = true })(y)
y = layers.MultiHeadAttention { 2, 4 } (y, y)
y = layers.LayerNormalization {} (layers.Dropout(0.5)(y))
y = layers.GRU { 4, reset_after = true } (y)
local both = layers.Concatenate {} { x, y }
both = layers.Lambda(function (z) return z * ops.sigmoid(z) + ops.full({ 7 }, 0.25) end)(both)
local model = k.Model { inputs = { image, words }, outputs = {
  layers.Dense { 3, activation = "softmax", name = "class" } (both),
  layers.Dense { 1, name = "value" } (both) } }

local count = core.variable { value = ops.zeros {}, name = "count" }
local f = core.trace({ { shape = { false, 8, 6, 2 } }, { shape = { false, false }, dtype = "int32" } },
  function (a, b)
    count:assign(count.value + 1)
    local class, value = model { a, b }
    return class, value, count.value
  end)

local list, names, paths = { { "count", count } }, {}, { [count] = "count" }
for i, v in ipairs(model.weights) do
  local variable = v.variable or v
  names[i] = ("%s/%d"):format(v.name, i)
  paths[variable] = names[i]
  list[#list + 1] = { names[i], variable }
end
local text, constants = core.graph_text(f, { inputs = { "image", "words" },
  outputs = { "class", "value", "count" },
  variable = function (v) return paths[v] end })
table.move(constants, 1, #constants, #list + 1, list)

local inputs = { ops.round(k.random.normal { 3, 8, 6, 2 } * 64) / 64,
  core.tensor({ { 1, 5, 19, 0 }, { 7, 2, 0, 0 }, { 3, 3, 4, 18 } }, "int32") }
local test = {}
for i, input in ipairs(inputs) do test[#test + 1] = { "lunula/test/input/" .. i - 1, input } end
for i, output in ipairs { f(table.unpack(inputs)) } do
  test[#test + 1] = { "lunula/test/output/" .. i - 1, output }
end
count:assign(0)
table.move(test, 1, #test, #list + 1, list)

local path = ("spec/golden/files/lunula_%s_graph.safetensors"):format(core.version)
core.file_write(path, list, { format = "lunula 1", lunula_version = core.version, graph = text },
  { overwrite = false })
print(path)
