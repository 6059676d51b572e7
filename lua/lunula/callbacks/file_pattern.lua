-- Paths with places for numbers, as Python writes them:
--   "run/{epoch:02d}-{val_loss:.2f}.safetensors"
--
-- What stands in braces is a name, and behind a colon how the number is written: fill and
-- alignment, sign, 0, width, precision, and one of d, e, f, g, %, in this order; each may be left
-- out. Two braces are one.

local core = require "lunula.core"
local declare = require "lunula.declare"
local pointed = require "lunula.utils.pointed"

local file_pattern = {}

local function refuse(spec, pattern)
  core.raise('ModelCheckpoint: "%s" in the path "%s" does not say how a number is written; see '
    .. "{epoch:02d} and {val_loss:.2f}", spec, pattern)
end

-- The fields of "0>+08.3f".
local function read(spec, pattern)
  local fill, align, rest = spec:match "^(.)([<>^=])(.*)$"
  if not align then
    align, rest = spec:match "^([<>^=]?)(.*)$"
    fill = " "
  end
  local sign, zero, width, precision, kind =
    rest:match "^([+ -]?)(0?)(%d*)%.?(%d*)([defgEFGs%%]?)$"
  if not kind or #width > 2 or #precision > 2 then refuse(spec, pattern) end
  if kind == "F" then kind = "f" end   -- they differ in how no number is written
  if zero == "0" and align == "" then fill, align = "0", "=" end
  return {
    fill = fill, align = align ~= "" and align or ">", sign = sign, width = tonumber(width) or 0,
    precision = precision ~= "" and precision or nil, kind = kind,
  }
end

-- The digits of a number, without sign.
local function digits(value, told, spec, pattern)
  local kind, size = told.kind, math.abs(value)
  if kind == "d" then
    local whole = math.tointeger(size)
    if not whole then refuse(spec, pattern) end
    return ("%d"):format(whole)
  elseif kind == "%" then
    return pointed("%." .. (told.precision or "6") .. "f%%", size * 100)
  elseif kind == "" or kind == "s" then
    if told.precision then return pointed("%." .. told.precision .. "g", size) end
    return math.type(size) == "integer" and ("%d"):format(size) or core.json_number(size)
  end
  return pointed("%." .. (told.precision or "6") .. kind, size)
end

local function written(value, spec, pattern)
  local told = read(spec, pattern)
  local text = digits(value, told, spec, pattern)
  local sign = value < 0 and "-" or told.sign ~= "-" and told.sign or ""
  local room = math.max(0, told.width - #text - #sign)
  local before = told.align == "<" and 0 or told.align == "^" and room // 2 or room
  local left, right = told.fill:rep(before), told.fill:rep(room - before)
  if told.align == "=" then return sign .. left .. text end
  return left .. sign .. text .. right
end

-- The path, with the numbers of `values` in their places.
function file_pattern.fill(pattern, values)
  local function place(name, spec)
    local value = values[name]
    if type(value) ~= "number" then
      local names = {}
      for known, number in pairs(values) do
        if type(number) == "number" then names[#names + 1] = known end
      end
      table.sort(names)
      core.raise('ModelCheckpoint: the path "%s" names "%s", which is not among %s%s', pattern,
        name, table.concat(names, ", "), declare.suggestion(name, names))
    end
    return written(value, spec, pattern)
  end
  local text = pattern:gsub("{{", "\1"):gsub("}}", "\2")
  text = text:gsub("{([^{}:]*):?([^{}]*)}", place)
  if text:find "[{}]" then
    core.raise('ModelCheckpoint: a brace in the path "%s" is without its other; two braces are one',
      pattern)
  end
  return (text:gsub("\1", "{"):gsub("\2", "}"))
end

return file_pattern
