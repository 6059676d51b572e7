-- What is printed of an object and, by k.help, of a class.

local late = require "lunula.late"
local configs = require "lunula.declare.configs"
local meanings = late(function () return require "lunula.declare.meanings" end)
local objects = require "lunula.declare.objects"
local options = require "lunula.declare.options"
local words = require "lunula.declare.words"

local texts = {}

local is_plain = options.is_plain

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

-- What the constructor was told that is not at its default: a list of { name, value }, values as in
-- configs. Arguments that say `printed` are always in it.
function texts.said(object)
  local class = objects.class_of(object)
  local config, said = configs.get_config(object), {}
  local function add(arg)
    local value, default = config[arg.name], arg.default
    if value == nil or not arg.printed and same(value, default) then return end
    -- As an activation that was not said, which is linear.
    if default == nil and not arg.required and arg.kind.absent then
      local serialise = arg.kind.serialise or configs.copy
      if same(value, serialise(arg.kind.absent(object), object)) then return end
    end
    if arg.name == "name" and value == words.snake_case(class.name) then return end
    if default ~= nil and not arg.printed then
      local serialise = arg.kind.serialise or configs.copy
      if same(value, serialise(arg.kind.check(default, {}), object)) then return end
    end
    said[#said + 1] = { arg.name, value }
  end
  for _, arg in ipairs(class.arguments) do
    if not arg.keyword then add(arg) end
  end
  for _, arg in ipairs(class.arguments) do
    if arg.keyword then add(arg) end
  end
  return said
end

-- The constructor call that would make the object.
function texts.text(object)
  local parts = texts.said(object)
  for i, row in ipairs(parts) do
    local value = row[2]
    if is_plain(value) and value.class_name then value = value.class_name end
    parts[i] = row[1] .. "=" .. words.show(value)
  end
  return objects.class_of(object).name .. "{" .. table.concat(parts, ", ") .. "}"
end

-- The arguments that help shows: the positional ones, then those by name only, without the sizes
-- and types that only a first layer takes.
function texts.arguments(class)
  local shown = table.move(class.positional, 1, #class.positional, 1, {})
  for _, arg in ipairs(class.arguments) do
    local is_told = arg.field == arg.name or arg.config ~= false
    if arg.keyword and is_told then shown[#shown + 1] = arg end
  end
  return shown
end

-- What an argument may be, and what it is when it is not said.
function texts.kind_and_default(arg)
  local default = arg.required and "required"
    or "default " .. (arg.default == nil and "None" or words.show(arg.default))
  local none = arg.none and (arg.required or arg.default ~= nil) and " or None" or ""
  return arg.kind.name .. none, default
end

-- The call: Dense{units, activation, …}
function texts.signature(class)
  local names = {}
  for i, arg in ipairs(class.positional) do names[i] = arg.name end
  return ("%s{%s}"):format(class.name, table.concat(names, ", "))
end

-- What k.help prints of a class: its call, its sentence, its own arguments, then the common ones.
function texts.help(class)
  local shown, width = texts.arguments(class), 0
  for _, arg in ipairs(shown) do width = math.max(width, #arg.name) end
  local lines = { texts.signature(class) }
  if class.doc then lines[2] = "  " .. class.doc end
  for _, arg in ipairs(shown) do
    local kind, default = texts.kind_and_default(arg)
    lines[#lines + 1] = ("  %-" .. width .. "s  %s, %s"):format(arg.name, kind, default)
    local meaning = meanings.of(class, arg)
    if meaning then lines[#lines + 1] = (" "):rep(width + 6) .. meaning end
  end
  return table.concat(lines, "\n")
end

return texts
