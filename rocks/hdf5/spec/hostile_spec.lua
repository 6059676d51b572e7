-- HDF5 files that were made to do harm, put together by hand: what a file says twice, or of itself
-- what cannot be, is refused before it costs memory or time.

local files = require "lunula.hdf5.core"
local hdf5 = require "lunula.hdf5"
local k = require "lunula"
local node = require "lunula.hdf5.node"
local recorded = require "rocks.hdf5.spec.support.recorded"
local warn = require "lunula.utils.warn"

-- ---- files by hand -----------------------------------------------------------------------------

local head_size <const> = 48    -- the root is behind it

local SPACE <const>, TYPE <const>, LAYOUT <const>, FILTERS <const> = 1, 3, 8, 11
local ATTRIBUTE <const>, CONTINUATION <const>, SYMBOLS <const> = 12, 16, 17

local function messages_of(list)
  local parts = {}
  for i, message in ipairs(list) do
    local body = message[2] .. ("\0"):rep(-#message[2] % 8)
    parts[i] = ("<I2I2I4"):pack(message[1], #body, 0) .. body
  end
  return table.concat(parts)
end

-- Where stands what follows a root with these messages.
local function behind(list) return head_size + 16 + #messages_of(list) end

-- The bytes of a file whose root has these messages; `more` lies behind it.
local function file_of(list, more)
  local messages = messages_of(list)
  local body = ("<I1I1I2I4I4I4"):pack(1, 0, 60000, 1, #messages, 0) .. messages .. (more or "")
  return files.bytes("\x89HDF\r\n\x1A\n" .. ("<I1I1I1I1I8i8I8I8I4"):pack(2, 8, 8, 0, 0, -1,
    head_size + #body, head_size, 0) .. body)
end

local function read(list, more)
  local bytes = file_of(list, more)
  local data, problem = files.data(bytes, files.root(bytes))
  return data and data:string(), not data and problem or nil
end

local function object(list, more)
  local bytes = file_of(list, more)
  return files.object(bytes, files.root(bytes))
end

local float32 = ("<I1I3I4I2I2I1I1I1I1I4"):pack(0x11, 0, 4, 0, 32, 23, 8, 0, 23, 127)

local function sizes_of(format, list)
  return format:rep(#list):pack(table.unpack(list))
end

local function space(sizes)
  return { SPACE, ("<I1I1I1I1I4"):pack(1, #sizes, 0, 0, 0) .. sizes_of("<I8", sizes) }
end

local function chunked(sizes, chunks, address)
  return { space(sizes), { TYPE, float32 }, { LAYOUT, ("<I1I1I1I8"):pack(3, 2, #sizes + 1, address)
    .. sizes_of("<I4", chunks) .. ("<I4"):pack(4) } }
end

-- ---- chunks ------------------------------------------------------------------------------------

local data = ("<ffff"):pack(1, 2, 3, 4)

describe("a dataset in chunks", function ()
  -- A node whose two chunks, of two numbers each, start at these places.
  local function read_at(first, second)
    local at = behind(chunked({ 4 }, { 2 }, 0))
    local node_size <const> = 24 + 2 * 32
    local function entry(start, number)
      return ("<I4I4I8I8I8"):pack(8, 0, start, 0, at + node_size + 8 * number)
    end
    return read(chunked({ 4 }, { 2 }, at), "TREE" .. ("<I1I1I2i8i8"):pack(1, 0, 2, -1, -1)
      .. entry(first, 0) .. entry(second, 1) .. data)
  end

  it("has each of them once", function ()
    assert.equal(data, read_at(0, 2))
    for _, places in ipairs { { 0, 0 }, { 2, 0 }, { 0, 4 }, { 1, 2 } } do
      assert.same({ nil, "a chunk of a dataset is damaged" },
        { read_at(places[1], places[2]) })
    end
  end)

  -- The newer style for one chunk, with zlib that the mask may leave out.
  local function one_chunk(size, mask)
    local function list(at)
      return { space { 4 }, { TYPE, float32 },
        { LAYOUT, ("<I1I1I1I1I1I4I4I1I8I4I8"):pack(4, 2, 2, 2, 4, size, 4, 1, 4 * size, mask, at) },
        { FILTERS, ("<I1I1I2I2I2I4"):pack(2, 1, 1, 0, 1, 6) } }
    end
    return read(list(behind(list(0))), data)
  end

  it("may be one that a filter left as it was", function ()
    assert.equal(data, one_chunk(4, 1))
    assert.same({ nil, "a chunk of a dataset is damaged" }, { one_chunk(4, 0) })
  end)

  it("has the checksum that it says", function ()
    local function checked(sum)
      local function list(at)
        return { space { 4 }, { TYPE, float32 },
          { LAYOUT, ("<I1I1I1I1I1I4I4I1I8I4I8"):pack(4, 2, 2, 2, 4, 4, 4, 1, 20, 0, at) },
          { FILTERS, ("<I1I1I2I2I2"):pack(2, 1, 3, 0, 0) } }
      end
      return read(list(behind(list(0))), data .. ("<I4"):pack(sum))
    end
    assert.equal(data, checked(0xc3fd4100))
    assert.same({ nil, "a chunk of a dataset is damaged" }, { checked(0xc3fd4100 ~ 1) })
  end)

  it("is not one of a part of the data", function ()
    assert.same({ nil, "a chunk of a dataset is missing" }, { one_chunk(2, 1) })
  end)
end)

-- ---- shapes ------------------------------------------------------------------------------------

describe("a dataset without numbers", function ()
  it("takes no memory for its chunks", function ()
    assert.equal("", read(chunked({ 0, 5 }, { 1 << 30, 1 << 30 }, 0)))
  end)

  it("has no sizes below zero", function ()
    assert.same({ nil, "a shape is damaged" },
      { object { space { 0, math.mininteger }, { TYPE, float32 } } })
  end)
end)

describe("a boolean", function ()
  local function tensor(byte)
    local function list(at)
      return { space { 1 }, { TYPE, ("<I1I3I4"):pack(0x18, 0, 1) },
        { LAYOUT, ("<I1I1I8I8"):pack(3, 1, at, 1) } }
    end
    return node.root(file_of(list(behind(list(0))), byte), "a.h5"):tensor()
  end

  it("is 0 or 1", function ()
    assert.is_true(tensor "\1":item())
    assert.error_at_line(function () tensor "\7" end, "a.h5: a boolean that is neither 0 nor 1")
  end)
end)

describe("a pipe", function ()
  it("is no file, and nobody waits for it", function ()
    local path = recorded.temporary ".h5"
    assert(os.execute(("mkfifo '%s'"):format(path)))
    -- whoever waits all the same is let go
    os.execute(("(sleep 5; test -p '%s' && : <> '%s') >/dev/null 2>&1 &"):format(path, path))
    local start = os.time()
    assert.same({ nil, "this is no file" }, { files.open(path) })
    assert.is_true(os.time() - start < 4)
  end)
end)

-- ---- what is told twice ------------------------------------------------------------------------

describe("an object", function ()
  it("has one table of links", function ()
    local function list(count, at)
      local all = {}
      for i = 1, count do all[i] = { SYMBOLS, ("<I8I8"):pack(at, at + 24) } end
      return all
    end
    local function told(count)
      local at = behind(list(count, 0))
      return object(list(count, at), "TREE" .. ("<I1I1I2i8i8"):pack(0, 0, 0, -1, -1) .. "HEAP"
        .. ("<I4I8I8I8"):pack(0, 0, 0, at))
    end
    assert.is_true(told(1).is_group)
    assert.same({ nil, "an object has two tables of links" }, { told(2) })
  end)

  it("has no parts that lie on one another", function ()
    local large = messages_of { { 0, ("\0"):rep(40000) } }
    local function list(count, at)
      local all = {}
      for i = 1, count do all[i] = { CONTINUATION, ("<I8I8"):pack(at, #large) } end
      return all
    end
    local function told(count) return object(list(count, behind(list(count, 0))), large) end
    assert.truthy(told(1))
    assert.same({ nil, "the header of an object has too many parts" }, { told(2) })
  end)

  it("tells no more than the file has", function ()
    local text = ("x"):rep(60000)
    local function list(count, at)
      local all, kind = {}, ("<I1I3I4"):pack(0x19, 1, 16) .. ("\0"):rep(8)
      for i = 1, count do
        all[i] = { ATTRIBUTE, ("<I1I1I2I2I2"):pack(2, 0, 4, #kind, 8) .. ("%03d\0"):format(i)
          .. kind .. ("<I8"):pack(1) .. ("<I4I8I4"):pack(#text, at, 1) }
      end
      return all
    end
    local function told(count)
      return object(list(count, behind(list(count, 0))), "GCOL" .. ("<I4I8"):pack(1, 32 + #text)
        .. ("<I2I2I4I8"):pack(1, 1, 0, #text) .. text)
    end
    assert.same({ ["001"] = text, ["002"] = text }, told(2).attributes)
    local attributes, count = told(200).attributes, 0
    for _ in pairs(attributes) do count = count + 1 end
    assert.is_true(count < 40, count .. " texts of 60000 bytes")
  end)
end)

-- Groups whose headers go on in the same part: each is read at the price of the whole.
describe("objects that lie on one another", function ()
  local parts <const>, groups <const> = 600, 1000
  local part = messages_of { { 0, ("\0"):rep(40000) } }
  local shared = part:rep(parts)

  local function link(i, address)
    local name = ("g%04d"):format(i)
    return { 6, ("<I1I1I1"):pack(1, 0, #name) .. name .. ("<I8"):pack(address) }
  end
  local function list(at, header_size)
    local all = {}
    for i = 1, groups do all[i] = link(i, at + (i - 1) * header_size) end
    return all
  end
  local function header(at)
    local continuation = messages_of { { CONTINUATION, ("<I8I8"):pack(at, #shared) } }
    return ("<I1I1I2I4I4I4"):pack(1, 0, 60000, 1, #continuation, 0) .. continuation
  end

  it("are refused before they cost much time", function ()
    local size = #header(0)
    local at = behind(list(0, size))
    local header_of = header(at + groups * size)
    local root = node.root(file_of(list(at, size), header_of:rep(groups) .. shared), "a.h5")
    local count = 0
    assert.error_at_line(function ()
      for i = 1, groups do
        root:get(("g%04d"):format(i))
        count = i
      end
    end, "too many objects of the file lie on the same bytes")
    assert.is_true(count < 20, count .. " groups")
  end)
end)

describe("a name that stands there many times", function ()
  local path = recorded.temporary ".h5"
  setup(function ()
    local writer <close> = assert(files.create(path))
    assert(writer:text("/", "layer_names", { "d", "d", "d" }))
    assert(writer:group "d")
    assert(writer:text("d", "weight_names", { "kernel" }))
    assert(writer:dataset("d/kernel", "float32", { 1 }, "abcd"))
    assert(writer:close())
  end)

  it("costs one object", function ()
    local root = node.root(assert(files.open(path)), path)
    assert.equal(root:get "d".object, root:get "d".object)
    assert.equal("d/kernel", root:get "d/kernel".name)
  end)

  it("of one dataset is not read as often as it is said", function ()
    local many, names = recorded.temporary ".h5", {}
    for i = 1, 100 do names[i] = "kernel" end
    local writer <close> = assert(files.create(many))
    assert(writer:text("/", "layer_names", { "d" }))
    assert(writer:group "d")
    assert(writer:text("d", "weight_names", names))
    assert(writer:dataset("d/kernel", "float32", { 3, 2 }, ("abcd"):rep(6)))
    assert(writer:close())
    local model = k.Sequential { k.Input { shape = { 3 } }, k.layers.Dense { 2, name = "d" } }
    assert.error_at_line(function () hdf5.load_weights(model, many, {}) end,
      many .. ": d: the weights have 8 elements here and 600 in the file")
  end)

  it("is loaded once", function ()
    local model = k.Sequential { k.Input { shape = { 3 } }, k.layers.Dense { 2, name = "d" } }
    local sink, said = warn.sink, nil
    warn.sink = function (text) said = text end
    hdf5.load_weights(model, path, { by_name = true, skip_mismatch = true })
    warn.sink = sink
    local _, count = said:gsub('layer "d" %(Dense%) has 2 weights here and 1 in the file', "")
    assert.equal(1, count)
  end)
end)

describe("a new file", function ()
  it("has the rights that the system gives it", function ()
    local path = recorded.temporary ".h5"
    local temporary = assert(files.temporary(path))
    local list = io.popen(("umask; stat -c %%a '%s'"):format(temporary))
    local mask, rights = list:read("l", "l")
    list:close()
    assert.equal(tonumber("666", 8) & ~tonumber(mask, 8), tonumber(rights, 8))
    local other = assert(files.temporary(path))
    assert.not_equal(temporary, other)
    os.remove(temporary)
    os.remove(other)
  end)

  -- The mask belongs to the process: whoever changes it, were it for a moment, changes it for the
  -- files of other threads.
  it("is made without a change of the mask", function ()
    local place = assert(package.searchpath("lunula.hdf5.core", package.cpath))
    local names = io.popen(("nm -D '%s' | grep -c umask"):format(place))
    assert.equal("0", names:read "l")
    names:close()
  end)
end)
