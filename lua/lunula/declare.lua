-- One registrar for everything that has a constructor in Keras: layers, initializers, losses,
-- optimizers.
--
-- A class is declared once, by the list of its arguments in Keras's order. From that list come the
-- calling forms of the constructor, the checks, get_config and from_config, the registry, tostring
-- and the help text. It knows no kind of object: what an argument may be is the business of
-- kinds.lua.

local core = require "lunula.core"
local json_path = require "lunula.json_path"

local declare = {}

local None = core.None

-- The module that loads all built-in classes of a kind, asked when a name is looked up.
declare.homes = {
  layer = "lunula.layers", activation = "lunula.activations", initializer = "lunula.initializers",
  regularizer = "lunula.regularizers", constraint = "lunula.constraints", loss = "lunula.losses",
  metric = "lunula.metrics", optimizer = "lunula.optimizers", callback = "lunula.callbacks",
}

-- The module of a kind's built-in classes, loaded now if it was not; nil for a kind without one.
function declare.home(kind)
  local module = declare.homes[kind]
  return module and require(module)
end

local Class = { __name = "lunula.Class" }   -- the metatable of classes
local registries = {}                       -- kind -> name -> class or function
local scopes = {}                           -- stack of custom objects, the innermost last
local registered_names = setmetatable({}, { __mode = "k" })   -- class, function -> "package>Name"

-- ---- words ------------------------------------------------------------------------------------

-- Keras's rule, irregular as it is: PReLU -> p_re_lu, Conv1DTranspose -> conv1d_transpose.
function declare.snake_case(name)
  name = name:gsub("[^%w_]", ""):gsub("(.)(%u%l+)", "%1_%2"):gsub("(%l)(%u)", "%1_%2")
  return name:lower()
end

-- Edits (insert, delete, replace, swap of neighbours) that turn a into b.
local function distance(a, b)
  local before, row = nil, {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local next_row = { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, next_row[j - 1] + 1, row[j - 1] + cost)
      if before and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      next_row[j] = best
    end
    before, row = row, next_row
  end
  return row[#b]
end

declare.distance = distance

-- The word of the list that was probably meant, or nil.
function declare.nearest(name, list)
  local function plain(word) return word:lower():gsub("_", "") end
  name = tostring(name)
  if #name > 60 then return nil end
  local wanted, best, least, spelled = plain(name), nil, math.huge, nil
  for _, word in ipairs(list) do
    word = tostring(word)
    local d = distance(wanted, plain(word))
    local as_written = d <= least and distance(name, word)
    if d < least or d == least and (as_written < spelled or as_written == spelled and word < best)
    then
      best, least, spelled = word, d, as_written
    end
  end
  if best and least < #wanted and least <= math.max(1, math.min(#wanted, #best) // 3) then
    return best
  end
end

-- ` (did you mean "units"?)`, or the empty text.
function declare.suggestion(name, list)
  local best = declare.nearest(name, list)
  return best and (' (did you mean "%s"?)'):format(best) or ""
end

-- A value as it would be written in Lua, cut short: for error texts and tostring.
local function show(value, depth)
  depth = depth or 2
  if type(value) == "string" then
    return ('"%s"'):format(#value > 60 and value:sub(1, 60) .. "…" or value)
  end
  if math.type(value) == "float" and value % 1 == 0 and math.abs(value) < 1e15 then
    return ("%.1f"):format(value)
  elseif math.type(value) == "float" then
    return ("%.6g"):format(value)
  end
  if type(value) ~= "table" or getmetatable(value) and getmetatable(value).__tostring then
    return tostring(value)
  end
  if depth == 0 then return "{...}" end
  local words = {}
  for i = 1, math.min(#value, 8) do words[i] = show(value[i], depth - 1) end
  if #value > 8 then words[#words + 1] = "..." end
  local names = {}
  for key in pairs(value) do
    if type(key) == "string" then names[#names + 1] = key end
  end
  table.sort(names)
  for _, key in ipairs(names) do words[#words + 1] = key .. "=" .. show(value[key], depth - 1) end
  return "{" .. table.concat(words, ", ") .. "}"
end

declare.show = show

-- ---- tables of options ------------------------------------------------------------------------

-- A table that carries options or data, not an object: what `Dense{64}` passes. Tables decoded from
-- JSON bear a metatable of their decoder.
local function is_plain(value)
  if type(value) ~= "table" then return false end
  local metatable = getmetatable(value)
  return metatable == nil or rawget(metatable, "__jsontype") ~= nil
    or rawget(metatable, "__jsonorder") ~= nil
end

declare.is_plain = is_plain

local function only_names(value)
  if not is_plain(value) or next(value) == nil then return false end
  for key in pairs(value) do
    if type(key) ~= "string" then return false end
  end
  return true
end

declare.only_names = only_names

-- The largest position used: `#` is undefined when there are holes.
local function last_position(list)
  local last = 0
  for key in pairs(list) do
    if math.type(key) == "integer" and key > last then last = key end
  end
  return last
end

-- Splits what the constructor got: positional values (with their number `n`), and named ones.
-- Forms: Dense{64, activation="relu"}   Dense(64)   Dense(64, {activation="relu"})
local function split(...)
  local count, first = select("#", ...), ...
  if count == 1 and is_plain(first) then
    local positional, named = { n = last_position(first) }, {}
    for key, value in pairs(first) do
      if math.type(key) == "integer" then positional[key] = value else named[key] = value end
    end
    return positional, named
  end
  local positional = table.pack(...)
  local last = positional[count]
  if count > 1 and only_names(last) then
    positional[count], positional.n = nil, count - 1
    return positional, last
  end
  return positional, {}
end

-- `Permute{2, 1}` for `Permute{{2, 1}}`: a class whose first argument is a list of numbers takes
-- them bare.
local function spread(class, positional)
  local first = class.positional[1]
  if not (first and first.spread) or positional.n < 2 then return end
  for i = 1, positional.n do
    if type(positional[i]) == "table" or positional[i] == nil then return end
  end
  positional[1] = table.move(positional, 1, positional.n, 1, {})
  for i = 2, positional.n do positional[i] = nil end
  positional.n = 1
end

-- What is suggested for a wrong name: today's names, not the old ones.
local function argument_names(class)
  local names = {}
  for i, arg in ipairs(class.arguments) do names[i] = arg.name end
  return names
end

-- The value of an argument that was given under this name: an alias may have other values.
local function translated(arg, key, value)
  if key == arg.name or not arg.translate or value == None then return value end
  return arg.translate(value)
end

-- The values given, by argument name.
local function gather(class, ...)
  local positional, named = split(...)
  spread(class, positional)
  if class.respell then positional, named = class:respell(positional, named) end
  if positional.n > #class.positional then
    core.raise("%s takes %s, got %d", class.name, #class.positional == 0 and "named options only"
      or ("at most %d positional values"):format(#class.positional), positional.n)
  end
  local given = {}
  for i = 1, positional.n do given[class.positional[i].name] = positional[i] end
  local names = {}
  for key in pairs(named) do names[#names + 1] = key end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(names) do
    local arg = class.by_name[key]
    if not arg then
      core.raise('%s: unknown option "%s"%s', class.name, tostring(key),
        declare.suggestion(key, argument_names(class)))
    end
    if given[arg.name] ~= nil then
      core.raise("%s: %s is given twice", class.name, arg.name)
    end
    given[arg.name] = translated(arg, key, named[key])
  end
  return given
end

-- Checks a value by the kind of its argument; the error names class, argument, kind and value.
local function checked(class, arg, value, object, in_config)
  local kind = arg.kind
  local context = { class = class, arg = arg.name, object = object, in_config = in_config }
  local normalised, wanted, problem = json_path.at("." .. arg.name, kind.check, value, context)
  if normalised == nil then
    if problem then core.raise("%s: %s: %s", class.name, arg.name, problem) end
    core.raise("%s: %s must be %s, got %s", class.name, arg.name, wanted or kind.name, show(value))
  end
  return normalised
end

-- None is said by core.None, which is also the null of a file, and by `false` where that can mean
-- nothing else. An argument that is not said takes its default; one that is None has no value.
local function bind(class, object, given, in_config)
  for _, arg in ipairs(class.arguments) do
    local value, kind = given[arg.name], arg.kind
    local none = value == None or value == false and not kind.takes_false
    if none and arg.none == "default" then none, value = false, nil end
    if value == nil then value = arg.default end
    if value == nil and arg.required then
      core.raise("%s: %s is missing (%s)", class.name, arg.name, kind.name)
    elseif none and not arg.none then
      core.raise("%s: %s must be %s, got %s", class.name, arg.name, kind.name, show(value))
    end
    if not none and value ~= nil then
      value = checked(class, arg, value, object, in_config)
    else
      value = kind.absent and kind.absent(object)
    end
    if value ~= nil then object[arg.field] = value end
  end
end

-- ---- classes ----------------------------------------------------------------------------------

local function no_hook() end

local function construct(class, given, in_config)
  local object = setmetatable({}, class.metatable)
  class.prepare(object)
  bind(class, object, given, in_config)
  class.init(object)
  class.finish(object)
  return object
end

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

-- A metamethod may be given after the declaration too; classes declared later inherit it.
function Class:__newindex(key, value)
  forget_found()
  rawset(self, key, value)
  if type(key) == "string" and key:sub(1, 2) == "__" then self.metatable[key] = value end
end

function declare.is_class(value)
  return getmetatable(value) == Class
end

-- The class of an object, or nil.
function declare.class_of(object)
  local metatable = type(object) == "table" and getmetatable(object)
  return type(metatable) == "table" and rawget(metatable, "class") or nil
end

-- Is the object of a kind ("layer"), or of a class or one of its descendants?
function declare.is(object, kind_or_class)
  local class = declare.class_of(object)
  while class do
    if class == kind_or_class or class.kind == kind_or_class then return true end
    class = rawget(class, "parent")
  end
  return false
end

-- One row of `args`: {"units", kinds.positive, required=true}, {"rate", "fraction"} or just
-- "units". Further fields: default; required; none = whether it may be None (which an argument
-- without a default may, and one whose kind says so), or "default" where None means that; keyword
-- = by name only; alias = other names, and translate = what a value under such a name means; field
-- = where the object keeps it; spread = bare numbers are taken together; config = false (never
-- written) or "set" (when there is one).
local function argument(class, row)
  local kinds = require "lunula.kinds"
  if type(row) == "string" then row = { row } end
  local kind = row[2] or kinds.any
  if type(kind) == "string" then
    kind = kinds[kind] or core.raise("%s: no kind of argument is named \"%s\"%s", class.name, kind,
      declare.suggestion(kind, kinds.names()))
  end
  if type(row[1]) ~= "string" then
    core.raise("%s: an argument is declared as { \"name\", kind, default = … }", class.name)
  end
  local alias, none = row.alias or {}, row.none
  if none == nil then none = kind.none or row.default == nil and not row.required end
  return {
    name = row[1], kind = kind, default = row.default, required = row.required,
    alias = type(alias) == "table" and alias or { alias }, field = row.field or row[1],
    spread = row.spread, config = row.config, keyword = row.keyword, translate = row.translate,
    none = none,
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
  metatable.__tostring = metatable.__tostring or declare.text
  return metatable
end

-- Declares a class and returns it. spec: kind, name, parent, doc, args, abstract (a parent only,
-- its name is not known), aliases (further names in the registry), getters and setters (computed
-- fields), metamethods, from_config(class, config), and methods, among them the hooks prepare
-- (before the arguments are bound), init (after) and finish (last). respell(class, positional,
-- named) may say in today's words what the constructor got.
function declare.class(spec)
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
      class[key] = value
    end
  end
  setmetatable(class, Class)
  collect_arguments(class, spec)
  class.prepare = class.prepare or no_hook
  class.init = class.init or no_hook
  class.finish = class.finish or no_hook
  class.metatable = metatable_of(class, spec)
  if not class.get_config then class.get_config = declare.get_config end
  local make = spec.from_config or parent and parent.make_from_config or declare.from_config
  class.make_from_config = make
  class.from_config = function(config, more)   -- Class.from_config(t) and Class:from_config(t)
    return make(class, config == class and more or config)
  end
  if not spec.abstract then declare.register(class.kind, class.name, class) end
  for _, alias in ipairs(spec.aliases or {}) do declare.register(class.kind, alias, class) end
  return class
end

-- ---- configs ----------------------------------------------------------------------------------

local function copy(value)
  if not is_plain(value) then return value end
  local new = setmetatable({}, getmetatable(value))
  for key, inner in pairs(value) do new[key] = copy(inner) end
  return new
end

-- The arguments of the object as plain data. Its metatable holds the order of the keys, for the
-- JSON writer. What is None is absent; where its absence would mean a default it is `false`, or
-- core.None where that is a value.
function declare.get_config(object)
  local class = declare.class_of(object)
  local config, order = {}, {}
  for _, arg in ipairs(class.arguments) do
    if arg.config ~= false then
      local value = object[arg.field]
      if arg.config ~= "set" or value ~= nil then order[#order + 1] = arg.name end
      if value ~= nil then
        local serialise = arg.kind.serialise or copy
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
function declare.from_config(class, config)
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
        declare.suggestion(key, argument_names(class)))
    end
  end
  return construct(class, given, true)
end

-- {module=, class_name=, config=, registered_name=} of an object, as in Keras's files. A class of
-- ours has a module; any other one is named by registered_name, and one that Keras does not export
-- by both.
function declare.serialize(object)
  local class = declare.class_of(object)
  if not class then
    core.raise("only objects made by declared classes have a config, got %s", show(object))
  end
  if class.kind == "layer" and not class.module then   -- told by the catalogue, once it is loaded
    declare.home("layer").find(class.name)
  end
  local module = class.module or nil
  return setmetatable({
    module = module, class_name = class.name,
    config = json_path.at(".config", object.get_config, object),
    registered_name = registered_names[class]
      or (not module or class.internal) and class.name or nil,
  }, {
    __jsonorder = { "module", "class_name", "config", "registered_name" }, describes = object,
  })
end

-- ---- the registry -----------------------------------------------------------------------------

function declare.registry(kind)
  local registry = registries[kind]
  if not registry then
    registry = {}
    registries[kind] = registry
  end
  return registry
end

-- Makes a class or function known by a name; the last one wins.
function declare.register(kind, name, value)
  declare.registry(kind)[name] = value
end

-- The names of `objects` stand for their values, whatever their kind, until what is returned is
-- closed. They may be given as options too: {custom_objects = {…}}.
function declare.custom_object_scope(objects)
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
function declare.with_custom_objects(objects, fn, ...)
  if objects == nil then return fn(...) end
  local _ <close> = declare.custom_object_scope(objects)
  return fn(...)
end

local lasting = {}   -- custom objects for good: k.utils.get_custom_objects()

-- What files call a class, if not by its name.
function declare.set_file_name(class, name)
  registered_names[class] = name
end

-- Makes a class or a function known for good, and written as `full`, "package>Name".
function declare.register_for_good(value, full, name)
  lasting[full], lasting[name], registered_names[value] = value, value, full
end

local given_names = setmetatable({}, { __mode = "k" })   -- function -> name it was asked for by

function declare.custom_objects()
  return lasting
end

-- Kinds whose classes Keras also offers by names like max_norm; no optimizer is rm_sprop.
local snake_names = { constraint = true, initializer = true, loss = true, metric = true,
  regularizer = true }

-- Capitals make no difference in Keras's names.
local function is_same_name(kind, name, known)
  return name:lower() == known:lower()
    or snake_names[kind] and name == declare.snake_case(known) or false
end

-- What a name stands for among the custom objects, or nil.
function declare.custom_object(name)
  local found = lasting[name]
  for i = 1, #scopes do
    if scopes[i][name] ~= nil then found = scopes[i][name] end
  end
  if type(found) == "function" then given_names[found] = name end
  return found
end

-- The name under which a function or a class was made known, or nil.
function declare.name_of(value)
  if registered_names[value] then return registered_names[value] end
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
function declare.function_record(value)
  local name = type(value) == "string" and value or declare.name_of(value) or given_names[value]
  if not name then return value end
  return setmetatable({
    module = "builtins", class_name = "function", config = name, registered_name = "function",
  }, { __jsonorder = { "module", "class_name", "config", "registered_name" } })
end

-- `ours`: the file says that the class is one of Keras's, so that a class of a user does not stand
-- for it unless it is given for this reading.
local function find_name(kind, name, ours)
  local tail = name:match "[^>.]*$"      -- "package>Name", "keras.losses.Name"
  local custom = declare.custom_object(name)
  if custom == nil then custom = declare.custom_object(tail) end
  if custom ~= nil then return custom end
  local catalogue = declare.home(kind)
  local registry = declare.registry(kind)
  if ours and kind == "layer" then
    local found = catalogue.find(name)
    if found then return found end
  end
  if registry[name] ~= nil then return registry[name] end
  if kind == "layer" then
    local found = catalogue.find(name) or catalogue.find(tail)
    if found then return found end
  end
  if registry[tail] ~= nil then return registry[tail] end
  local names = {}
  for known in pairs(registry) do names[#names + 1] = known end
  table.sort(names)
  for _, known in ipairs(names) do
    if is_same_name(kind, tail, known) then return registry[known] end
  end
  if kind == "layer" then
    for _, known in ipairs(catalogue.names()) do names[#names + 1] = known end
  end
  return nil, ('unknown %s "%s"%s'):format(kind, name, declare.suggestion(tail, names))
end

-- A class is instantiated; anything else that was found (a function, an object) is the answer
-- itself.
local function instance(found, config)
  if not declare.is_class(found) then return found end
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
function declare.sharing(fn, ...)
  if shared then return fn(...) end
  shared = {}
  local _ <close> = setmetatable({}, { __close = function () shared = nil end })
  return fn(...)
end

local function make_from_record(kind, record)
  local name, config = given(record.class_name), given(record.config)
  if name == "function" then return declare.find(kind, config) end
  if type(name) ~= "string" or config ~= nil and type(config) ~= "table" then
    return nil, ("a config of a %s has class_name and config, got %s"):format(kind, show(record))
  end
  if kind == "activation" and config and config.name ~= nil then   -- {class_name = "LeakyReLU"}
    local layer = declare.home("layer").find(name)
    if layer and declare.registry(kind)[name] == nil then return instance(layer, config) end
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
function declare.knows(kind, record)
  local ours, registered = is_of_keras(record), record.registered_name
  return type(registered) == "string" and find_name(kind, registered, ours) ~= nil
    or find_name(kind, record.class_name, ours) ~= nil
end

-- Like declare.get, but returns nil, message.
function declare.find(kind, identifier)
  if identifier == nil or identifier == false or identifier == None then return nil end
  if type(identifier) == "string" then
    local found, message = find_name(kind, identifier)
    if found == nil then return nil, message end
    return instance(found)
  elseif declare.is_class(identifier) then
    return identifier()
  elseif is_plain(identifier) then
    return find_record(kind, identifier)
  end
  local class = declare.class_of(identifier)
  if class and class.kind == kind then return identifier end
  local metatable = getmetatable(identifier)
  if type(identifier) == "function" or (metatable and metatable.__call) then return identifier end
  return nil, ("%s cannot be used as %s"):format(show(identifier), kind)
end

-- The object meant by a name ("glorot_uniform", "GlorotUniform"), a config, a class, an object or a
-- function; nil for nil.
function declare.get(kind, identifier)
  local object, message = declare.find(kind, identifier)
  if message then core.raise("%s", message) end
  return object
end

-- A module table of classes: M.MaxNorm, and M.max_norm(…) as a function's name; get, serialize,
-- deserialize. `others` are further names (functions, aliases).
function declare.catalogue(kind, classes, others)
  local module = {}
  for _, class in ipairs(classes) do
    class.module = "keras." .. (kind == "loss" and "losses" or kind .. "s")
    module[class.name] = class
    local snake = declare.snake_case(class.name)
    local offered = snake_names[kind] and kind ~= "metric" and module[snake] == nil
    if offered then module[snake] = class end
  end
  for name, value in pairs(others or {}) do
    module[name] = value
    declare.register(kind, name, value)
  end
  function module.get(identifier) return declare.get(kind, identifier) end
  function module.deserialize(config, custom_objects)
    return declare.with_custom_objects(custom_objects, declare.get, kind, config)
  end
  module.serialize = declare.serialize
  return module
end

-- ---- texts ------------------------------------------------------------------------------------

local function same(a, b)
  if a == b then return true end
  if not (is_plain(a) and is_plain(b)) then return false end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- The constructor call that would make the object, without what is at its default.
function declare.text(object)
  local class = declare.class_of(object)
  local config, words = declare.get_config(object), {}
  local function add(arg)
    local value, default = config[arg.name], arg.default
    if value == nil or same(value, default) then return end
    if default ~= nil then
      local serialise = arg.kind.serialise or copy
      if same(value, serialise(arg.kind.check(default, {}), object)) then return end
    end
    if is_plain(value) and value.class_name then value = value.class_name end
    words[#words + 1] = arg.name .. "=" .. show(value)
  end
  for _, arg in ipairs(class.arguments) do
    if not arg.keyword then add(arg) end
  end
  for _, arg in ipairs(class.arguments) do
    if arg.keyword then add(arg) end
  end
  return class.name .. "{" .. table.concat(words, ", ") .. "}"
end

-- What k.help prints of a class: its call, its sentence, its own arguments, then the common ones.
function declare.help(class)
  local names, shown, width = {}, {}, 0
  for i, arg in ipairs(class.positional) do names[i], shown[i] = arg.name, arg end
  for _, arg in ipairs(class.arguments) do
    if arg.keyword and arg.field == arg.name then shown[#shown + 1] = arg end
  end
  for _, arg in ipairs(shown) do width = math.max(width, #arg.name) end
  local lines = { ("%s{%s}"):format(class.name, table.concat(names, ", ")) }
  if class.doc then lines[2] = "  " .. class.doc end
  for _, arg in ipairs(shown) do
    local default = arg.required and "required"
      or "default " .. (arg.default == nil and "None" or show(arg.default))
    local none = arg.none and (arg.required or arg.default ~= nil) and " or None" or ""
    lines[#lines + 1] = ("  %-" .. width .. "s  %s%s, %s"):format(arg.name, arg.kind.name, none,
      default)
  end
  return table.concat(lines, "\n")
end

return declare
