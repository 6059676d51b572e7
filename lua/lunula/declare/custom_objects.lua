-- Names that stand for a user's own classes and functions while something is read, or for good.

local core = require "lunula.core"
local options = require "lunula.declare.options"
local registry = require "lunula.declare.registry"
local words = require "lunula.declare.words"

local custom_objects = {}

local is_plain = options.is_plain
local show = words.show

local scopes = {}   -- stack of custom objects, the innermost last

-- The names of `objects` stand for their values, whatever their kind, until what is returned is
-- closed. They may be given as options too: {custom_objects = {…}}.
function custom_objects.custom_object_scope(objects)
  if type(objects) ~= "table" then
    core.raise("custom_objects is a table of classes and functions by name, got %s", show(objects))
  end
  local inner = objects.custom_objects
  if is_plain(inner) and next(objects, next(objects)) == nil then objects = inner end
  local depth = #scopes
  scopes[depth + 1] = objects
  return setmetatable({}, { __close = function()
    for i = #scopes, depth + 1, -1 do scopes[i] = nil end
  end })
end

-- Runs fn(…) in such a scope.
function custom_objects.with_custom_objects(objects, fn, ...)
  if objects == nil then return fn(...) end
  local _ <close> = custom_objects.custom_object_scope(objects)
  return fn(...)
end

local lasting = {}   -- custom objects for good: k.utils.get_custom_objects()

-- Makes a class or a function known for good, and written as `full`, "package>Name".
function custom_objects.register_for_good(value, full, name)
  lasting[full], lasting[name] = value, value
  registry.set_file_name(value, full)
end

local given_names = setmetatable({}, { __mode = "k" })   -- function -> name it was asked for by

function custom_objects.custom_objects()
  return lasting
end

-- What a name stands for among the custom objects, or nil.
function custom_objects.custom_object(name)
  local found = lasting[name]
  for i = 1, #scopes do
    if scopes[i][name] ~= nil then found = scopes[i][name] end
  end
  if type(found) == "function" then
    given_names[found] = name
  elseif found ~= nil and type(found) ~= "table" then
    core.raise('"%s" stands for %s among the custom objects; a class or a function is wanted', name,
      show(found))
  end
  return found
end

-- The name under which a function or a class was made known, or nil.
function custom_objects.name_of(value)
  local registered = registry.file_name(value)
  if registered then return registered end
  for i = #scopes + 1, 1, -1 do
    local names = {}
    for name, known in pairs(scopes[i] or lasting) do
      if known == value and type(name) == "string" then names[#names + 1] = name end
    end
    table.sort(names)
    if names[1] then return names[1] end
  end
end

-- A function as Keras's files name it; itself when it has no name. One that came by name once keeps
-- it.
function custom_objects.function_record(value)
  local name = type(value) == "string" and value or custom_objects.name_of(value)
    or given_names[value]
  if not name then return value end
  return setmetatable({
    module = "builtins", class_name = "function", config = name, registered_name = "function",
  }, { __jsonorder = { "module", "class_name", "config", "registered_name" } })
end

return custom_objects
