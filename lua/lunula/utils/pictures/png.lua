-- PNG files of 8 bits a channel, written without a library: the pixels are stored, not compressed.

local core = require "lunula.core"

local png = {}

-- The checksum of the pixels.
local function adler32(bytes)
  local a, b = 1, 0
  for first = 1, #bytes, 4096 do
    for _, byte in ipairs { bytes:byte(first, math.min(first + 4095, #bytes)) } do
      a = a + byte
      b = b + a
    end
    a, b = a % 65521, b % 65521
  end
  return b << 16 | a
end

local function chunk(kind, bytes)
  return string.pack(">I4", #bytes) .. kind .. bytes
    .. string.pack(">I4", core.checksum(kind .. bytes))
end

-- A stream of zlib whose blocks are stored: at most 65535 bytes each.
local function stored(bytes)
  local parts = { "\x78\x01" }
  for first = 1, math.max(#bytes, 1), 65535 do
    local block = bytes:sub(first, first + 65534)
    local is_last = first + 65535 > #bytes
    parts[#parts + 1] = string.pack("<BI2I2", is_last and 1 or 0, #block, ~#block & 0xFFFF) .. block
  end
  parts[#parts + 1] = string.pack(">I4", adler32(bytes))
  return table.concat(parts)
end

local colour_types = { 0, 4, 2, 6 }   -- by channels: grey, with alpha, colours, with alpha

-- The file of width x height pixels of 1 to 4 channels, row by row.
function png.encode(width, height, channels, pixels)
  local lines, size = {}, width * channels
  for row = 0, height - 1 do
    lines[row + 1] = "\0" .. pixels:sub(row * size + 1, (row + 1) * size)   -- 0: as they are
  end
  return "\x89PNG\r\n\x1a\n"
    .. chunk("IHDR", string.pack(">I4I4BBBBB", width, height, 8, colour_types[channels], 0, 0, 0))
    .. chunk("IDAT", stored(table.concat(lines))) .. chunk("IEND", "")
end

local letters = {}
for letter in ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):gmatch "." do
  letters[#letters + 1] = letter
end

function png.base64(bytes)
  local parts = {}
  for first = 1, #bytes, 3 do
    local a, b, c = bytes:byte(first, first + 2)
    local bits = a << 16 | (b or 0) << 8 | (c or 0)
    parts[#parts + 1] = letters[(bits >> 18) + 1] .. letters[(bits >> 12 & 63) + 1]
      .. (b and letters[(bits >> 6 & 63) + 1] or "=") .. (c and letters[(bits & 63) + 1] or "=")
  end
  return table.concat(parts)
end

return png
