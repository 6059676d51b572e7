-- Archives in the format of zip, entry by entry, stored or deflated.
--
-- An archive is not trusted: what it says is compared with the bytes that are there, the entries
-- together have no more bytes than it has, so that it comes to 1032 times its size at the most, and
-- checksums are compared.

local core = require "lunula.core"
local files = require "lunula.data.files"

local archive = {}

local STORED <const>, DEFLATED <const> = 0, 8

local fail = files.fail

function archive.is(bytes)
  return bytes:sub(1, 4) == "PK\3\4" or bytes:sub(1, 4) == "PK\5\6"
end

-- Where the list of entries begins, and their number. It stands before a comment of 64 K at most.
local function find_directory(bytes, path)
  for at = #bytes - 21, math.max(1, #bytes - 65557), -1 do
    if bytes:sub(at, at + 3) == "PK\5\6" then
      local count, _, first = string.unpack("<I2I4I4", bytes, at + 10)
      return first + 1, count
    end
  end
  fail(path, "this is no .npz file, or it is cut off")
end

-- What the list says of the entry at `at`, and where the next one stands.
local function read_entry(bytes, at, path)
  if at + 45 > #bytes or bytes:sub(at, at + 3) ~= "PK\1\2" then
    fail(path, "its list of entries is broken")
  end
  local flags, method = string.unpack("<I2I2", bytes, at + 8)
  local crc, packed, size, length, extra, comment = string.unpack("<I4I4I4I2I2I2", bytes, at + 16)
  local entry = { name = bytes:sub(at + 46, at + 45 + length), method = method, crc = crc,
    packed = packed, size = size, start = string.unpack("<I4", bytes, at + 42) + 1 }
  if flags & 1 == 1 then fail(path, "entry \"%s\" is encrypted", entry.name) end
  if packed == 0xffffffff or size == 0xffffffff then
    fail(path, "entry \"%s\" is of 4 GB or more, which is not read", entry.name)
  end
  return entry, at + 46 + length + extra + comment
end

-- Where the bytes of an entry begin: behind a head of its own.
local function first_byte(bytes, entry, path)
  local at = entry.start
  if at < 1 or at + 29 > #bytes or bytes:sub(at, at + 3) ~= "PK\3\4" then
    fail(path, "entry \"%s\" is not where the archive says", entry.name)
  end
  local name_length, extra = string.unpack("<I2I2", bytes, at + 26)
  local first = at + 30 + name_length + extra
  if first + entry.packed - 1 > #bytes then
    fail(path, "entry \"%s\" goes beyond the end", entry.name)
  end
  return first
end

-- How errors call an entry.
function archive.title(name, path)
  return ("%s\" in \"%s"):format(name, path)
end

local function unpack_entry(bytes, entry, path)
  local title, first = archive.title(entry.name, path), first_byte(bytes, entry, path)
  local text
  if entry.method == STORED then
    text = bytes:sub(first, first + entry.packed - 1)
  elseif entry.method == DEFLATED then
    text = core.inflate(title, bytes, first, entry.packed, entry.size)
  else
    fail(title, "it is compressed by method %d; stored and deflated entries are read", entry.method)
  end
  if core.checksum(text) ~= entry.crc then fail(title, "its bytes do not have its checksum") end
  return text
end

-- for name, text in archive.entries(bytes, path) do … end
function archive.entries(bytes, path)
  local at, left = find_directory(bytes, path)
  local paid = 0
  return function()
    if left == 0 then return nil end
    left = left - 1
    local entry
    entry, at = read_entry(bytes, at, path)
    paid = paid + entry.packed
    if paid > #bytes then fail(path, "its entries have more bytes than the file") end
    return entry.name, unpack_entry(bytes, entry, path)
  end
end

return archive
