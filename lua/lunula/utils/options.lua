-- Reading a table of named options: unknown names are mistakes, since Lua would turn a typo into
-- silence.

local core = require "lunula.core"
local declare = require "lunula.declare"

local options = {}

-- The first key (by alphabet) that is not among the names, and ` (did you mean "…"?)` or nothing.
function options.unknown(given, names)
  local known, strangers = {}, {}
  for _, name in ipairs(names) do known[name] = true end
  for key in pairs(given) do
    if not known[key] then strangers[#strangers + 1] = tostring(key) end
  end
  if #strangers == 0 then return nil end
  table.sort(strangers)
  return strangers[1], declare.suggestion(strangers[1], names)
end

-- The values of a name table in the order of the names. `text` says of a name that is none of them:
-- what, the name, the names, the nearest.
function options.in_order(value, names, text, what)
  local stranger, suggestion = options.unknown(value, names)
  if stranger then core.raise(text, what, stranger, table.concat(names, ", "), suggestion) end
  local list = {}
  for i, name in ipairs(names) do list[i] = value[name] end
  return list
end

-- Where false says something; elsewhere it is None, as in all tables.
local truths = { verbose = true, shuffle = true }

-- Checks the option table that `name` was given against the list of allowed names. Returns a table
-- to read from, where what is None is nil.
function options.read(name, given, allowed)
  if given == nil then return {} end
  if type(given) ~= "table" or core.is_tensor(given) then
    core.raise("%s: the options must be a table, like {%s=…}, got %s", name, allowed[1],
      type(given))
  end
  local stranger, suggestion = options.unknown(given, allowed)
  if stranger then
    core.raise("%s: unknown option \"%s\"%s", name, stranger,
      suggestion ~= "" and suggestion or "; it takes " .. table.concat(allowed, ", "))
  end
  local said = {}
  for key, value in pairs(given) do
    if value ~= core.None and (value or truths[key]) then said[key] = value end
  end
  return said
end

-- A whole number of at least `least`, or nil. 64.0 is accepted where 64 is meant.
function options.count(name, option, value, least)
  if value == nil then return nil end
  local count = math.type(value) and math.tointeger(value)
  if not count and least == math.mininteger then
    core.raise("%s: %s must be a whole number, got %s", name, option, declare.show(value))
  elseif not count or count < (least or 1) then
    core.raise("%s: %s must be a whole number of at least %d, got %s", name, option, least or 1,
      declare.show(value))
  end
  return count
end

function options.number(name, option, value)
  if value == nil or type(value) == "number" then return value end
  core.raise("%s: %s must be a number, got %s", name, option, declare.show(value))
end

return options
