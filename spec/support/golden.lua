-- Reads the numbers recorded from Keras in spec/golden; record.py there describes the format.

local core = require "lunula.core"

local golden = {}

local values = {}
for i = 1, 64 do
  values[("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):byte(i)] = i - 1
end

local function from_base64(text)
  local bytes = {}
  for a, b, c, d in text:gmatch "(.)(.)(.)(.)" do
    local word = values[a:byte()] << 18 | values[b:byte()] << 12
      | (values[c:byte()] or 0) << 6 | (values[d:byte()] or 0)
    local three = string.pack(">I3", word)
    bytes[#bytes + 1] = d ~= "=" and three or three:sub(1, c == "=" and 1 or 2)
  end
  return table.concat(bytes)
end

local function nested(list, shape, depth, place)
  if depth > #shape then
    place.at = place.at + 1
    return list[place.at]
  end
  local row = {}
  for i = 1, shape[depth] do row[i] = nested(list, shape, depth + 1, place) end
  return row
end

golden.bytes = from_base64

-- The tensor of a record, for strings a nested table; nil for null.
function golden.tensor(record)
  if not record then return nil end
  if record.dtype == "string" then return nested(record.data, record.shape, 1, { at = 0 }) end
  return core.frombytes(from_base64(record.data), { shape = record.shape, dtype = record.dtype })
end

-- A file of spec/golden; nil when it is not there. Null is `none`, or else false.
function golden.read(path, none)
  local file = io.open("spec/golden/" .. path)
  if not file then return nil end
  local text = file:read "a"
  file:close()
  local value, problem = core.json_read(text, none or false)
  if value == nil then error(path .. ": " .. problem, 0) end
  return value
end

return golden
