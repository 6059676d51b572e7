-- Archives in the format of zip, written with stored entries, as Keras writes them.

local files = require "lunula.hdf5.core"
local writing = require "lunula.hdf5.writing"

local Zip = {}
Zip.__index = Zip

local zip = {}

local checked = writing.checked

-- Writes an archive to the path.
function zip.create(path)
  return setmetatable({ file = checked(io.open(path, "wb")), at = 0, list = {} }, Zip)
end

local function write(self, text)
  checked(self.file:write(text))
  self.at = self.at + #text
end

local large <const> = 0xFFFFFFFF

-- A number in four bytes, or what says that it stands elsewhere.
local function short(number) return math.min(number, large) end

-- The field for numbers of more than four bytes.
local function field(...)
  local numbers = ""
  for _, number in ipairs { ... } do
    if number >= large then numbers = numbers .. ("<I8"):pack(number) end
  end
  return numbers == "" and "" or ("<I2s2"):pack(1, numbers)
end

-- 1980, the first day: times would make equal models unequal files.
local date <const> = 1 << 5 | 1

-- The head of an entry whose bytes follow; and its line in the list at the end.
local function begin(self, name, size, crc)
  local version = size >= large and 45 or 20
  local extra, at = field(size, size), self.at
  local common = ("<I2I2I2I2I2I4I4I4"):pack(version, 0, 0, 0, date, crc, short(size), short(size))
  write(self, "PK\3\4" .. common .. ("<I2I2"):pack(#name, #extra) .. name .. extra)
  local whole = field(size, size, at)
  self.list[#self.list + 1] = "PK\1\2" .. ("<I2"):pack(45) .. common
    .. ("<I2I2I2I2I2I4I4"):pack(#name, #whole, 0, 0, 0, 0x1A40000, short(at)) .. name .. whole
end

function Zip:add(name, text)
  begin(self, name, #text, files.crc32(text))
  write(self, text)
end

local block <const> = 1 << 20

local function each_block(file, visit)
  checked(file:seek "set")
  for text in function () return file:read(block) end do visit(text) end
end

-- The bytes of a file; it is read twice, for the checksum stands in front.
function Zip:add_file(name, path)
  local file <close> = checked(io.open(path, "rb"))
  local size, crc = checked(file:seek "end"), 0
  each_block(file, function (text) crc = files.crc32(text, crc) end)
  begin(self, name, size, crc)
  each_block(file, function (text) write(self, text) end)
end

function Zip:finish()
  local list, count, at = table.concat(self.list), #self.list, self.at
  write(self, list)
  if at >= large then
    local there = self.at
    write(self, "PK\6\6" .. ("<I8I2I2I4I4I8I8I8I8"):pack(44, 45, 45, 0, 0, count, count, #list, at))
    write(self, "PK\6\7" .. ("<I4I8I4"):pack(0, there, 1))
  end
  write(self, "PK\5\6" .. ("<I2I2I2I2I4I4I2"):pack(0, 0, count, count, #list, short(at), 0))
  checked(self.file:close())
end

return zip
