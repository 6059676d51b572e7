-- k.utils.load_idx: the format of MNIST's own files, numbers behind a small head. Both are
-- big-endian.

local core = require "lunula.core"
local files = require "lunula.data.files"
local ops = require "lunula.ops"

-- By the third byte of a file: our dtype, bytes of a number.
local types = {
  [0x08] = { "uint8", 1 }, [0x09] = { "int8", 1 }, [0x0B] = { "int16", 2 },
  [0x0C] = { "int32", 4 }, [0x0D] = { "float32", 4 }, [0x0E] = { "float64", 8 },
}

local function read_head(bytes, path)
  local zero, kind, rank = string.unpack(">I2BB", #bytes < 4 and "\1\0\0\0" or bytes)
  local dtype = zero == 0 and types[kind]
  if not dtype or rank > 8 or #bytes < 4 + 4 * rank then
    files.fail(path, "this is no IDX file, as those of MNIST are, or it is cut off")
  end
  local shape, count = {}, 1
  for i = 1, rank do
    shape[i] = string.unpack(">I4", bytes, 1 + 4 * i)
    count = count * shape[i]
    if count > 2 ^ 31 then files.fail(path, "its sizes are more than the bytes it has") end
  end
  return dtype[1], dtype[2], shape, count
end

-- The numbers as little-endian bytes.
local function turned(bytes, size)
  if size == 1 or #bytes == 0 then return bytes end
  local pieces = core.frombytes(bytes, { shape = { #bytes // size, size }, dtype = "uint8" })
  return ops.flip(pieces, 1):tobytes()
end

-- There is no int16 here: two bytes become an int32.
local function widened(bytes)
  local pieces = core.frombytes(bytes, { shape = { #bytes // 2, 2 }, dtype = "uint8" })
  local high = core.frombytes(ops.slice(pieces, { 0, 0 }, { -1, 1 }):tobytes(), "int8")
  local low = ops.reshape(ops.slice(pieces, { 0, 1 }, { -1, 1 }), { -1 })
  return ops.cast(high, "int32") * 256 + ops.cast(low, "int32")
end

-- path -> a tensor
return function(path)
  files.check_path("load_idx", path)
  local bytes = files.unpacked(path)
  local dtype, size, shape, count = read_head(bytes, path)
  local first = 5 + 4 * #shape
  local numbers = bytes:sub(first)
  if #numbers ~= count * size then
    files.fail(path, "sizes (%s) of %s take %d bytes, %d are there", table.concat(shape, ", "),
      dtype, count * size, #numbers)
  end
  if dtype == "int16" then return ops.reshape(widened(numbers), shape) end
  return core.frombytes(turned(numbers, size), { shape = shape, dtype = dtype })
end
