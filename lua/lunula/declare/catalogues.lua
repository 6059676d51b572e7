-- Module tables of classes, as k.initializers is one.

local configs = require "lunula.declare.configs"
local custom_objects = require "lunula.declare.custom_objects"
local lookup = require "lunula.declare.lookup"
local registry = require "lunula.declare.registry"
local words = require "lunula.declare.words"

local catalogues = {}

local function enter(module, kind, class)
  class.module = "keras." .. (kind == "loss" and "losses" or kind .. "s")
  module[class.name] = class
  local snake = words.snake_case(class.name)
  local offered = lookup.snake_names[kind] and kind ~= "metric" and rawget(module, snake) == nil
  if offered then module[snake] = class end
end

local function with_functions(module, kind)
  function module.get(identifier) return lookup.get(kind, identifier) end
  function module.deserialize(config, customs)
    return custom_objects.with_custom_objects(customs, lookup.get, kind, config)
  end
  module.serialize = configs.serialize
  return module
end

-- A module table of classes: M.MaxNorm, and M.max_norm(…) as a function's name; get, serialize,
-- deserialize. `others` are further names (functions, aliases).
function catalogues.of(kind, list, others)
  local module = {}
  for _, class in ipairs(list) do enter(module, kind, class) end
  for name, value in pairs(others or {}) do
    module[name] = value
    registry.register(kind, name, value)
  end
  return with_functions(module, kind)
end

-- The same of classes that are loaded when they are first asked for. `families`: a list of
-- { names of classes, a function that returns a table with them }; `others`: a further name -> that
-- of the class.
function catalogues.late(kind, families, others)
  local family_of, class_of, names = {}, {}, {}   -- class_of: any name -> that of the class
  local function know(name, class)
    class_of[name], names[#names + 1] = class, name
  end
  for _, family in ipairs(families) do
    for class in family[1]:gmatch "%S+" do
      family_of[class] = family
      know(class, class)
      know(words.snake_case(class), class)
    end
  end
  for name, class in pairs(others) do know(name, class) end
  local function find(module, name)
    local known = class_of[name]
    if not known then return nil end
    local family = family_of[known]
    local loaded = registry.as_ours(family[2])
    local class = registry.as_ours(function () return loaded[known] end)   -- which may declare it
    for one, other in next, loaded do
      if family_of[one] == family then enter(module, kind, other) end
    end
    module[name] = class
    return class
  end
  local module = with_functions(setmetatable({}, {
    __index = find,
    __pairs = function (module)
      for _, name in ipairs(names) do local _ = module[name] end
      return next, module, nil
    end,
  }), kind)
  registry.later(kind, names, function (name)
    registry.register(kind, name, module[name])
  end)
  return module
end

return catalogues
