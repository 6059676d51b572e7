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

-- The metatable of a list whose `false` is no null but false, and of an object that may be empty.
json.booleans, json.object = arrays, objects

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

-- '"units": ' and ".units" of a key: texts repeat few names many times.
local texts, steps, known = {}, {}, 0

local function note_key(key)
  if known == 4096 then texts, steps, known = {}, {}, 0 end
  texts[key], steps[key] = core.json_quote(tostring(key)) .. ": ", json_path.step(key)
  known = known + 1
  return texts[key]
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
    local value = t[i]
    if value == false and not has_booleans then
      out[#out + 1] = "null"
    elseif math.type(value) == "integer" then
      out[#out + 1] = value
    else
      json_path.at(i, write, value, out, inner)
    end
  end
  out[#out + 1] = (indent or "") .. "]"
end

-- What cannot fail is written here, without a step.
local function write_field(before, key, value, out, inner)
  local text, told = texts[key] or note_key(key), type(value)
  if told == "string" then
    out[#out + 1] = before .. text .. core.json_quote(value)
  elseif told == "nil" then
    out[#out + 1] = before .. text .. "null"
  elseif told == "boolean" then
    out[#out + 1] = before .. text .. (value and "true" or "false")
  else
    out[#out + 1] = before .. text
    json_path.at(steps[key], write, value, out, inner)
  end
end

-- Has t more keys than `count`?
local function has_others(t, count)
  for _ in next, t do
    count = count - 1
    if count < 0 then return true end
  end
  return false
end

local function write_object(t, out, indent, object)
  local inner = indent and indent .. out.step
  local metatable = getmetatable(t)
  local fields = metatable and metatable.__jsonorder
  local count = 0
  for i = 1, fields and #fields or 0 do
    if t[fields[i]] ~= nil then count = count + 1 end
  end
  if has_others(t, count) then fields = json.fields(t) end
  local before, between = "{" .. (inner or ""), "," .. (inner or " ")
  for i = 1, fields and #fields or 0 do
    write_field(before, fields[i], t[fields[i]], out, inner)
    before = between
  end
  if object then out.objects.note(object, out, between) end
  out[#out + 1] = before == between and (indent or "") .. "}" or "{}"
end

local function write_table(t, out, indent, object)
  if getmetatable(t) ~= nil and not declare.is_plain(t) or type(t) ~= "table" then
    core.raise("%s has no place in JSON", declare.show(t))
  elseif is_list(t) then
    write_list(t, out, indent)
  else
    write_object(t, out, indent, object)
  end
end

function write(value, out, indent)
  local told = type(value)
  if value == nil or value == None then
    out[#out + 1] = "null"
  elseif told == "string" then
    out[#out + 1] = core.json_quote(value)
  elseif told == "boolean" then
    out[#out + 1] = tostring(value)
  elseif math.type(value) == "integer" then
    out[#out + 1] = value
  elseif told == "number" then
    out[#out + 1] = core.json_number(value)
  elseif out.objects then
    local plain, object = out.objects.read(value)
    write_table(plain, out, indent, object)
  else
    write_table(value, out, indent)
  end
end

-- The text of plain data; indent = number of spaces for a text of many lines. objects: how other
-- data is told, {read = function (value) -> plain data or a record, the object of the record,
-- note = function (object, out, between) when the fields of such a record are written}.
function json.encode(value, indent, objects_of)
  local out = { step = indent and (" "):rep(indent), objects = objects_of }
  write(value, out, indent and "\n")
  return table.concat(out)
end

-- ---- reading -----------------------------------------------------------------------------------

-- What the text says, or nil and what is wrong with it.
function json.decode(text)
  return core.json_read(text, None, objects, arrays)
end

return json
