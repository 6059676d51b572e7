-- .h5: the files of Keras 2, which Keras 3 still reads and writes.
--
-- The root has the model and what it was compiled with as texts of JSON (model_config,
-- training_config), the group model_weights with a group for each layer, and optimizer_weights. A
-- file of weights alone is like model_weights.

local core = require "lunula.core"
local archive = require "lunula.hdf5.archive"
local convert = require "lunula.hdf5.convert"
local config = require "lunula.saving.config"
local declare = require "lunula.declare"
local json = require "lunula.saving.json"
local json_path = require "lunula.json_path"
local loading = require "lunula.hdf5.loading"
local optimizer = require "lunula.hdf5.optimizer"
local paths = require "lunula.utils.paths"
local training = require "lunula.hdf5.training"
local warn = require "lunula.utils.warn"
local writing = require "lunula.hdf5.writing"

local legacy = {}

-- ---- weights of a layer ------------------------------------------------------------------------

-- In the order of these files: what is trained, then the rest.
local function weights_of(layer)
  local list = layer.trainable_weights
  local others = layer.non_trainable_weights
  return table.move(others, 1, #others, #list + 1, table.move(list, 1, #list, 1, {}))
end

-- Those that belong to the model itself.
local function own_weights(model)
  local inner, list = {}, {}
  for _, layer in ipairs(model.layers) do
    for _, variable in ipairs(layer.weights) do inner[variable] = true end
  end
  for _, variable in ipairs(weights_of(model)) do
    if not inner[variable] then list[#list + 1] = variable end
  end
  return list
end

-- ---- writing -----------------------------------------------------------------------------------

local check = writing.checked

local function joined(path, name)
  return path == "/" and "/" .. name or path .. "/" .. name
end

-- An attribute has at most these bytes; a text in a list takes sixteen there.
local attribute_size <const> = 64512

local function write_texts(writer, path, name, texts)
  local most = attribute_size // 16
  if #texts <= most then return check(writer:text(path, name, texts)) end
  for i = 0, (#texts - 1) // most do
    local part = table.move(texts, i * most + 1, math.min((i + 1) * most, #texts), 1, {})
    check(writer:text(path, name .. i, part))
  end
end

-- Datasets in a group, and the attribute that lists them. entries: {{name, tensor}, …}
local function write_list(writer, path, entries)
  local names, taken = {}, {}
  check(writer:group(path))
  for i, entry in ipairs(entries) do names[i] = paths.unique(entry[1], taken) end
  write_texts(writer, path, "weight_names", names)
  for i, entry in ipairs(entries) do
    local tensor = entry[2]
    if tensor.dtype == "bfloat16" then tensor = core.ops.cast(tensor, "float32") end
    check(writer:dataset(joined(path, names[i]), tensor.dtype, tensor.shape, tensor:tobytes()))
  end
end

local function named_values(variables)
  local entries = {}
  for i, variable in ipairs(variables) do entries[i] = { paths.of(variable), variable.value } end
  return entries
end

-- The group of a name with a slash lies in another one, which must be there first.
local function by_name(layers)
  local sorted = table.move(layers, 1, #layers, 1, {})
  table.sort(sorted, function (a, b) return a.name < b.name end)
  return sorted
end

function legacy.write_weights(writer, path, model)
  local names = {}
  for i, layer in ipairs(model.layers) do names[i] = layer.name end
  if path ~= "/" then check(writer:group(path)) end
  write_texts(writer, path, "layer_names", names)
  check(writer:text(path, "backend", "tensorflow"))
  check(writer:text(path, "keras_version", archive.keras_version))
  for _, layer in ipairs(by_name(model.layers)) do
    write_list(writer, joined(path, layer.name), named_values(weights_of(layer)))
  end
  write_list(writer, joined(path, "top_level_model_weights"), named_values(own_weights(model)))
end

local function write_optimizer(writer, model)
  local self, entries = model.optimizer, {}
  if self.built then self:build(model.trainable_weights) end
  for i, entry in ipairs(optimizer.variables(self, model.trainable_weights)) do
    local name = core.is_variable(entry) and entry.name or self.name .. "/variable"
    entries[i] = { name, optimizer.value(self, entry) }
  end
  write_list(writer, "/optimizer_weights", entries)
end

-- The two texts of a model.
local function texts_of(model, with_training)
  local record = json.decode(config.text(model, "save", with_training))
  local compiled = record.compile_config
  record.compile_config = nil
  local has_training = type(compiled) == "table" and type(compiled.optimizer) == "table"
  return json.encode(record), has_training and json.encode(training.config(compiled)) or nil
end

function legacy.save_model(model, path, options)
  local with_training = options.include_optimizer and model.optimizer ~= nil
  local model_text, training_text = texts_of(model, with_training)
  writing.file(path, function (target)
    writing.hdf5(target, function (writer)
      check(writer:text("/", "keras_version", archive.keras_version))
      check(writer:text("/", "backend", "tensorflow"))
      check(writer:text("/", "model_config", model_text))
      if training_text then check(writer:text("/", "training_config", training_text)) end
      legacy.write_weights(writer, "/model_weights", model)
      if training_text then write_optimizer(writer, model) end
    end)
  end)
end

-- ---- reading weights ---------------------------------------------------------------------------

-- The group with the weights of the layers, nil in a file of another kind.
function legacy.weights_of(root)
  local group = root:child "model_weights" or root
  return group:texts "layer_names" and group
end

local function origin(group)
  return { version = (group:text "keras_version" or "1"):match "^1" or "2",
           backend = group:text "backend" }
end

local function datasets_of(group)
  local list = {}
  for i, name in ipairs(group:texts "weight_names" or {}) do list[i] = group:get(name) end
  return list
end

local function described(layer)
  return ('layer "%s" (%s)'):format(layer.name, declare.class_of(layer).name)
end

-- What all data of a layer may take: sizes are as here, or in another order. A file that claims
-- more is not read.
local function check_sizes(load, group, variables, datasets)
  local here, there = 0, 0
  for _, variable in ipairs(variables) do here = here + variable.size end
  for _, dataset in ipairs(datasets) do
    local size = 1
    for _, n in ipairs(dataset:shape()) do size = size * n end
    there = there + size
  end
  if there <= 2 * here + 64 then return true end        -- cuDNN has twice the biases
  load:misfit("%s: the weights have %d elements here and %d in the file", group.name, here, there)
end

local function read_layer(load, group, layer, variables, from)
  local datasets, values = datasets_of(group), {}
  if not check_sizes(load, group, variables, datasets) then return end
  for i, dataset in ipairs(datasets) do values[i] = convert.readable(dataset:tensor()) end
  if layer then values = convert.weights(layer, values, from) end
  if #values ~= #variables then
    return load:misfit("%s has %d weights here and %d in the file", layer and described(layer)
      or "the model itself", #variables, #values)
  end
  for i, variable in ipairs(variables) do
    local problem = loading.difference(variable, values[i].shape,
      ("%s of %s"):format(variable.name, layer and described(layer) or "the model itself"))
    if problem then return load:misfit("%s", problem) end
  end
  for i, variable in ipairs(variables) do load:assign(variable, values[i]) end
end

local function layer_names(group)
  return group:texts "layer_names" or group:fail "it does not name its layers"
end

local function layers_with_weights(model)
  local list = {}
  for _, layer in ipairs(model.layers) do
    if #layer.weights > 0 then list[#list + 1] = layer end
  end
  return list
end

local function read_in_order(load, group, model, from)
  local layers, groups = layers_with_weights(model), {}
  for _, name in ipairs(layer_names(group)) do
    local of_layer = group:get(name)
    local names = of_layer:texts "weight_names"
    if names and #names > 0 then groups[#groups + 1] = of_layer end
  end
  if #groups ~= #layers then
    return load:misfit("the model has %d layers with weights, the file %d", #layers, #groups)
  end
  for i, layer in ipairs(layers) do
    read_layer(load, groups[i], layer, weights_of(layer), from)
  end
end

local function read_by_name(load, group, model, from)
  local layers = {}
  for _, layer in ipairs(model.layers) do layers[layer.name] = layer end
  for _, name in ipairs(layer_names(group)) do
    local layer = layers[name]
    layers[name] = nil                 -- a file may say it many times
    if layer then read_layer(load, group:get(name), layer, weights_of(layer), from) end
  end
end

-- Notes in `load` the weights for a model: in the order of its layers, or by their names.
function legacy.read_weights(load, group, model, options)
  local from = origin(group)
  local read = options.by_name and read_by_name or read_in_order
  read(load, group, model, from)
  local own = group:child "top_level_model_weights"
  local variables = own and own_weights(model) or {}
  if own and (#variables > 0 or #(own:texts "weight_names" or {}) > 0) then
    read_layer(load, own, nil, variables, from)
  end
end

-- ---- reading models ----------------------------------------------------------------------------

local function json_of(root, name)
  local text = root:text(name)
  if not text then return nil end
  local value, problem = json.decode(text)
  if type(value) ~= "table" then
    root:fail("%s is broken: %s", name, problem or "it is no object")
  end
  return value
end

local function record_of(root)
  local record = json_of(root, "model_config")
  if not record then
    root:fail("it has no model_config; build the model and call model:load_weights")
  end
  local version = root:text "keras_version" or "1.0"
  if not version:find "^3" then record.keras_version = version end
  return record
end

local function compile(root, model, path, options)
  local told = json_of(root, "training_config")
  if not told then return end
  local function compiled()
    model:compile_from_config(training.compile_config(told))
  end
  json_path.reading(path .. ": training_config", declare.with_custom_objects,
    options.custom_objects, compiled)
end

local function read_optimizer(load, root, model)
  local group = root:child "optimizer_weights"
  local names = group and group:texts "weight_names"
  if not names or #names == 0 then return end
  local self = model.optimizer
  if #names > 2 then self:build(model.trainable_weights) end     -- it has made a step
  local variables = optimizer.legacy_variables(self, model.trainable_weights, names)
  local values, problem = {}, nil
  for i, name in ipairs(names) do
    local dataset, entry = group:get(name), variables[i]
    problem = #names ~= #variables and ("%d variables here and %d in the file"):format(#variables,
      #names) or core.is_variable(entry) and loading.difference(entry, dataset:shape(), entry.name)
    if problem then break end
    if core.is_variable(entry) then values[i] = load:converted(entry, dataset:tensor()) end
  end
  if problem then
    return warn.say("%s: the state of the optimizer is left out, it does not fit: %s", load.path,
      problem)
  end
  for i, entry in ipairs(variables) do
    if values[i] then
      load:later(function () optimizer.assign(self, entry, values[i]) end)
    end
  end
  load:later(function () optimizer.complete(self, variables) end)
end

function legacy.load_model(root, path, options)
  local model = archive.model(record_of(root), path, options.custom_objects)
  local load = loading.new(path)
  local group = root:child "model_weights"
  if not group then root:fail('there is no group "model_weights" in it') end
  legacy.read_weights(load, group, model, {})
  if options.compile then
    compile(root, model, path, options)
    if model.optimizer then read_optimizer(load, root, model) end
  end
  load:finish()
  return model
end

return legacy
