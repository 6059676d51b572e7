-- Keras's model of customer tickets: three inputs, two outputs. From title, body and tags of a
-- ticket it says how urgent it is and which department shall have it. The model is drawn into
-- ticket_model.svg of the folder for temporary files.
--
--   lua5.4 examples/ticket_model.lua

local k = require "lunula"
local layers, ops = k.layers, k.ops

k.set_random_seed(9)

local WORDS <const>, TAGS <const>, DEPARTMENTS <const>, COUNT <const> = 200, 12, 4, 1024

local title_input = k.Input { shape = { 8 }, dtype = "int32", name = "title" }
local body_input = k.Input { shape = { 20 }, dtype = "int32", name = "body" }
local tags_input = k.Input { shape = { TAGS }, name = "tags" }

local title = layers.Embedding { WORDS, 16 } (title_input)
local body = layers.Embedding { WORDS, 16 } (body_input)
title = layers.LSTM(32)(title)
body = layers.LSTM(16)(body)
local x = layers.concatenate { title, body, tags_input }

local priority = layers.Dense { 1, name = "priority", activation = "sigmoid" } (x)
local department = layers.Dense { DEPARTMENTS, name = "department", activation = "softmax" } (x)

local model = k.Model { inputs = { title_input, body_input, tags_input },
  outputs = { priority, department }, name = "tickets" }

local path = (os.getenv "TMPDIR" or "/tmp") .. "/ticket_model.svg"
k.utils.plot_model(model, path, { show_shapes = true, show_layer_names = true })
print("drawn into " .. path)

-- Tickets: urgent when the first word of the title is one of the first half; the department stands
-- in the tags.
local function words(length)
  return ops.cast(k.random.uniform({ COUNT, length }) * WORDS, "int32")
end
local titles, bodies = words(8), words(20)
local departments = ops.cast(k.random.uniform { COUNT } * DEPARTMENTS, "int32")
local tags = k.random.uniform({ COUNT, TAGS }) + ops.one_hot(departments, TAGS)
local urgent = ops.cast(ops.less(titles:slice({ 0, 0 }, { -1, 1 }), WORDS // 2), "float32")

model:compile {
  optimizer = k.optimizers.RMSprop { learning_rate = 0.005 },
  loss = { priority = "binary_crossentropy", department = "sparse_categorical_crossentropy" },
  loss_weights = { priority = 1, department = 0.5 },
  metrics = { priority = { "accuracy" }, department = { "accuracy" } },
}
model:fit({ title = titles, body = bodies, tags = tags },
  { priority = urgent, department = departments },
  { epochs = 15, batch_size = 32, verbose = 2 })

local logs = model:evaluate({ title = titles, body = bodies, tags = tags },
  { priority = urgent, department = departments }, { return_dict = true })
print(("accuracy: priority %.4f, department %.4f"):format(logs.priority_accuracy,
  logs.department_accuracy))
assert(logs.priority_accuracy > 0.9, "nine of ten should be known to be urgent or not")
assert(logs.department_accuracy > 0.9, "nine of ten should come to the right department")

return math.min(logs.priority_accuracy, logs.department_accuracy)
