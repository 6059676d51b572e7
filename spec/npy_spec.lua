-- NumPy's files: those that NumPy wrote (spec/golden/files), ours again, broken ones.

local k = require "lunula"
local FILES <const> = "spec/golden/files/"

local path
local function write(bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

local function bytes_of(name)
  local file = assert(io.open(name, "rb"))
  local bytes = file:read "a"
  file:close()
  return bytes
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
    assert.equal(0, (bytes_of(path):find "\n") % 64)
  end)

  it("are refused where they are not numbers, at the line", function()
    assert.error_at_line(function() k.utils.load_npy(FILES .. "numpy_compressed.npz") end,
      "is compressed, which is not read; write it anew with numpy.savez")
    assert.error_at_line(function() k.utils.load_npy(FILES .. "numpy_object.npy") end,
      "numbers of type '|O' are not read")
    assert.error_at_line(function() k.utils.load_npy "nothing.npy" end, "No such file")
    write "hello"
    assert.error_at_line(function() k.utils.load_npy(path) end, "this is no .npy file")
    write("\x93NUMPY\1\0" .. string.pack("<s2",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999), }") .. "abcd")
    assert.error_at_line(function() k.utils.load_npy(path) end, "is more than the 4 bytes it has")
  end)

  it("may be broken in any way", function()
    local whole, state = bytes_of(FILES .. "numpy.npz"), 7
    local function draw(n)
      state = (state * 1103515245 + 12345) % 2 ^ 31
      return math.tointeger(state // 65536 % n + 1)
    end
    for i = 1, 1000 do
      local at = draw(#whole)
      write(i % 3 == 0 and whole:sub(1, at)
        or whole:sub(1, at - 1) .. string.char(draw(256) - 1) .. whole:sub(at + 1))
      local ok, problem = pcall(k.utils.load_npy, path)
      assert.is_true(ok or problem:find(path, 1, true) ~= nil, problem)
    end
  end)
end)
