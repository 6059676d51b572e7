-- NumPy's files of numbers: .npy as a tensor and back, and archives of them, .npz.
--
-- A file is not trusted: its header is matched and never run, sizes are checked against the bytes
-- that are there. Objects are pickled lists, as those of imdb.npz (pickle.lua).

local core = require "lunula.core"
local archive = require "lunula.data.archive"
local files = require "lunula.data.files"
local ops = require "lunula.ops"
local pickle = require "lunula.data.pickle"

local npy = {}

local MAGIC <const> = "\x93NUMPY"

-- NumPy's names of what we have too, little-endian.
local dtypes = {
  ["<f4"] = "float32", ["<f8"] = "float64", ["<f2"] = "float16", ["<i4"] = "int32",
  ["<i8"] = "int64", ["|i1"] = "int8", ["|u1"] = "uint8", ["|b1"] = "bool",
}
local sizes = { float32 = 4, float64 = 8, float16 = 2, int32 = 4, int64 = 8, int8 = 1, uint8 = 1,
  bool = 1 }

local fail = files.fail

local MOST <const> = 2 ^ 31   -- numbers, and of a size of 0 beside others; products stay whole

-- "2, 3" -> {2, 3} and their product; nil where it is none, or more than MOST.
local function shape_of(text)
  local shape, product = {}, 1
  if text:find "[^%d%s,]" then return nil end
  for digits in text:gmatch "%d+" do
    local n = #digits < 16 and math.tointeger(tonumber(digits))
    if not n or n > MOST then return nil end
    shape[#shape + 1] = n
    product = product * n
    if product > MOST then return nil end
  end
  return #shape <= 8 and shape or nil, product
end

-- Numbers of Fortran's order are those of the reversed axes.
local function in_order(bytes, shape, dtype, fortran)
  if not fortran or #shape < 2 then
    return core.frombytes(bytes, { shape = shape, dtype = dtype })
  end
  local reversed, axes = {}, {}
  for i = 1, #shape do reversed[i], axes[i] = shape[#shape + 1 - i], #shape - i end
  return ops.transpose(core.frombytes(bytes, { shape = reversed, dtype = dtype }), axes)
end

-- Where the header lies, and where the numbers begin.
local function header_of(bytes, path)
  if bytes:sub(1, 6) ~= MAGIC or #bytes < 12 then fail(path, "this is no .npy file") end
  local version = bytes:byte(7)
  if version < 1 or version > 3 then fail(path, ".npy of version %d is not known", version) end
  local length, first = string.unpack(version == 1 and "<I2" or "<I4", bytes, 9)
  if first + length - 1 > #bytes then fail(path, "it ends within its header") end
  return bytes:sub(first, first + length - 1), first + length
end

local function numbers(bytes, shape, count, dtype, fortran, path)
  if count * sizes[dtype] ~= #bytes then
    fail(path, "shape (%s) of %s takes %d bytes, %d are there", table.concat(shape, ", "), dtype,
      count * sizes[dtype], #bytes)
  end
  return in_order(bytes, shape, dtype, fortran)
end

-- What an array in a pickle is to us: a tensor of numbers, or the list of objects of one axis, of
-- which arrays are such values again.
function npy.of_array(array, path)
  local dims = {}
  for i, n in ipairs(array.shape or {}) do dims[i] = tostring(n) end
  local shape, count = shape_of(table.concat(dims, ","))
  if not shape then fail(path, "an array of shape (%s)", table.concat(dims, ", ")) end
  local data, kind = array.data, tostring(array.order) .. tostring(array.dtype)
  if type(data) == "string" and dtypes[kind] then
    return numbers(data, shape, count, dtypes[kind], array.fortran, path)
  end
  if type(data) ~= "table" or #shape ~= 1 or count ~= #data then
    fail(path, "an array of type '%s' and shape (%s) is not read", kind, table.concat(dims, ", "))
  end
  local list = {}
  for i, value in ipairs(data) do
    list[i] = type(value) == "table" and value.array and npy.of_array(value, path) or value
  end
  return list
end

-- The value of the text of a .npy file, which errors call `path`: a tensor, or a list of objects.
local function decode(bytes, path)
  local header, first = header_of(bytes, path)
  local descr = header:match "'descr'%s*:%s*'([^']*)'"
  local fortran = header:match "'fortran_order'%s*:%s*(%a+)"
  local dims = header:match "'shape'%s*:%s*%(([^)]*)%)"
  if not (descr and fortran and dims) then fail(path, "its header is not NumPy's") end
  if descr == "|O" then
    local array = pickle(bytes, first, path)
    if type(array) ~= "table" or not array.array then fail(path, "its pickle is no array") end
    return npy.of_array(array, path)
  end
  local dtype = dtypes[descr]
  if not dtype then fail(path, "numbers of type '%s' are not read", descr) end
  local shape, count = shape_of(dims)
  if not shape then
    fail(path, "shape (%s) is more than the %d bytes it has", dims, #bytes - first + 1)
  end
  return numbers(bytes:sub(first), shape, count, dtype, fortran == "True", path)
end

local function decode_archive(bytes, path)
  local tensors = {}
  for name, text in archive.entries(bytes, path) do
    tensors[name:gsub("%.npy$", "")] = decode(text, archive.title(name, path))
  end
  return tensors
end

-- ---- the two functions -------------------------------------------------------------------------

-- load "x.npy" -> a tensor; load "x.npz" -> a table of tensors by name.
function npy.load(path)
  files.check_path("load_npy", path)
  local bytes = files.bytes(path)
  if archive.is(bytes) then return decode_archive(bytes, path) end
  return decode(bytes, path)
end

local function encode(tensor, path)
  local descr
  for name, dtype in pairs(dtypes) do
    if dtype == tensor.dtype then descr = name end
  end
  if not descr then fail(path, "NumPy has no numbers of type %s", tensor.dtype) end
  local dims = {}
  for i = 1, tensor.rank do dims[i] = tostring(tensor.shape[i]) end
  local header = ("{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }"):format(descr,
    table.concat(dims, ", "), #dims == 1 and "," or "")
  header = header .. (" "):rep(-(#header + 11) % 64) .. "\n"
  return MAGIC .. string.pack("<BBs2", 1, 0, header) .. tensor:tobytes()
end

-- save("x.npy", tensor)
function npy.save(path, tensor)
  files.check_path("save_npy", path)
  if core.is_variable(tensor) then tensor = tensor.value end
  if not core.is_tensor(tensor) then tensor = core.tensor(tensor) end
  local bytes = encode(tensor, path)
  local file, problem = io.open(path, "wb")
  if not file then core.raise("%s", problem) end
  local written = file:write(bytes)
  if not file:close() or not written then fail(path, "it could not be written") end
end

return npy
