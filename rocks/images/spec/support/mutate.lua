-- Images with random damage: spec/support/damage.lua. Half of the damaged PNGs get right checksums,
-- so that the damage is met behind them.

local k = require "lunula"
local core = require "lunula.core"
local damage = require "spec.support.damage"
local recorded = require "rocks.images.spec.support.recorded"

local put, upto = damage.put, damage.upto
local folder = damage.start()

-- ---- damage ------------------------------------------------------------------------------------

local edits = {
  damage.flip,
  function(bytes, at) return put(bytes, at, ("\0\xFF\x7F\x80\1"):sub(upto(5))) end,
  function(bytes, at) return put(bytes, at, (">I4"):pack(math.random(0, 0xFFFFFFFF))) end,
  function(bytes, at) return put(bytes, at, "\xFF" .. string.char(math.random(0xC0, 0xFE))) end,
  function(bytes, at) return bytes:sub(1, at - 1) .. bytes:sub(at + upto(9)) end,
  function(bytes, at)                                                       -- a part once more
    local from = upto(#bytes)
    return bytes:sub(1, at) .. bytes:sub(from, from + upto(200)) .. bytes:sub(at + 1)
  end,
}

-- The same file with the checksums that its chunks should have.
local function checked(bytes)
  local out, at = { bytes:sub(1, 8) }, 9
  while at + 8 <= #bytes do
    local size = (">I4"):unpack(bytes, at)
    if at + 11 + size > #bytes then break end
    local body = bytes:sub(at + 4, at + 7 + size)
    out[#out + 1] = bytes:sub(at, at + 3) .. body .. (">I4"):pack(core.checksum(body))
    at = at + 12 + size
  end
  out[#out + 1] = bytes:sub(at)
  return table.concat(out)
end

-- ---- trying ------------------------------------------------------------------------------------

local modes = { "rgb", "rgba", "grayscale" }

local function try(path)
  local mode = modes[upto(3)]
  if upto(4) == 1 then
    local dataset = k.utils.image_dataset_from_directory(folder, { labels = false, verbose = false,
      image_size = { upto(9), upto(9) }, color_mode = mode, crop_to_aspect_ratio = upto(2) == 1 })
    return pcall(dataset:as_iterator())
  end
  local size = upto(2) == 1 and { upto(40), upto(40) } or nil
  return pcall(k.utils.load_img, path, { color_mode = mode, target_size = size,
    interpolation = upto(2) == 1 and "lanczos" or "nearest" })
end

local names = recorded.names()

local function make(i)
  local name = names[(i - 1) % #names + 1]
  local bytes = damage.damaged(recorded.bytes(name), edits)
  if not name:find "%.png$" then return ".jpg", bytes end
  return ".png", upto(2) == 1 and checked(bytes) or bytes
end

damage.each(make, try)
