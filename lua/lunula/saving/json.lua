-- JSON as Keras writes and reads it: text to plain tables and back.
--
-- None is `null` in a text and core.None when read, because None and "not said" differ. A list
-- that Lua wrote says None by `false`, as shapes do; one that was read says false by it. A table
-- whose metatable has __jsonorder names all its fields, and those that are absent are None. Whole
-- floats keep their point.

local core = require "lunula.core"
local declare = require "lunula.declare"
local json_path = require "lunula.json_path"

local json = {}

local None = core.None

-- ---- writing -----------------------------------------------------------------------------------

local objects, arrays = { __jsontype = "object" }, { __jsontype = "array" }

-- The metatable of a list whose `false` is no null but false.
json.booleans = arrays

local function is_list(t)
  if #t > 0 then return true end
  if next(t) ~= nil then return false end
  local metatable = getmetatable(t)
  return not (metatable and (metatable.__jsontype == "object" or metatable.__jsonorder))
end

local function by_text(a, b) return tostring(a) < tostring(b) end

-- The fields of an object: those with a place of their own, then the others by name.
function json.fields(t)
  local metatable = getmetatable(t)
  local order = metatable and metatable.__jsonorder
  local fields, seen, others = {}, {}, {}
  for i = 1, order and #order or 0 do
    fields[i], seen[order[i]] = order[i], true
  end
  for key in next, t do
    if not seen[key] then others[#others + 1] = key end
  end
  if #others > 1 then table.sort(others, by_text) end
  return table.move(others, 1, #others, #fields + 1, fields)
end

local write

-- What cannot fail needs no step.
local function step_in(key, value, out, indent)
  local told = type(value)
  if told == "string" or told == "boolean" or told == "nil" then
    write(value, out, indent)
  else
    json_path.at(json_path.step(key), write, value, out, indent)
  end
end

local function write_list(t, out, indent)
  if #t == 0 then
    out[#out + 1] = "[]"
    return
  end
  local inner = indent and indent .. out.step
  local metatable = getmetatable(t)
  local has_booleans = metatable and metatable.__jsontype == "array"
  for i = 1, #t do
    out[#out + 1] = (i == 1 and "[" or ",") .. (inner or i > 1 and " " or "")
    if t[i] == false and not has_booleans then
      out[#out + 1] = "null"
    else
      step_in(i, t[i], out, inner)
    end
  end
  out[#out + 1] = (indent or "") .. "]"
end

local function write_object(t, out, indent)
  local inner = indent and indent .. out.step
  local first = true
  for _, key in ipairs(json.fields(t)) do
    out[#out + 1] = (first and "{" or ",") .. (inner or first and "" or " ")
      .. core.json_quote(tostring(key)) .. ": "
    step_in(key, t[key], out, inner)
    first = false
  end
  out[#out + 1] = first and "{}" or (indent or "") .. "}"
end

function write(value, out, indent)
  if value == nil or value == None then
    out[#out + 1] = "null"
  elseif type(value) == "string" then
    out[#out + 1] = core.json_quote(value)
  elseif type(value) == "boolean" then
    out[#out + 1] = tostring(value)
  elseif math.type(value) == "integer" then
    out[#out + 1] = ("%d"):format(value)
  elseif type(value) == "number" then
    out[#out + 1] = core.json_number(value)
  elseif not declare.is_plain(value) then
    core.raise("%s has no place in JSON", declare.show(value))
  elseif is_list(value) then
    write_list(value, out, indent)
  else
    write_object(value, out, indent)
  end
end

-- The text of plain data; indent = number of spaces for a text of many lines.
function json.encode(value, indent)
  local out = { step = indent and (" "):rep(indent) }
  write(value, out, indent and "\n")
  return table.concat(out)
end

-- ---- reading -----------------------------------------------------------------------------------

-- What the text says, or nil and what is wrong with it.
function json.decode(text)
  return core.json_read(text, None, objects, arrays)
end

return json
