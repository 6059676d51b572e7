-- Images with random damage, one after the other, in a process of its own under a memory limit:
--   lua5.4 mutate.lua SEED COUNT FOLDER
-- Each must be read, or be refused by an error that names the file, within some seconds. Half of
-- the damaged PNGs get right checksums, so that the damage is met behind them. Prints how many of
-- each there were. FOLDER holds the file that is tried, so that it can be looked at when the
-- process dies.

local k = require "lunula"
local core = require "lunula.core"
local recorded = require "rocks.images.spec.support.recorded"

local seed, count, folder = tonumber(arg[1]), tonumber(arg[2]), arg[3]
math.randomseed(seed)

local function upto(n) return math.random(1, n) end

-- ---- damage ------------------------------------------------------------------------------------

local function put(bytes, at, text)
  return bytes:sub(1, at - 1) .. text .. bytes:sub(at + #text)
end

local edits = {
  function(bytes, at) return put(bytes, at, string.char(bytes:byte(at) ~ 1 << upto(8) - 1)) end,
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

local function damaged(bytes, is_png)
  if upto(15) == 1 then return bytes:sub(1, upto(#bytes) - 1) end
  for _ = 1, upto(4) == 1 and upto(12) or 1 do
    bytes = edits[upto(#edits)](bytes, upto(#bytes))
    if #bytes < 2 then return bytes end
  end
  return is_png and upto(2) == 1 and checked(bytes) or bytes
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
local read, refused, worst = 0, 0, 0
for i = 1, count do
  local name = names[(i - 1) % #names + 1]
  local is_png = name:find "%.png$"
  local path = folder .. (is_png and "/damaged.png" or "/damaged.jpg")
  local file = assert(io.open(path, "wb"))
  file:write(damaged(recorded.bytes(name), is_png))
  file:close()
  local start = os.clock()
  local ok, problem = try(path)
  worst = math.max(worst, os.clock() - start)
  os.remove(path)
  if ok then
    read = read + 1
  else
    refused = refused + 1
    if not tostring(problem):find(path, 1, true) then
      print(("case %d: the error does not name the file: %s"):format(i, tostring(problem)))
      os.exit(1)
    end
  end
end
print(("%d read, %d refused, the slowest took %.1f s"):format(read, refused, worst))
os.exit(worst < 20)
