-- k.help(x): what x is, from its declaration. An op by name or value, a class, an object, a word.

local core = require "lunula.core"
local declare = require "lunula.declare"

local help = {}

-- A question mark in a signature is of what may be None; a default of nil is None.
local function op_text(row)
  local signature = row.signature:gsub("%?", " or None"):gsub("=nil", "=None")
  return string.format("ops.%s(%s)\n  %s%s", row.name, signature, row.doc or "",
    row.differentiable == false and "\n  It has no gradient." or "")
end

local function find_op(x)
  if type(x) == "string" then return core.catalogue(x) end
  for _, row in ipairs(core.catalogue()) do
    if core.ops[row.name] == x then return row end
  end
end

local kinds_in_order = {
  "layer", "optimizer", "loss", "metric", "callback", "initializer", "regularizer", "constraint",
  "schedule",
}

local function find_class(name)
  for _, kind in ipairs(kinds_in_order) do
    if declare.homes[kind] then pcall(require, declare.homes[kind]) end
    local found = kind == "layer" and require("lunula.layers").find(name)
      or declare.registry(kind)[name]
    if declare.is_class(found) then return found end
  end
end

local function tensor_text(x)
  return tostring(x) .. "\n  Ops are methods: x:sum(1), x:reshape{-1}; operators work element "
    .. "by element."
end

-- The functions that declare classes.
local doors = {
  layer = [[
k.layer "Name" { args =, init =, build =, call =, … }
  declares a class of layers, to be used as k.layers' own are.
  args   the options: { { "units", "positive", required = true }, { "rate", default = 0.5 } }
  init   function (self): the options are fields, self.units; layers inside are made here
  build  function (self, input_shape): weights, self:add_weight { name =, shape = }
  call   function (self, x, …): returns the output. What follows x comes by the name of the
         parameter: training, mask, options (all in one table), or a name of your own, which
         becomes an option of the call: layer(x, { name = value })
  Further hooks: compute_mask, compute_output_shape, get_config, from_config. Functions under
  other names are methods.]],
  model = [[
k.model "Name" { args =, init =, call =, … }
  declares a class of models; init makes its layers, call(self, x, training) puts them together.
  Without both it is made as k.Model is. Like k.layer otherwise. Training:
  train_step, test_step   function (self, data): one batch; returns the logs, a table by name.
         data is x, or what k.utils.unpack_x_y_sample_weight(data) takes apart
  compute_loss, compute_metrics   function (self, x, y, y_pred, sample_weight)
  predict_step, compile, metrics (a function or a list); k.Model.train_step(self, data) and the
  like are the built-in ones.]],
  ["utils.PyDataset"] = [[
k.utils.PyDataset "Name" { init =, len =, get_item =, on_epoch_begin =, on_epoch_end =, … }
  declares a class of datasets, for fit, evaluate and predict. Sequence is its old name.
  init      function (self, …): what the class is called with: local d = Name(x, y)
  len       function (self): the number of batches, or nil when they do not end
  get_item  function (self, index): the batch x, y, sample_weight; index counts from 0
  Functions under other names are methods.]],
  ["utils.load_img"] = [[
k.utils.load_img(path, { color_mode = "rgb", target_size =, interpolation = "nearest",
  keep_aspect_ratio = })
  reads a PNG or JPEG as a tensor (height, width, channels) of uint8, by the rock lunula-images.
  color_mode     "rgb", "rgba", "grayscale"
  target_size    {height, width}
  interpolation  nearest, bilinear, bicubic, hamming, box, lanczos]],
  ["utils.save_img"] = [[
k.utils.save_img(path, x, { data_format =, file_format =, scale = true, quality = 75,
  progressive =, compress_level = 6 })
  writes (height, width, channels) as .png or .jpg, by the rock lunula-images. Unless scale is
  false the least number becomes 0 and the greatest 255. quality and progressive are for JPEG,
  compress_level is for PNG.]],
  ["utils.image_dataset_from_directory"] = [[
k.utils.image_dataset_from_directory(directory, { labels = "inferred", label_mode = "int",
  class_names =, color_mode = "rgb", batch_size = 32, image_size = {256, 256}, shuffle = true,
  seed =, validation_split =, subset =, interpolation = "bilinear", follow_links =,
  crop_to_aspect_ratio =, pad_to_aspect_ratio =, data_format =, verbose = true })
  gives a dataset of batches (images, labels) of the PNG and JPEG files in the directory, whose
  folders name the classes; for subset = "both" two. By the rock lunula-images.]],
  ["utils.FeatureSpace"] = [[
k.utils.FeatureSpace { features =, output_mode = "concat", crosses =, crossing_dim = 32,
                       hashing_dim = 32, num_discretization_bins = 32 }
  makes vectors of the columns of a table.
  features  types by name: { age = "float_normalized", city = "string_categorical" }; the types are
            float, float_rescaled, float_normalized, float_discretized, integer_categorical,
            string_categorical, integer_hashed, string_hashed, or with options
            FeatureSpace.float_discretized { num_bins = 5 }, FeatureSpace.feature { … }
  crosses   { { "city", "kind" } }, or FeatureSpace.cross { { "city", "kind" }, 32 }
  space:adapt(columns or dataset), space(columns), space:get_inputs(),
  space:get_encoded_features(), space:save(path), FeatureSpace.load(path)]],
}

-- Where they stand.
local function door(name)
  local tool = name:match "^utils%.(.+)"
  if tool then return require("lunula.utils")[tool] end
  return require(name == "layer" and "lunula.layers.base" or "lunula.models").declare
end

local function door_text(x)
  for name, text in pairs(doors) do
    local short = name:match "[^.]+$"
    if x == name or x == short or x == "k." .. name or x == door(name) then return text end
  end
end

-- ---- methods of models, functions of modules ---------------------------------------------------

-- Where a method stands, beside the list of its options, what it takes before them, what it does.
local methods = {
  compile = { "lunula.trainers.trainer", "{", "says how the model is trained: optimizer and loss "
    .. "by name or as objects,\n  metrics as a list, or by the name of the output" },
  fit = { "lunula.trainers.fit", "x, y, {", "trains on samples and returns the history; x and y "
    .. "are tensors,\n  nested tables, lists or name tables of them,\n  or x is an "
    .. "iterator of batches or a dataset" },
  evaluate = { "lunula.trainers.evaluate", "x, y, {",
    "returns the loss and the metrics of samples" },
  predict = { "lunula.trainers.predict", "x, {", "returns the outputs for samples" },
}

local function method_text(name)
  local method = methods[name]
  if not method then return nil end
  local options = {}
  for i, option in ipairs(require(method[1]).options) do options[i] = option .. "=" end
  return ("model:%s(%s %s })\n  %s."):format(name, method[2], table.concat(options, ", "),
    method[3])
end

-- Input is a function, but reads its options as the class does.
local function input_text(x)
  if x ~= "Input" and x ~= "k.Input" and x ~= require("lunula.models").Input then return nil end
  local text = declare.help(require "lunula.layers.core.input_layer")
  return (text:gsub("InputLayer", "Input", 1)) .. "\n  The placeholder of a new input."
end

local modules = { "utils", "models", "layers", "activations", "losses", "metrics", "optimizers" }

-- A function is told by its parameters; the name says the rest.
local function function_text(name)
  for _, module in ipairs(modules) do
    local f = rawget(require("lunula." .. module), name)
    if type(f) == "function" then
      local parameters, i = {}, 1
      while debug.getlocal(f, i) do
        parameters[i], i = debug.getlocal(f, i), i + 1
      end
      if debug.getinfo(f, "u").isvararg then parameters[i] = "…" end
      return ("k.%s.%s(%s)"):format(module, name, table.concat(parameters, ", "))
    end
  end
end

-- The names in a module.
local function names_in(module)
  local names = {}
  for name in pairs(module) do names[#names + 1] = tostring(name) end
  table.sort(names)
  return table.concat(names, " ")
end

local function suggestion(x)
  if type(x) ~= "string" then return "" end
  local names = require("lunula.layers").names()
  for name in pairs(methods) do names[#names + 1] = name end
  for _, row in ipairs(core.catalogue()) do names[#names + 1] = row.name end
  for _, kind in ipairs(kinds_in_order) do
    for name in pairs(declare.registry(kind)) do names[#names + 1] = name end
  end
  return declare.suggestion(x, names)
end

-- The text about x, or nil, message.
function help.text(x)
  if x == nil then
    return "k.help(x) tells about an op (\"softmax\", k.ops.softmax), a class (\"Dense\", "
      .. "k.layers.Dense) or an object."
  end
  local metatable = type(x) == "table" and getmetatable(x)
  if metatable and declare.is_class(metatable.__index) then x = metatable.__index end
  if declare.is_class(x) then return declare.help(x) end
  local class = declare.class_of(x)
  if class then return tostring(x) .. "\n" .. declare.help(class) end
  if core.is_tensor(x) then return tensor_text(x) end
  local told = door_text(x) or input_text(x)
  if told then return told end
  if type(x) == "string" or type(x) == "function" then
    local name = type(x) == "string" and x:match "[^.:]*$" or x
    require "lunula.ops"
    local row = find_op(name)
    local named = type(name) == "string"
    local found, texts = named and find_class(name), {}
    if found then texts[#texts + 1] = declare.help(found) end
    if row then texts[#texts + 1] = op_text(row) end
    if named then texts[#texts + 1] = method_text(name) end
    if named and #texts == 0 then texts[1] = function_text(name) end
    if #texts > 0 then return table.concat(texts, "\n\n") end
  end
  if type(x) == "table" and (not metatable or metatable.module) then return names_in(x) end
  return nil, "nothing is known about " .. declare.show(x) .. suggestion(x)
end

-- Prints what is known about x.
function help.help(x)
  local text, message = help.text(x)
  print(text or message)
end

return help
