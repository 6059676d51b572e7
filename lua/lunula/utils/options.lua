-- Reading a table of named options: unknown names are mistakes, since Lua would turn a typo into
-- silence.

local core = require "lunula.core"
local declare = require "lunula.declare"

local options = {}

-- Checks the option table that `name` was given against the list of allowed names. Returns a
-- table to read from.
function options.read(name, given, allowed)
  if given == nil then return {} end
  if type(given) ~= "table" or core.is_tensor(given) then
    core.raise("%s: the options must be a table, like {%s=…}, got %s", name, allowed[1],
      type(given))
  end
  local known = {}
  for _, option in ipairs(allowed) do known[option] = true end
  for key in pairs(given) do
    if not known[key] then
      local nearest = type(key) == "string" and declare.nearest(key, allowed)
      core.raise("%s: unknown option \"%s\"%s", name, tostring(key),
        nearest and string.format(" (did you mean \"%s\"?)", nearest)
          or "; it takes " .. table.concat(allowed, ", "))
    end
  end
  return given
end

-- A whole number of at least `least`, or nil. 64.0 is accepted where 64 is meant.
function options.count(name, option, value, least)
  if value == nil then return nil end
  local count = math.type(value) and math.tointeger(value)
  if not count or count < (least or 1) then
    core.raise("%s: %s must be a whole number of at least %d, got %s", name, option, least or 1,
      tostring(value))
  end
  return count
end

return options
