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

local function plain(value)
  if declare.is_plain(value) then return value end
  core.raise("%s has no place in JSON", declare.show(value))
end

local function failed(problem, ...)
  json_path.deeper(...)
  error(problem, 0)
end

-- The text of plain data; indent = number of spaces for a text of many lines. objects: how other
-- data is told, {read = function (value) -> plain data or a record, the object of the record,
-- note = function (object, out, between) when the fields of such a record are written}.
function json.encode(value, indent, objects_of)
  local read, out = plain, {}
  if objects_of then
    function read(inner)
      local told, object = objects_of.read(inner)
      return plain(told), object
    end
  end
  local text = core.json_write(value, indent or -1, read, json.fields,
    objects_of and objects_of.note, failed, out)
  if #out == 0 then return text end
  out[#out + 1] = text
  return table.concat(out)
end

-- ---- reading -----------------------------------------------------------------------------------

-- What the text says, or nil and what is wrong with it.
function json.decode(text)
  return core.json_read(text, None, objects, arrays)
end

return json
