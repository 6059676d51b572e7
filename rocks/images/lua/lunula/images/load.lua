-- k.utils.load_img: a file of PNG or JPEG as an image, a tensor (height, width, channels) of uint8.

local core = require "lunula.core"
local declare = require "lunula.declare"
local arguments = require "lunula.images.arguments"
local files = require "lunula.images.core"
local options = require "lunula.utils.options"

local NAME <const> = "load_img"

local allowed = { "color_mode", "target_size", "interpolation", "keep_aspect_ratio" }
local interpolations = { "nearest", "bilinear", "bicubic", "hamming", "box", "lanczos" }

-- A path, or {bytes = what stands in a file}: a text, whether it is bytes, what errors call it.
local function source_of(source)
  if type(source) == "string" then
    -- The system would end the path there, and read another file.
    if source:find("\0", 1, true) then core.raise("%s: a path with a zero byte", NAME) end
    return source, false, source
  end
  if type(source) == "table" and type(source.bytes) == "string" then
    return source.bytes, true, "the bytes"
  end
  core.raise("%s takes the path of a file, or { bytes = … }, got %s", NAME, declare.show(source))
end

-- (path, { color_mode = "rgb", target_size =, interpolation = "nearest", keep_aspect_ratio = })
return function(path, given)
  local o = options.read(NAME, given, allowed)
  local source, is_bytes, called = source_of(path)
  local channels = arguments.channels(NAME, o.color_mode)
  local method = arguments.one_of(NAME, "interpolation", o.interpolation or "nearest",
    interpolations)
  local height, width
  if o.target_size then height, width = arguments.size(NAME, "target_size", o.target_size) end
  local image, problem = files.load(source, is_bytes, channels, height, width, method,
    o.keep_aspect_ratio)
  return image or core.raise("%s: %s: %s", NAME, called, problem)
end
