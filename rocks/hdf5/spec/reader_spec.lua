-- HDF5 files and archives as such: every type, layout and attribute that is read, and what is said
-- of the others. golden/kinds.py wrote the files, by h5py.

local core = require "lunula.core"
local files = require "lunula.hdf5.core"
local node = require "lunula.hdf5.node"
local recorded = require "rocks.hdf5.spec.support.recorded"
local zip = require "lunula.hdf5.zip"

local function open(name) return node.root(files.bytes(recorded.packed(name)), name) end

local function counted(shape, first)
  local size = 1
  for _, n in ipairs(shape) do size = size * n end
  local list = {}
  for i = 1, size do list[i] = (first or 0) + i - 1 end
  return core.ops.reshape(core.tensor(list), shape):totable()
end

local function check(dataset, dtype, shape)
  local tensor = dataset:tensor()
  assert.equal(dtype, tensor.dtype)
  assert.near_all(core.ops.cast(tensor, "float32"), counted(shape))
end

describe("bytes", function ()
  it("go into a tensor as a string of them would", function ()
    local bytes = files.bytes(("<i4i4i4"):pack(1, -2, 3))
    assert.same({ 1, -2, 3 }, core.frombytes(bytes, "int32"):totable())
    assert.same({ { 1 }, { -2 }, { 3 } },
      core.frombytes(bytes, { shape = { 3, 1 }, dtype = "int32" }):totable())
    assert.equal(0, core.frombytes(files.bytes "", "int32").size)
    assert.error_at_line(function () core.frombytes(bytes, { shape = { 4 }, dtype = "int32" }) end,
      "frombytes: 12 bytes, int32 (4,) takes 16")
    assert.error_at_line(function () core.frombytes(io.stdout, "int32") end, "frombytes: the bytes")
  end)

  it("cannot be closed while others have a part of them", function ()
    assert.equal("lunula.bytes", getmetatable(files.bytes "a"))
  end)
end)

describe("a dataset", function ()
  local root = open "kinds.h5"

  for _, dtype in ipairs { "float16", "float32", "float64", "int8", "uint8", "int32", "int64" } do
    it("of " .. dtype, function () check(root:get("types/" .. dtype), dtype, { 2, 3 }) end)
  end

  it("of other types", function ()
    check(root:get "types/big", "float32", { 2, 3 })
    check(root:get "types/bfloat16", "bfloat16", { 5 })
    assert.same({ false, true, false, true }, root:get "types/bool":tensor():totable())
    assert.equal(7, root:get "types/scalar":tensor():item())
    assert.same({ 0, 3 }, root:get "types/empty":shape())
    assert.equal(0, root:get "types/empty":tensor().size)
  end)

  it("of a type that is not read", function ()
    assert.error_at_line(function () root:get "types/complex" end,
      "kinds.h5: types/complex: elements of a type that Keras does not write")
  end)

  for _, name in ipairs { "plain", "gzip", "shuffle", "checked" } do
    it("in chunks, " .. name, function ()
      check(root:get("chunks/" .. name), "float32", { 7, 5, 3 })
    end)
  end

  it("in many chunks", function () check(root:get "chunks/many", "int32", { 700 }) end)

  it("in chunks of another filter", function ()
    assert.error_at_line(function () root:get "chunks/lzf" end,
      "kinds.h5: chunks/lzf: a dataset is packed by filter 32000, which is not read")
  end)
end)

describe("an attribute", function ()
  local texts = open "kinds.h5":get "texts"

  it("that is a text", function ()
    assert.equal("a text, é", texts:text "text")
    assert.equal("bytes", texts:text "bytes")
    assert.equal("fixed", texts:text "fixed")
    assert.is_nil(texts:text "no such")
  end)

  it("that is a list of texts", function ()
    assert.same({ "one", "two", "" }, texts:texts "texts")
    assert.same({ "one", "three" }, texts:texts "list")
    assert.same({}, texts:texts "none")
    assert.same({ "00", "01", "02", "03", "10", "11", "12", "13", "20", "21", "22", "23" },
      texts:texts "split")
  end)

  it("that is something else", function ()
    assert.error_at_line(function () texts:text "number" end,
      'kinds.h5: texts: the attribute "number" cannot be read: it is no text')
    assert.error_at_line(function () texts:text "list" end,
      'kinds.h5: texts: the attribute "list" is not a text')
  end)
end)

describe("a file in the newer style", function ()
  for _, name in ipairs { "newest.h5", "ordered.h5" } do
    it("that is simple: " .. name, function ()
      local root = open(name)
      check(root:get "one/two", "float32", { 2, 3 })
      check(root:get "one/chunk", "float32", { 4, 3 })
      assert.equal("a text", root:get "one":text "text")
    end)
  end

  it("that is not", function ()
    assert.error_at_line(function () open "newest_crowded.h5":get "g" end,
      "newest_crowded.h5: g: a group's links are stored in the newest style of HDF5, which is not "
      .. "read; h5repack writes the file anew")
  end)
end)

describe("a file that we write", function ()
  it("has what was put into it", function ()
    local path = recorded.temporary ".h5"
    local writer <close> = assert(files.create(path))
    local dtypes = {
      "float16", "float32", "float64", "bfloat16", "int8", "uint8", "int32", "int64",
    }
    for _, dtype in ipairs(dtypes) do
      local tensor = core.tensor({ { 0, 1, 2 }, { 3, 4, 5 } }, { dtype = dtype })
      assert(writer:dataset("a/b/" .. dtype, dtype, { 2, 3 }, tensor:tobytes()))
    end
    assert(writer:text("a/b/bfloat16", "dtype", "bfloat16"))
    assert(writer:dataset("flags", "bool", { 2 }, "\1\0"))
    assert(writer:text("a", "texts", { "x", "", "é" }))
    assert(writer:close())
    local root = node.root(assert(files.open(path)), path)
    for _, dtype in ipairs(dtypes) do check(root:get("a/b/" .. dtype), dtype, { 2, 3 }) end
    assert.same({ true, false }, root:get "flags":tensor():totable())
    assert.same({ "x", "", "é" }, root:get "a":texts "texts")
  end)

  it("says what cannot be written", function ()
    local writer <close> = assert(files.create(recorded.temporary ".h5"))
    assert.same({ nil, 'cannot write the dataset "x": float32 of 4 bytes' },
      { writer:dataset("x", "float32", { 2 }, "abcd") })
    assert.has_error(function () writer:text("/", "numbers", { "1", 2 }) end)
    assert(writer:group "x")
    local _, problem = writer:group "x"
    assert.matches('^cannot make the group "x": ', problem)
    assert(writer:close())
    assert.has_error(function () writer:group "y" end)
  end)
end)

describe("an archive", function ()
  it("has the entries that were put into it", function ()
    local path, beside = recorded.temporary ".zip", recorded.temporary ".txt"
    recorded.write(beside, ("file"):rep(1000))
    local z = zip.create(path)
    z:add("a.txt", "text")
    z:add_file("folder/b.txt", beside)
    z:add("empty", "")
    z:finish()
    local bytes = assert(files.open(path))
    local entries = assert(files.zip(bytes))
    local function text(name) return assert(files.unzip(bytes, entries[name], 1 << 20)):string() end
    assert.equal("text", text "a.txt")
    assert.equal(("file"):rep(1000), text "folder/b.txt")
    assert.equal("", text "empty")
    local pipe = io.popen("python3 -m zipfile -t '" .. path .. "' 2>&1")
    local said = pipe and pipe:read "a" or ""
    assert.is_nil(said:match "bad")
    if pipe then pipe:close() end
  end)

  it("may have numbers of eight bytes", function ()
    local function record(size, at)
      return "PK\1\2" .. ("<I2I2I2I2I2I2I4I4I4"):pack(45, 45, 0, 0, 0, 0, files.crc32 "abc",
        0xFFFFFFFF, 0xFFFFFFFF) .. ("<I2I2I2I2I2I4I4"):pack(1, 28, 0, 0, 0, 0, 0xFFFFFFFF) .. "x"
        .. ("<I2I2I8I8I8"):pack(1, 24, size, size, at)
    end
    local entry = "PK\3\4" .. ("<I2I2I2I2I2I4I4I4I2I2"):pack(45, 0, 0, 0, 0, 0, 0, 0, 1, 0)
      .. "xabc"
    local list = record(3, 0)
    local ends = "PK\6\6" .. ("<I8I2I2I4I4I8I8I8I8"):pack(44, 45, 45, 0, 0, 1, 1, #list, #entry)
      .. "PK\6\7" .. ("<I4I8I4"):pack(0, #entry + #list, 1)
      .. "PK\5\6" .. ("<I2I2I2I2I4I4I2"):pack(0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    local bytes = files.bytes(entry .. list .. ends)
    local entries = assert(files.zip(bytes))
    assert.equal("abc", files.unzip(bytes, entries.x, 10):string())
    assert.same({ nil, "it would take 3 bytes unpacked, more than 2" },
      { files.unzip(bytes, entries.x, 2) })
  end)
end)
