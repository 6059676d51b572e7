-- What a constructor got, bound to the arguments that its class declares: the calling forms, names
-- that nobody knows, checks, defaults.

local core = require "lunula.core"
local json_path = require "lunula.json_path"
local lists = require "lunula.declare.lists"
local words = require "lunula.declare.words"

local options = {}

local show = words.show
local None = core.None

-- A table that carries options or data, not an object: what `Dense{64}` passes. Tables decoded from
-- JSON bear a metatable of their decoder.
function options.is_plain(value)
  if type(value) ~= "table" then return false end
  local metatable = getmetatable(value)
  return metatable == nil or metatable == lists.metatable
    or rawget(metatable, "__jsontype") ~= nil or rawget(metatable, "__jsonorder") ~= nil
end

function options.only_names(value)
  if not options.is_plain(value) or next(value) == nil then return false end
  for key in pairs(value) do
    if type(key) ~= "string" then return false end
  end
  return true
end

-- Splits what the constructor got: positional values (with their number `n`), and named ones.
-- Forms: Dense{64, activation="relu"}   Dense(64)   Dense(64, {activation="relu"})
local function split(...)
  local count, first = select("#", ...), ...
  if count == 1 and options.is_plain(first) then
    local positional, named = { n = words.length(first) }, {}
    for key, value in pairs(first) do
      if math.type(key) == "integer" then positional[key] = value else named[key] = value end
    end
    return positional, named
  end
  local positional = table.pack(...)
  local last = positional[count]
  local empty = options.is_plain(last) and next(last) == nil   -- { name = nil }
  if count > 1 and (empty or options.only_names(last)) then
    positional[count], positional.n = nil, count - 1
    return positional, last
  end
  return positional, {}
end

-- `Permute{2, 1}` for `Permute{{2, 1}}`: a class whose first argument is a list of numbers takes
-- them bare; with spread = "lists" it may be one of lists, too, as in `Cropping2D{{1, 2}, {1, 2}}`.
local function spread(class, positional)
  local first = class.positional[1]
  if not (first and first.spread) or positional.n < 2 then return end
  for i = 1, positional.n do
    local told = type(positional[i])
    if told ~= "number" and told ~= "boolean" and not (told == "table" and first.spread == "lists")
    then return end
  end
  positional[1] = table.move(positional, 1, positional.n, 1, {})
  for i = 2, positional.n do positional[i] = nil end
  positional.n = 1
end

-- What is suggested for a wrong name: today's names, not the old ones.
function options.argument_names(class)
  local names = {}
  for i, arg in ipairs(class.arguments) do names[i] = arg.name end
  return names
end

-- The value of an argument that was given under this name: an alias may have other values.
function options.translated(arg, key, value)
  if key == arg.name or not arg.translate or value == None then return value end
  return arg.translate(value)
end

-- The values given, by argument name.
function options.gather(class, ...)
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
        words.suggestion(key, options.argument_names(class)))
    end
    if given[arg.name] ~= nil then
      core.raise("%s: %s is given twice", class.name, arg.name)
    end
    given[arg.name] = options.translated(arg, key, named[key])
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
function options.bind(class, object, given, in_config)
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
    if none or value == nil then
      value = kind.absent and kind.absent(object)
    elseif type(value) ~= "boolean" or value ~= arg.default then   -- true, false are right
      value = checked(class, arg, value, object, in_config)
    end
    if value ~= nil then object[arg.field] = value end
  end
end

return options
