-- Classes: what a declaration may say, inheritance, and the metatables of classes and of their
-- objects.

local core = require "lunula.core"
local configs = require "lunula.declare.configs"
local objects = require "lunula.declare.objects"
local options = require "lunula.declare.options"
local registry = require "lunula.declare.registry"
local texts = require "lunula.declare.texts"
local words = require "lunula.declare.words"

local classes = {}

local construct = objects.construct
local gather = options.gather
local show = words.show

local Class = { __name = "lunula.Class" }   -- the metatable of classes

local function no_hook() end

function Class:__call(...)
  return construct(self, gather(self, ...))
end

function Class:__tostring()
  return ("%s %s"):format(self.kind, self.name)
end

function Class:__index(key)
  local parent = rawget(self, "parent")
  return parent and parent[key]
end

-- Which class of an object's line has a field: a search goes through all of them, and fields are
-- asked for all the time. One table for each class: key -> the class, false where none has it. A
-- field that is new in any class ends what was found.
local found_in, anything_found = setmetatable({}, { __mode = "k" }), false

local function forget_found()
  if not anything_found then return end
  for found in pairs(found_in) do
    for key in pairs(found) do found[key] = nil end
  end
  anything_found = false
end

local function search(class, key, found)
  local owner = class
  while owner and rawget(owner, key) == nil do owner = rawget(owner, "parent") end
  found[key], anything_found = owner or false, true
  return owner and rawget(owner, key)
end

-- The __index of objects whose class has computed fields.
local function index_of(class, getters)
  local found = {}
  found_in[found] = true
  return function(object, key)
    local owner = found[key]
    if owner == false then return nil end
    local value = owner and rawget(owner, key)
    if value ~= nil then return value end
    local getter = getters[key]
    if getter then return getter(object) end
    return search(class, key, found)
  end
end

-- Methods that scripts call by name: after a point instead of a colon they have no self.
local asked_for = {}
for name in ([[
  adapt get_vocabulary set_vocabulary vocabulary_size get_config update_state result reset_state
  reset_states apply apply_gradients set_weights add_loss compute_output_shape clone
  get_input_at get_output_at get_input_shape_at get_output_shape_at get_input_mask_at
  get_output_mask_at make_train_function make_test_function make_predict_function
]]):gmatch "%S+" do asked_for[name] = true end

local function checked(name, method)
  if not asked_for[name] or type(method) ~= "function" then return method end
  return function (self, ...)
    if not objects.class_of(self) then
      core.raise("%s is a method: object:%s(…), with a colon", name, name)
    end
    return method(self, ...)
  end
end

-- A metamethod may be given after the declaration too; classes declared later inherit it.
function Class:__newindex(key, value)
  forget_found()
  rawset(self, key, checked(key, value))
  if type(key) == "string" and key:sub(1, 2) == "__" then self.metatable[key] = value end
end

function classes.is_class(value)
  return getmetatable(value) == Class
end

-- One row of `args`: {"units", kinds.positive, required=true}, {"rate", "fraction"} or just
-- "units". Further fields: default; required; none = whether it may be None (which an argument
-- without a default may, and one whose kind says so), or "default" where None means that; keyword
-- = by name only; alias = other names, and translate = what a value under such a name means; field
-- = where the object keeps it; spread = bare numbers are taken together; printed = tostring always
-- shows it; config = false (never written) or "set" (when there is one); doc = what it means, where
-- meanings.lua does not tell by its name.
local function argument(class, row)
  local kinds = require "lunula.kinds"
  if type(row) == "string" then row = { row } end
  if type(row) ~= "table" or type(row[1]) ~= "string" then
    core.raise("%s: an argument is declared as { \"name\", kind, default = … }", class.name)
  end
  local kind = row[2] or kinds.any
  if type(kind) == "string" then
    kind = kinds[kind] or core.raise("%s: no kind of argument is named \"%s\"%s", class.name, kind,
      words.suggestion(kind, kinds.names()))
  end
  local alias, none = row.alias or {}, row.none
  if none == nil then none = kind.none or row.default == nil and not row.required end
  return {
    name = row[1], kind = kind, default = row.default, required = row.required,
    alias = type(alias) == "table" and alias or { alias }, field = row.field or row[1],
    spread = row.spread, config = row.config, keyword = row.keyword, translate = row.translate,
    none = none, printed = row.printed, doc = row.doc,
  }
end

-- Own arguments first, then the inherited ones that they do not replace (none, with
-- `replace_args`), as in Keras's signatures. `keyword` ones (a layer's name, dtype …) are never
-- positional and stand first in configs.
local function collect_arguments(class, spec)
  local own, inherited, seen = {}, {}, {}
  for _, row in ipairs(spec.args or {}) do
    local arg = argument(class, row)
    own[#own + 1], seen[arg.name] = arg, true
  end
  class.arguments, class.positional, class.by_name = {}, {}, {}
  for _, arg in ipairs(spec.parent and spec.parent.arguments or {}) do
    if seen[arg.name] then goto continue end
    if arg.keyword then
      class.arguments[#class.arguments + 1] = arg
    elseif not spec.replace_args then
      inherited[#inherited + 1] = arg
    end
    ::continue::
  end
  for _, list in ipairs { own, inherited } do
    table.move(list, 1, #list, #class.arguments + 1, class.arguments)
  end
  for _, arg in ipairs(class.arguments) do
    if not arg.keyword then class.positional[#class.positional + 1] = arg end
    class.by_name[arg.name] = arg
  end
  for _, arg in ipairs(class.arguments) do
    for _, alias in ipairs(arg.alias) do class.by_name[alias] = class.by_name[alias] or arg end
  end
end

local hooks = { "prepare", "init", "finish" }
local first_get_config = checked("get_config", configs.get_config)

local reserved = {
  kind = true, name = true, parent = true, doc = true, args = true, aliases = true, getters = true,
  setters = true, replace_args = true, from_config = true, abstract = true,
}

local function metatable_of(class, spec)
  local parent = spec.parent and spec.parent.metatable or {}
  local metatable = {}
  for key, value in pairs(parent) do metatable[key] = value end
  metatable.class, metatable.__name = class, "lunula." .. class.name
  local getters = setmetatable(spec.getters or {}, { __index = parent.getters })
  local setters = setmetatable(spec.setters or {}, { __index = parent.setters })
  metatable.getters, metatable.setters = getters, setters
  if spec.getters or parent.has_getters then
    metatable.has_getters = true
    metatable.__index = index_of(class, getters)
  else
    metatable.__index = class
  end
  for key, value in pairs(spec) do
    if type(key) == "string" and key:sub(1, 2) == "__" then metatable[key] = value end
  end
  metatable.__tostring = metatable.__tostring or texts.text
  return metatable
end

-- Declares a class and returns it. spec: kind, name, parent, doc, args, abstract (a parent only,
-- its name is not known), aliases (further names in the registry), getters and setters (computed
-- fields), metamethods, from_config(class, config), and methods, among them the hooks prepare
-- (before the arguments are bound), init (after) and finish (last). respell(class, positional,
-- named) may say in today's words what the constructor got.
function classes.class(spec)
  if type(spec.name) ~= "string" or not spec.name:match "^[%a_][%w_]*$" then
    core.raise("a class needs a name made of letters and digits, got %s", show(spec.name))
  end
  local parent = spec.parent
  local class = {
    kind = spec.kind or parent and parent.kind, name = spec.name, parent = parent, doc = spec.doc,
    module = false,   -- set by the catalogue of our own classes, and not inherited
  }
  for key, value in pairs(spec) do
    if not reserved[key] and type(key) == "string" and key:sub(1, 2) ~= "__" then
      class[key] = checked(key, value)
    end
  end
  collect_arguments(class, spec)
  for _, hook in ipairs(hooks) do
    class[hook] = class[hook] or parent and parent[hook] or no_hook
  end
  if not (class.get_config or parent) then class.get_config = first_get_config end
  class.metatable = metatable_of(class, spec)
  local make = spec.from_config or parent and parent.make_from_config or configs.from_config
  class.make_from_config = make
  class.from_config = function(config, more)   -- Class.from_config(t) and Class:from_config(t)
    return make(class, config == class and more or config)
  end
  setmetatable(class, Class)
  if not spec.abstract then registry.register(class.kind, class.name, class) end
  for _, alias in ipairs(spec.aliases or {}) do registry.register(class.kind, alias, class) end
  return class
end

return classes
