-- What a name, a record of a file, a class or an object stands for where an object of a kind is
-- wanted.

local core = require "lunula.core"
local classes = require "lunula.declare.classes"
local custom_objects = require "lunula.declare.custom_objects"
local json_path = require "lunula.json_path"
local objects = require "lunula.declare.objects"
local options = require "lunula.declare.options"
local registry = require "lunula.declare.registry"
local words = require "lunula.declare.words"

local lookup = {}

local is_plain = options.is_plain
local show = words.show
local None = core.None

-- Kinds whose classes Keras also offers by names like max_norm; no optimizer is rm_sprop.
lookup.snake_names = { constraint = true, initializer = true, loss = true, metric = true,
  regularizer = true }

-- Capitals make no difference in Keras's names.
local function is_same_name(kind, name, known)
  return name:lower() == known:lower()
    or lookup.snake_names[kind] and name == words.snake_case(known) or false
end

-- `ours`: the file says that the class is one of Keras's, so that a class of a user does not stand
-- for it unless it is given for this reading.
local function find_name(kind, name, ours)
  local tail = name:match "[^>.]*$"      -- "package>Name", "keras.losses.Name"
  local custom = custom_objects.custom_object(name)
  if custom == nil then custom = custom_objects.custom_object(tail) end
  if custom ~= nil then return custom end
  local catalogue, all = registry.home(kind), registry.registry(kind)
  if ours and kind == "layer" then
    local found = catalogue.find(name)
    if found then return found end
  end
  if all[name] ~= nil then return all[name] end
  if kind == "layer" then
    local found = catalogue.find(name) or catalogue.find(tail)
    if found then return found end
  end
  if all[tail] ~= nil then return all[tail] end
  local names = {}
  for known in pairs(all) do names[#names + 1] = known end
  table.sort(names)
  for _, known in ipairs(names) do
    if is_same_name(kind, tail, known) then return all[known] end
  end
  if kind == "layer" then
    for _, known in ipairs(catalogue.names()) do names[#names + 1] = known end
  end
  return nil, ('unknown %s "%s"%s'):format(kind, name, words.suggestion(tail, names))
end

-- A class is instantiated; anything else that was found (a function, an object) is the answer
-- itself.
local function instance(found, config)
  if not classes.is_class(found) then return found end
  if not config then return found() end
  return json_path.at(".config", found.from_config, config)
end

local function is_of_keras(record)
  return type(record.module) == "string" and record.module:find "^keras%." ~= nil
end

local function given(value)
  if value ~= None then return value end
end

local shared   -- objects of the file that is read, by the number that stands beside them

-- fn(…), in which records with the same shared_object_id stand for one object.
function lookup.sharing(fn, ...)
  if shared then return fn(...) end
  shared = {}
  local _ <close> = setmetatable({}, { __close = function () shared = nil end })
  return fn(...)
end

local function make_from_record(kind, record)
  local name, config = given(record.class_name), given(record.config)
  if name == "function" then return lookup.find(kind, config) end
  if type(name) ~= "string" or config ~= nil and type(config) ~= "table" then
    return nil, ("a config of a %s has class_name and config, got %s"):format(kind, show(record))
  end
  if kind == "activation" and config and config.name ~= nil then   -- {class_name = "LeakyReLU"}
    local layer = registry.home("layer").find(name)
    if layer and registry.registry(kind)[name] == nil then return instance(layer, config) end
  end
  local ours, registered = is_of_keras(record), record.registered_name
  local found, message
  if type(registered) == "string" then found = find_name(kind, registered, ours) end
  if found == nil then found, message = find_name(kind, name, ours) end
  if found == nil then return nil, message end
  return instance(found, config or {})
end

-- The object of a record {class_name=, config=, …}.
local function find_record(kind, record)
  local id = shared and given(record.shared_object_id)
  if id and shared[id] ~= nil then return shared[id] end
  local object, message = make_from_record(kind, record)
  if id then shared[id] = object end
  return object, message
end

-- Is there a class or function of the kind for the record?
function lookup.knows(kind, record)
  local ours, registered = is_of_keras(record), record.registered_name
  return type(registered) == "string" and find_name(kind, registered, ours) ~= nil
    or find_name(kind, record.class_name, ours) ~= nil
end

-- Like lookup.get, but returns nil, message.
function lookup.find(kind, identifier)
  if identifier == nil or identifier == false or identifier == None then return nil end
  if type(identifier) == "string" then
    local found, message = find_name(kind, identifier)
    if found == nil then return nil, message end
    return instance(found)
  elseif classes.is_class(identifier) then
    return identifier()
  elseif is_plain(identifier) then
    return find_record(kind, identifier)
  end
  local class = objects.class_of(identifier)
  if class and class.kind == kind then return identifier end
  local metatable = getmetatable(identifier)
  if type(identifier) == "function" or (metatable and metatable.__call) then return identifier end
  return nil, ("%s cannot be used as %s"):format(show(identifier), kind)
end

-- The object meant by a name ("glorot_uniform", "GlorotUniform"), a config, a class, an object or a
-- function; nil for nil.
function lookup.get(kind, identifier)
  local object, message = lookup.find(kind, identifier)
  if message then core.raise("%s", message) end
  return object
end

return lookup
