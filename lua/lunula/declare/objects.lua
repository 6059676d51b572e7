-- Objects of declared classes: how one is made, and of what class or kind one is.

local core = require "lunula.core"
local options = require "lunula.declare.options"

local objects = {}

local bind = options.bind

function objects.construct(class, given, in_config)
  local object = setmetatable({}, class.metatable)
  class.prepare(object)
  bind(class, object, given, in_config)
  class.init(object)
  class.finish(object)
  return object
end

-- The class of an object, or nil.
function objects.class_of(object)
  local metatable = type(object) == "table" and getmetatable(object)
  return type(metatable) == "table" and rawget(metatable, "class") or nil
end

-- Is the object of a kind ("layer"), or of a class or one of its descendants?
function objects.is(object, kind_or_class)
  local class = objects.class_of(object)
  while class do
    if class == kind_or_class or class.kind == kind_or_class then return true end
    class = rawget(class, "parent")
  end
  return false
end

-- A method of Keras that is not here: calling it says what stands for it.
function objects.absent(name, instead)
  return function (self)
    local class = objects.class_of(self)
    if not class then core.raise("%s: %s", name, instead) end
    core.raise('%s "%s" has no %s: %s', class.kind, self.name or class.name, name, instead)
  end
end

return objects
