-- Lists and tables that a script asks an object for (model.layers, history.history), which say
-- what is in them when they are printed. Apart from that they are plain tables.

local core = require "lunula.core"

local lists = {}

local List = { __name = "lunula.List" }

-- One line about an entry: of a variable what it is, without its numbers.
local function line(value)
  if core.is_variable(value) then
    return ('variable "%s" %s %s'):format(value.path or value.name, value.dtype,
      tostring(value.shape))
  end
  if type(value) == "string" then return ('"%s"'):format(value) end
  if math.type(value) == "float" then return ("%.4g"):format(value) end
  return (tostring(value):match "^[^\n]*")
end

local function is_short(list)
  for _, value in ipairs(list) do
    local kind = type(value)
    if kind ~= "string" and kind ~= "number" and kind ~= "boolean" then return false end
  end
  return true
end

local text

local function of_names(t)
  local names, lines = {}, {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names, function (a, b) return tostring(a) < tostring(b) end)
  for i, name in ipairs(names) do
    local value = t[name]
    local is_list = type(value) == "table" and getmetatable(value) == nil
    lines[i] = ("%s = %s"):format(name, is_list and text(value) or line(value))
  end
  return table.concat(lines, "\n")
end

-- Numbers and names on one line, objects one a line with their positions.
function text(list)
  if next(list) == nil then return "{}" end
  if list[1] == nil then return of_names(list) end
  local words = {}
  for i, value in ipairs(list) do words[i] = line(value) end
  if is_short(list) then return "{" .. table.concat(words, ", ") .. "}" end
  for i, word in ipairs(words) do words[i] = ("[%d] %s"):format(i, word) end
  return table.concat(words, "\n")
end

List.__tostring = text

-- The table itself, which is printed from now on.
function lists.of(t)
  return setmetatable(t, List)
end

lists.metatable = List

return lists
