-- Objects as plain data and back: get_config, from_config and the records of Keras's files.

local core = require "lunula.core"
local json_path = require "lunula.json_path"
local objects = require "lunula.declare.objects"
local options = require "lunula.declare.options"
local registry = require "lunula.declare.registry"
local words = require "lunula.declare.words"

local configs = {}

local argument_names = options.argument_names
local construct = objects.construct
local is_plain = options.is_plain
local show = words.show
local translated = options.translated
local None = core.None

function configs.copy(value)
  if type(value) ~= "table" or not is_plain(value) then return value end
  local new = setmetatable({}, getmetatable(value))
  for key, inner in pairs(value) do new[key] = configs.copy(inner) end
  return new
end

-- The arguments of the object as plain data. Its metatable holds the order of the keys, for the
-- JSON writer. What is None is absent; where its absence would mean a default it is `false`, or
-- core.None where that is a value.
function configs.get_config(object)
  local class = objects.class_of(object)
  local config, order = {}, {}
  for _, arg in ipairs(class.arguments) do
    if arg.config ~= false then
      local value = object[arg.field]
      if arg.config ~= "set" or value ~= nil then order[#order + 1] = arg.name end
      if value ~= nil then
        local serialise = arg.kind.serialise or configs.copy
        config[arg.name] = serialise(value, object)
      elseif arg.default ~= nil and arg.config ~= "set" then
        config[arg.name] = arg.kind.takes_false and None or false
      end
    end
  end
  return setmetatable(config, { __jsonorder = order })
end

-- A tensor where a file holds one.
local function with_tensor(value)
  local is_tensor = is_plain(value)
    and (value.class_name == "__tensor__" or value.class_name == "__numpy__")
  if not is_tensor then return value end
  local told = type(value.config) == "table" and value.config or {}
  local dtype = type(told.dtype) == "string" and told.dtype or nil
  return core.tensor(told.value, { dtype = dtype })
end

-- The object that a config describes. Names that the class does not know are passed over when they
-- say nothing (None, false), because files of other versions carry such.
function configs.from_config(class, config)
  if type(config) ~= "table" then
    core.raise("%s.from_config: a config is a table, got %s", class.name, show(config))
  end
  local given, named = {}, config
  if class.respell then named = select(2, class:respell({ n = 0 }, config)) end
  for key, value in pairs(named) do
    local arg = class.by_name[key]
    if arg then
      value = json_path.at("." .. key, with_tensor, value)
      given[arg.name] = translated(arg, key, value)
    elseif value ~= false and value ~= None then
      core.raise('%s: unknown option "%s" in the config%s', class.name, tostring(key),
        words.suggestion(key, argument_names(class)))
    end
  end
  return construct(class, given, true)
end

-- {module=, class_name=, config=, registered_name=} of an object, as in Keras's files. A class of
-- ours has a module; any other one is named by registered_name, and one that Keras does not export
-- by both.
function configs.serialize(object)
  local class = objects.class_of(object)
  if not class then
    core.raise("only objects made by declared classes have a config, got %s", show(object))
  end
  if class.kind == "layer" and not class.module then   -- told by the catalogue, once it is loaded
    registry.home("layer").find(class.name)
  end
  local module = class.module or nil
  return setmetatable({
    module = module, class_name = class.name,
    config = json_path.at(".config", object.get_config, object),
    registered_name = registry.file_name(class)
      or (not module or class.internal) and class.name or nil,
  }, {
    __jsonorder = { "module", "class_name", "config", "registered_name" }, describes = object,
  })
end

return configs
