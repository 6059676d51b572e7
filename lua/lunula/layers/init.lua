-- k.layers: every layer class by its name, loaded when first asked for.
--
-- Each folder lists its files and the classes in them (its init.lua). Merging layers have a
-- function of the same name in lower case: layers.add{a, b}.

local core = require "lunula.core"
local late = require "lunula.late"
local declare = require "lunula.declare"
local records = late(function () return require "lunula.records" end)
local reading = require("lunula.json_path").reading

local folders = {
  "core", "convolutional", "pooling", "merging", "normalization", "regularization", "reshaping",
  "activations", "rnn", "attention", "preprocessing", "legacy", "applications",
}

local place, functions = {}, {}   -- name -> module; layers.add -> "Add"

local function read_list(folder)
  local home = "lunula.layers." .. folder
  local found, list = pcall(require, home)
  if not found and not tostring(list):find("module '" .. home .. "' not found", 1, true) then
    error(list, 0)
  end
  for file, classes in pairs(found and list or {}) do
    for name in classes:gmatch "%S+" do
      place[name] = home .. "." .. file
      if folder == "merging" then functions[declare.snake_case(name)] = name end
    end
  end
end

-- The module of a class or nil. Lists of folders are read until one has the name.
local lists_read = 0

local function place_of(name)
  while not place[name] and lists_read < #folders do
    read_list(folders[lists_read + 1])
    lists_read = lists_read + 1
  end
  return place[name]
end

local names   -- of all classes, made for the first that asks

local function all_names()
  if names then return names end
  place_of ""   -- which no list has
  local list = {}
  for name in pairs(place) do list[#list + 1] = name end
  table.sort(list)
  names = list
  return names
end

local layers = {}

local function load(name)
  local result = require(place[name])
  local class = result
  if not (declare.is_class(result) and result.name == name) then
    class = not declare.is_class(result) and result[name] or declare.registry("layer")[name]
  end
  class.module = class.module or "keras.layers"
  layers[name] = class
  return class
end

local by_snake   -- "dense" -> "Dense", made for the first that asks

-- The class of a name, "Dense" or "dense"; nil for a stranger.
function layers.find(name)
  if place_of(name) then return load(name) end
  if not by_snake then
    by_snake = {}
    for _, known in ipairs(all_names()) do
      local snake = declare.snake_case(known)
      by_snake[snake] = by_snake[snake] or known
    end
  end
  return by_snake[name] and load(by_snake[name])
end

-- The names of all classes, in their order, as a list.
function layers.names()
  return table.move(all_names(), 1, #all_names(), 1, {})
end

-- add{a, b}   concatenate({a, b}, 1)   concatenate({a, b}, {axis = 1})
local function as_function(name)
  return function (inputs, ...)
    local class = layers[name]
    local make = class.from_function
    return (make and make(class, ...) or class(...))(inputs)
  end
end

function layers.serialize(layer)
  return records.with_state(declare.serialize(layer))
end

-- The layer of {class_name =, config =}, or of all that Keras 3 writes; a model is a layer too.
function layers.deserialize(config, custom_objects)
  require "lunula.models"
  return reading("layers.deserialize", declare.with_custom_objects, custom_objects,
    declare.sharing, require "lunula.models.deserialize".layer, config)
end

local elsewhere = {
  Layer = function () return require "lunula.layers.base".Layer end,
  InputSpec = function () return require "lunula.layers.base.inputs".spec end,
  Input = function () return require "lunula.models".Input end,
}

return setmetatable(layers, {
  __index = function (_, name)
    local value
    if place_of(name) then
      value = load(name)
    elseif functions[name] then
      value = as_function(functions[name])
    elseif elsewhere[name] then
      value = elsewhere[name]()
    else
      core.raise('there is no layer "%s"%s', tostring(name), declare.suggestion(name, all_names()))
    end
    layers[name] = value
    return value
  end,
  __pairs = function ()                     -- all names, whether they were asked for or not
    all_names()
    for _, list in ipairs { place, functions, elsewhere } do
      for name in pairs(list) do local _ = layers[name] end
    end
    return next, layers, nil
  end,
})
