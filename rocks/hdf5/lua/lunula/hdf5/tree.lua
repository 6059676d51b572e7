-- Where Keras 3 puts the weights of each object of a model: the path is made of the names of the
-- fields that lead to it, as Keras names them.
--
-- A model's layers come first, in a list; those of a list are called by their class, dense,
-- dense_1. Then all fields by alphabet, private ones last. An object has its place where it is met
-- first.

local core = require "lunula.core"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"
local operations = require "lunula.models.operations"

local tree = {}

-- Class of Keras -> its fields with layers, in Keras's order, and what they are called here.
local fields = {
  Wrapper = { { "layer" } },
  TimeDistributed = { { "layer" } },
  SpectralNormalization = { { "layer" } },
  Bidirectional = { { "backward_layer" }, { "forward_layer" } },
  RNN = { { "cell" } },
  StackedRNNCells = { { "cells" } },
  MultiHeadAttention = {
    { "key_dense", old = "_key_dense" }, { "output_dense", old = "_output_dense" },
    { "query_dense", old = "_query_dense" }, { "value_dense", old = "_value_dense" },
  },
  GroupQueryAttention = {
    { "_key_dense", here = "key_dense" }, { "_output_dense", here = "output_dense" },
    { "_query_dense", here = "query_dense" }, { "_value_dense", here = "value_dense" },
  },
  TextVectorization = { { "_lookup_layer", here = "lookup" } },
}

-- A class of ours has a module, which the catalogue tells it when its family is loaded.
local function is_ours(class)
  if class.kind == "layer" and not class.module then declare.home "layer".find(class.name) end
  return class.module and true or false
end

-- The fields of the class that Keras has among an object's class and its parents; and whether a
-- user's class stands before it.
local function of_class(object)
  local class = declare.class_of(object)
  local is_users = not is_ours(class)
  while class do
    if fields[class.name] and is_ours(class) then return fields[class.name], is_users end
    class = class.parent
  end
  return {}, is_users
end

-- ---- names -------------------------------------------------------------------------------------

-- Python's order of fields: by bytes, those with an underscore last.
local function sort_key(name)
  return name:sub(1, 1) == "_" and "~" .. name or name
end

local function sorted_fields(object)
  local list, seen = {}, {}
  for _, key in ipairs(rawget(object, "_order") or {}) do
    if type(key) == "string" and not seen[key] and key:sub(1, 2) ~= "__" then
      seen[key] = true
      list[#list + 1] = key
    end
  end
  return list, seen
end

-- The fields {name in files, value, older name} of an object, in order.
local function children(object)
  local own, is_users = of_class(object)
  local list, told = {}, {}
  for _, field in ipairs(own) do
    local here = field.here or field[1]
    told[here] = true
    list[#list + 1] = { field[1], object[here], field.old }
  end
  if is_users then
    for _, key in ipairs((sorted_fields(object))) do
      if not told[key] then list[#list + 1] = { key, rawget(object, key) } end
    end
    if object.get_layer then list[#list + 1] = { "layers", object.layers } end
  end
  if object.get_layer and object.optimizer then
    list[#list + 1] = { "optimizer", object.optimizer }
  end
  table.sort(list, function (a, b) return sort_key(a[1]) < sort_key(b[1]) end)
  return list
end

-- The layers of a model whose list Keras walks first; its ops are no layers there.
local function listed_layers(model)
  if not (declare.is(model, "layer") and (model._graph or model._stack)) then return nil end
  local list = {}
  for _, layer in ipairs(model.layers) do
    if not operations.is(layer) then list[#list + 1] = layer end
  end
  return list
end

local function unique(name, taken)
  local count = taken[name]
  taken[name] = (count or -1) + 1
  return count and ("%s_%d"):format(name, taken[name]) or name
end

-- ---- walking -----------------------------------------------------------------------------------

local function is_object(value)
  return declare.is(value, "layer") or declare.is(value, "optimizer")
end

local function joined(path, name)
  return path == "" and name or path .. "/" .. name
end

local walk

-- What a list calls an object in it: by its class. taken: how often which name was given.
function tree.name_in(taken, object)
  return unique(object.auto_name or declare.snake_case(declare.class_of(object).name), taken)
end

local function walk_list(list, path, older, state)
  if state.seen[list] then return end
  state.seen[list] = true
  local taken = {}
  for _, key in ipairs(nest.keys(list)) do
    local value = list[key]
    if is_object(value) then
      local name = tree.name_in(taken, value)
      walk(value, joined(path, name), older and joined(older, name), state)
    elseif declare.is_plain(value) and not core.is_tensor(value) then
      walk_list(value, joined(path, unique("container", taken)), nil, state)
    end
  end
end

local function walk_field(name, value, path, older, state)
  local here = joined(path, name)
  if is_object(value) then
    walk(value, here, older, state)
  elseif declare.is_plain(value) then
    walk_list(value, here, older, state)
  end
end

-- Those that an optimizer holds. Their variables are among its own too.
local function walk_held(optimizer, path, state)
  if not optimizer.held then return end
  local outer <const> = state.holder
  state.holder = outer or optimizer
  for _, field in ipairs { "inner_optimizer", "optimizers" } do
    if optimizer[field] then walk_field(field, optimizer[field], path, nil, state) end
  end
  state.holder = outer
end

function walk(object, path, older, state)
  if state.seen[object] then return end
  state.seen[object] = true
  state.visit(object, path, older, state.holder)
  if not declare.is(object, "layer") then return walk_held(object, path, state) end
  local layers = listed_layers(object)
  if layers then walk_field("layers", layers, path, older and joined(older, "layers"), state) end
  for _, child in ipairs(children(object)) do
    local name, value, old = child[1], child[2], child[3]
    walk_field(name, value, path, (old or older) and joined(older or path, old or name), state)
  end
end

-- visit(object, path, older path or nil, holder) for the model ("") and the layers and optimizers
-- inside. holder: the optimizer that holds this one, or nil.
function tree.walk(model, visit)
  walk(model, "", nil, { seen = {}, visit = visit })
end

-- The variables that are a layer's own, in the order of Keras's files.
function tree.variables(layer)
  local _ = layer.weights     -- variables that were put into fields are adopted now
  local list = table.move(layer._trainables, 1, #layer._trainables, 1, {})
  return table.move(layer._others, 1, #layer._others, #list + 1, list)
end

return tree
