-- NumPy's files: those that NumPy wrote (spec/golden/files), ours again, broken ones.

local core = require "lunula.core"
local k = require "lunula"
local files = require "spec.support.files"
local FILES <const> = "spec/golden/files/"

local path
local function write(bytes)
  os.remove(path)   -- a file that is written over goes to the disk at once
  files.write(path, bytes)
end

describe("NumPy's files", function()
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("are read, an archive by names", function()
    local found = k.utils.load_npy(FILES .. "numpy.npz")
    assert.near_all(found.a, { { 0, 1, 2 }, { 3, 4, 5 } })
    assert.same({ { 0, 1, 2 }, { 3, 4, 5 } }, found.f:totable())
    assert.equal("int32", found.f.dtype)
    assert.equal(2.5, found.s:item())
  end)

  it("are read where they are compressed", function()
    local found = k.utils.load_npy(FILES .. "numpy_compressed.npz")
    assert.same({ 40, 9 }, table.move(found.digits.shape, 1, 2, 1, {}))
    assert.equal("uint8", found.digits.dtype)
    assert.same({ 5, 8, 9, 5, 0, 0, 1, 7, 6 }, found.digits[1]:totable())
    assert.equal(124750, k.ops.sum(found.ramp):item())
    assert.near(0.094029255, found.noise[1], 1e-6)
    assert.equal(0, found.none.size)
    assert.near_all(found.fortran, { { 0, 1, 2 }, { 3, 4, 5 } })
  end)

  it("come back as they were written", function()
    for _, dtype in ipairs { "float32", "float64", "float16", "int32", "int64", "int8", "uint8",
      "bool" } do
      for _, shape in ipairs { { 2, 3 }, { 1 }, {}, { 0, 2 } } do
        local x = k.ones(shape, dtype)
        k.utils.save_npy(path, x)
        local y = k.utils.load_npy(path)
        assert.same(x:totable(), y:totable())
        assert.equal(dtype, y.dtype)
        assert.same(shape, table.move(y.shape, 1, #y.shape, 1, {}))
      end
    end
    k.utils.save_npy(path, { 1, 2 })
    assert.equal(0, (files.read(path):find "\n") % 64)
  end)

  it("are refused where they are not numbers, at the line", function()
    assert.same({ { 1 }, { 2, 3 } }, k.utils.load_npy(FILES .. "numpy_object.npy"))
    assert.error_at_line(function() k.utils.load_npy "nothing.npy" end, "No such file")
    assert.error_at_line(function() k.utils.load_npy() end, "load_npy: a path comes first, got nil")
    write "hello"
    assert.error_at_line(function() k.utils.load_npy(path) end, "this is no .npy file")
    write("\x93NUMPY\1\0" .. string.pack("<s2",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999), }") .. "abcd")
    assert.error_at_line(function() k.utils.load_npy(path) end, "is more than the 4 bytes it has")
  end)

  -- What a broken file comes to: an error that names it, or what the file now says.
  local function try_broken(whole, times)
    local state = 7
    local function draw(n)
      state = (state * 1103515245 + 12345) % 2 ^ 31
      return math.tointeger(state // 65536 % n + 1)
    end
    for i = 1, times do
      local at = draw(#whole)
      write(i % 3 == 0 and whole:sub(1, at)
        or whole:sub(1, at - 1) .. string.char(draw(256) - 1) .. whole:sub(at + 1))
      local ok, problem = pcall(k.utils.load_npy, path)
      assert.is_true(ok or problem:find(path, 1, true) ~= nil, problem)
    end
  end

  it("may be broken in any way", function()
    try_broken(files.read(FILES .. "numpy.npz"), 1000)
    try_broken(files.read(FILES .. "numpy_compressed.npz"), 3000)
  end)

  local function archive_of(entries)
    local parts, list, at = {}, {}, 0
    for _, e in ipairs(entries) do
      parts[#parts + 1] = "PK\3\4" .. string.pack("<I2I2I2I2I2I4I4I4I2I2", 20, 0, e.method, 0, 0,
        e.crc, #e.packed, e.size, #e.name, 0) .. e.name .. e.packed
      list[#list + 1] = "PK\1\2" .. string.pack("<I2I2I2I2I2I2I4I4I4I2I2I2I2I2I4I4", 20, 20,
        e.flags or 0, e.method, 0, 0, e.crc, e.says or #e.packed, e.size, #e.name, 0, 0, 0, 0, 0,
        e.at or at) .. e.name
      at = at + #parts[#parts]
    end
    local all, index = table.concat(parts), table.concat(list)
    return all .. index .. "PK\5\6" .. string.pack("<I2I2I2I2I4I4I2", 0, 0, #entries, #entries,
      #index, #all, 0)
  end

  local function fails(entries, message)
    write(archive_of(entries))
    assert.error_at_line(function() k.utils.load_npy(path) end, message)
  end

  it("are not believed", function()
    local zeros = "\3\0"   -- an empty block of fixed codes
    fails({ { name = "a.npy", method = 8, packed = zeros, size = 4000000000, crc = 0 } },
      "a.npy\" in \"" .. path .. "\": no 2 bytes become 4000000000")
    fails({ { name = "a.npy", method = 8, packed = zeros, size = 5, crc = 0 } },
      "0 bytes are packed, and not 5")
    fails({ { name = "a.npy", method = 0, packed = "abc", size = 3, crc = 0 } },
      "its bytes do not have its checksum")
    fails({ { name = "a.npy", method = 12, packed = "abc", size = 3, crc = 0 } },
      "it is compressed by method 12")
    fails({ { name = "a.npy", method = 0, packed = "abc", size = 3, crc = 0, flags = 1 } },
      "is encrypted")
    fails({ { name = "a.npy", method = 8, packed = "abc", size = 0xffffffff, crc = 0 } },
      "is of 4 GB or more")
    -- many entries of the same bytes
    k.utils.save_npy(path, k.zeros { 500 })
    local text = files.read(path)
    local same = {}
    for i = 1, 3 do
      same[i] = { name = "x" .. i .. ".npy", method = 0, packed = i == 1 and text or "",
        says = #text, size = #text, crc = core.checksum(text), at = 0 }
    end
    fails(same, "its entries have more bytes than the file")
  end)
end)
