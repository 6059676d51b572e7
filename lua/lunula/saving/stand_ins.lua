-- Layers that stand for Lambdas and layers of users whose code is not there: they run the graphs
-- that a file has of them (saving/graphs.lua).
--
-- Such a layer bears the class name, the config and the weights of the one it stands for, so that
-- it can be saved again. It can be trained where its graph for training is in the file.

local core = require "lunula.core"
local base = require "lunula.layers.base"
local declare = require "lunula.declare"
local json = require "lunula.saving.json"
local nest = require "lunula.utils.nest"
local input = require "lunula.models.input"
local functional = require "lunula.models.functional"

local stand_ins = {}

local function is_table(value) return type(value) == "table" end

-- ---- one layer ---------------------------------------------------------------------------------

-- The inputs of a graph: the tensors, and the masks of those that had one.
local function flat_inputs(self, x)
  local flat = {}
  for i, tensor in ipairs(nest.flatten(x)) do
    flat[#flat + 1] = tensor
    if self.in_masks[i] == true then
      flat[#flat + 1] = tensor.mask or core.raise("input %d had a mask when the layer was saved", i)
    end
  end
  return flat
end

-- The results of a graph with their masks on them.
local function with_masks(self, ...)
  local flat, results, position = { ... }, {}, 0
  for i, has_mask in ipairs(self.out_masks) do
    position = position + 1
    results[i] = flat[position]
    if has_mask == true then
      position = position + 1
      results[i].mask = flat[position]
    end
  end
  return table.unpack(results)
end

local function call(self, x, options)
  local fn = self.on_prediction
  if options.training then fn = self.on_training end
  if not fn then
    core.raise("stands for a %s of which the file has no graph for training; give the class or "
      .. "the function in custom_objects", declare.class_of(self).name)
  end
  return with_masks(self, fn(table.unpack(flat_inputs(self, x))))
end

-- The weights in the order that they had.
local function ordered(self)
  return table.move(self.told_weights, 1, #self.told_weights, 1, {})
end

-- The class of one such layer, under the name that the file says.
local function class_for(entry)
  local name = tostring(entry.class_name):gsub("[^%w_]", "")
  local class = base.layer(name:match "^[%a_]" and name or "Layer") {
    abstract = true, stands_in = true, several = true, casts = "nothing", supports_masking = true,
    doc = "a layer whose graph is in a file",
    getters = { weights = ordered, variables = ordered },
    init = function (self) rawset(self, "told_weights", {}) end,
    call = call, build = function () end,
    get_config = function (self) return self.told_config end,
    get_build_config = function () return nil end,
    compute_mask = function () return nil end,
  }
  class.module = type(entry.module) == "string" and entry.module or false
  if type(entry.registered_name) == "string" then
    declare.set_file_name(class, entry.registered_name)
  end
  return class
end

local function add_weight(layer, name, shape, dtype, trainable)
  local variable = layer:add_weight {
    name = name, shape = shape, dtype = dtype, trainable = trainable, initializer = "zeros",
  }
  table.insert(layer.told_weights, variable)
  return variable
end

-- The weights that a graph is told to have, made now, by their names in the file.
local function make_weights(layer, told, prefix, reader)
  local by_name = {}
  for _, pair in ipairs(is_table(told) and told or {}) do
    local name = is_table(pair) and pair[1]
    if type(name) ~= "string" then
      core.raise("%s: the weights of a graph are broken", reader.path)
    end
    local shape, dtype = reader:type(name)
    local short = name:sub(1, #prefix) == prefix and name:sub(#prefix + 1) or name
    by_name[name] = add_weight(layer, short, shape, dtype, pair[2] == true)
  end
  return by_name
end

-- Whether a graph gives so many results, with the masks of those that have one.
local function gives(count, masks)
  for _, has_mask in ipairs(masks) do count = count - (has_mask == true and 2 or 1) end
  return count == 0
end

-- The graph of a layer for "predict" or "train".
local function graph_of(layer, kind, number, path, reader, variable)
  local text = reader.metadata[("graph/%s/%s"):format(tostring(number), kind)]
  if not text then core.raise("%s: a graph of layer \"%s\" is missing", reader.path, path) end
  local fn, _, outputs = core.graph_function(text, reader, variable)
  if not gives(#outputs, layer.out_masks) then
    core.raise("%s: a graph of layer \"%s\" gives other results than is said of it", reader.path,
      path)
  end
  return fn
end

-- The layer for the entry of a config, by what is told of its graph.
local function layer_for(entry, told, path, reader)
  local config = is_table(entry.config) and entry.config or {}
  local layer = class_for(entry) { name = config.name }
  rawset(layer, "told_config", config)
  rawset(layer, "in_masks", is_table(told.masks) and told.masks or {})
  rawset(layer, "out_masks", is_table(told.out_masks) and told.out_masks or {})
  local by_name = make_weights(layer, told.weights, path .. "/", reader)
  local function read(kind)
    return graph_of(layer, kind, told.number, path, reader,
      function (name) return by_name[name] end)
  end
  layer:build {}                               -- it has its weights
  rawset(layer, "on_prediction", read "predict")
  rawset(layer, "on_training", told.train == "same" and layer.on_prediction
    or told.train == "own" and read "train" or nil)
  if config.trainable == false then layer.trainable = false end
  return layer
end

-- ---- which layers ------------------------------------------------------------------------------

local function function_is_known(record)
  return is_table(record) and record.class_name == "function"
    and type(record.config) == "string" and declare.custom_object(record.config) ~= nil
end

local function can_be_made(entry)
  if entry.class_name == "Lambda" and declare.custom_object "Lambda" == nil then
    local config = is_table(entry.config) and entry.config or {}
    return function_is_known(config["function"])
  end
  return declare.knows("layer", entry)
end

-- A function that answers with the layer that stands for an entry of a config, or nil where that is
-- not needed or not possible.
function stand_ins.finder(reader)
  local text = reader.metadata.graphs
  if not text then return nil end
  local told, problem = json.decode(text)
  if not is_table(told) or #told > 0 then
    core.raise("%s: what is said of the graphs of layers is broken: %s", reader.path,
      problem or "it is no object")
  end
  local paths = {}                              -- the last name of a path -> the path, if only one
  for path in pairs(told) do
    local name = path:match "([^/]*)$"
    paths[name] = paths[name] == nil and path or false
  end
  return function (entry)
    local config = is_table(entry.config) and entry.config or {}
    local path = type(config.name) == "string" and paths[config.name]
    if not path or not is_table(told[path]) or can_be_made(entry) then return nil end
    return layer_for(entry, told[path], path, reader)
  end
end

-- ---- the whole model ---------------------------------------------------------------------------

local function is_plain(name)
  return name:find "^[%w_.-]+$" ~= nil
end

local function new_input(spec, name)
  local plain = is_plain(name) and name or nil
  return input.output_of(input.InputLayer {
    batch_shape = table.move(spec.shape, 1, #spec.shape, 1, {}), dtype = spec.dtype, name = plain,
  })
end

-- Outputs are called by the last layer: one that does nothing bears the name, if it is free.
local function named(name, y, taken)
  if taken[name] or not is_plain(name) then return y end
  taken[name] = true
  return require "lunula.layers".Identity { name = name } (y)
end

-- A model that predicts by the graph of the file alone.
function stand_ins.model(reader, name)
  local by_name, list = {}, {}
  local Graph = class_for { class_name = "StoredGraph" }
  local layer = Graph { name = name and name .. "_graph" or "graph" }
  local fn, inputs, outputs = core.graph_function(reader.metadata.graph, reader, function (given)
    if not by_name[given] then
      local shape, dtype = reader:type(given)
      by_name[given] = add_weight(layer, given, shape, dtype, false)
      list[#list + 1] = { variable = by_name[given], name = given }
    end
    return by_name[given]
  end)
  layer:build {}
  rawset(layer, "told_config", { name = layer.name })
  rawset(layer, "on_prediction", fn)
  rawset(layer, "in_masks", {})
  rawset(layer, "out_masks", {})
  for i = 1, #outputs do layer.out_masks[i] = false end
  local xs, ys, taken = {}, {}, { [layer.name] = true }
  for i, spec in ipairs(fn.inputs) do
    xs[i], taken[inputs[i]] = new_input(spec, inputs[i]), true
  end
  local results = table.pack(layer(#xs == 1 and xs[1] or xs))
  for i, output in ipairs(outputs) do ys[i] = named(output, results[i], taken) end
  local model = functional.Functional {
    inputs = #xs == 1 and xs[1] or xs, outputs = #ys == 1 and ys[1] or ys, name = name,
  }
  return model, list
end

return stand_ins
