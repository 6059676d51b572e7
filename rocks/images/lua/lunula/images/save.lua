-- k.utils.save_img: numbers as a file of PNG or JPEG.

local core = require "lunula.core"
local declare = require "lunula.declare"
local files = require "lunula.images.core"
local image = require "lunula.utils.image"
local options = require "lunula.utils.options"
local svg = require "lunula.utils.pictures.svg"
local warn = require "lunula.utils.warn"

local NAME <const> = "save_img"

-- The last three are options of PIL's Image.save.
local allowed = { "data_format", "file_format", "scale", "quality", "progressive",
  "compress_level" }

-- "png" or "jpeg"
local function format_of(path, said)
  local format = said or path:match "%.([^./]+)$"
  if type(format) ~= "string" then
    core.raise("%s: \"%s\" has no ending that says what it is; end it in .png or .jpg, or give "
      .. "file_format", NAME, path)
  end
  local lower = format:lower()
  if lower == "png" then return "png" end
  if lower == "jpg" or lower == "jpeg" then return "jpeg" end
  core.raise("%s: \"%s\": PNG and JPEG are written, \"%s\" is not", NAME, path, format)
end

local function number(o, option, least, most, default)
  local value = options.count(NAME, option, o[option], least) or default
  if value > most then
    core.raise("%s: %s goes from %d to %d, got %d", NAME, option, least, most, value)
  end
  return value
end

local function check_options(o, format)
  local of_other = format == "png" and { "quality", "progressive" } or { "compress_level" }
  for _, option in ipairs(of_other) do
    if o[option] ~= nil then
      core.raise("%s: %s is for %s", NAME, option, format == "png" and "JPEG" or "PNG")
    end
  end
end

-- JPEG knows neither alpha nor more than 8 bits.
local function fit_for_jpeg(x, path)
  if x.dtype == "int32" then
    core.raise("%s: \"%s\": a JPEG has 8 bits, and the numbers go beyond 255; write a PNG, or "
      .. "leave scale at true", NAME, path)
  end
  if x.shape[3] < 4 then return x end
  warn.say("%s: \"%s\": a JPEG has no transparency, it is written without", NAME, path)
  return core.ops.slice(x, { 0, 0, 0 }, { -1, -1, 3 })
end

-- The numbers as bytes, two for each where they go beyond 255; and how many bits that is.
local function bytes_of(x)
  if x.dtype == "uint8" then return x:tobytes(), 8 end
  local words, n = {}, 0
  for value in x:tobytes():gmatch "...." do
    n = n + 1
    words[n] = ("I2"):pack(math.min(math.max(("i4"):unpack(value), 0), 65535))
  end
  return table.concat(words), 16
end

-- (path, x, { data_format =, file_format =, scale = true, quality = 75, progressive =,
-- compress_level = 6 })
return function(path, x, given)
  local o = options.read(NAME, given, allowed)
  if type(path) ~= "string" then
    core.raise("%s takes the path of a file first, got %s", NAME, declare.show(path))
  end
  local format = format_of(path, o.file_format)
  check_options(o, format)
  x = image.array_to_img(x, { data_format = o.data_format, scale = given and given.scale })
  if format == "jpeg" then x = fit_for_jpeg(x, path) end
  local quality = format == "png" and number(o, "compress_level", 0, 9, 6)
    or number(o, "quality", 1, 100, 75)
  local bytes, depth = bytes_of(x)
  local height, width, channels = table.unpack(x.shape)
  local file, problem = files.encode(format, bytes, height, width, channels, depth, quality,
    o.progressive)
  if not file then core.raise("%s: \"%s\": %s", NAME, path, problem) end
  svg.write_file(NAME, path, file)
end
