-- Prints the op cases as JSON, for ops.py, which asks Keras what they should give; those of another
-- module of spec/support when one is named; with the word "all" those too that are compared with a
-- reference of ours.

local all = arg[1] == "all"
local cases = require("spec.support." .. (not all and arg[1] or "ops_cases"))

local function number(x)
  if x ~= x then return "NaN" end
  if x == math.huge then return "Infinity" end
  if x == -math.huge then return "-Infinity" end
  if x == 0 and 1 / x < 0 then return "-0.0" end
  return math.type(x) == "integer" and ("%d"):format(x) or ("%.17g"):format(x)
end

-- Bytes that are no text stand as characters of these numbers.
local function text(s)
  return '"' .. s:gsub('[%c"\\\127-\255]', function (c)
    return ("\\u%04x"):format(c:byte())
  end) .. '"'
end

local encode

local function list(t)
  local parts = {}
  for i, value in ipairs(t) do parts[i] = encode(value) end
  return "[" .. table.concat(parts, ",") .. "]"
end

function encode(value)
  if type(value) == "number" then return number(value) end
  if type(value) == "string" then return text(value) end
  if type(value) ~= "table" then return tostring(value) end
  if #value > 0 or next(value) == nil then return list(value) end
  local parts = {}
  for key, item in pairs(value) do
    local word = key == "axis" and item == false and "null" or encode(item) -- None
    parts[#parts + 1] = ("%q:%s"):format(key, word)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

for _, row in ipairs(cases) do
  if not row.ref or all then
    print(encode { key = row.key, op = row.op, inputs = row.inputs,
      attributes = { given = row.attributes }, names = row.names or {}, call = row.call or "" })
  end
end
