-- Files of tensors: what is written is read again, by us and by others; what is broken is refused;
-- whatever goes wrong while one is written, the old one is whole.

local core = require "lunula.core"
local ask = require "spec.support.ask"
local files = require "spec.support.files"
local lua = require "spec.support.lua"

local folder

local function path_of(name) return folder .. "/" .. name end

local function names_in(place)
  local pipe, names = io.popen("ls -A " .. place), {}
  for line in pipe:lines() do names[#names + 1] = line end
  pipe:close()
  return names
end

setup(function ()
  folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. folder))
end)

teardown(function () os.execute("rm -rf " .. folder) end)

local dtypes = { F32 = "float32", I32 = "int32", BOOL = "bool", F16 = "float16", BF16 = "bfloat16",
                 F64 = "float64", I8 = "int8", U8 = "uint8", I64 = "int64" }
local sizes = { none = {}, one = { 3 }, two = { 2, 3 }, four = { 2, 1, 3, 2 }, empty = { 0 },
                empty_rows = { 2, 0, 3 } }

-- The numbers that spec/golden/recorder/files.py puts into a tensor.
local function numbers(dtype, n)
  local list = {}
  for i = 0, n - 1 do
    if dtype == "bool" then
      list[i + 1] = i % 2 == 1
    else
      list[i + 1] = dtype:find "float" and i / 2 - 1 or dtype == "uint8" and i or i - 1
    end
  end
  return list
end

local function example(dtype, shape)
  local n = 1
  for _, size in ipairs(shape) do n = n * size end
  return core.tensor(numbers(dtype, n), { shape = shape, dtype = dtype })
end

local strange = "größe/カーネル \"1\"\n\u{1}😀"

describe("a file of tensors", function ()
  it("that Python wrote is read", function ()
    local file = core.file_read "spec/golden/files/python.safetensors"
    local count = 0
    for stored, dtype in pairs(dtypes) do
      for label, shape in pairs(sizes) do
        local name = stored .. "/" .. label
        local given, t = { file:type(name) }, file:tensor(name)
        assert.same(shape, { table.unpack(given[1]) })
        assert.equal(dtype, given[2])
        assert.equal(dtype, t.dtype)
        assert.same(shape, { table.unpack(t.shape) })
        assert.equal(example(dtype, shape):tobytes(), t:tobytes(), name)
        count = count + 1
      end
    end
    assert.equal(7, file:tensor(strange)[1])
    assert.equal(count + 1, #file.names)
    assert.same({ format = "pt", ["größe"] = "カーネル \"1\"\n\u{1}😀", [""] = "" }, file.metadata)
    assert.equal("spec/golden/files/python.safetensors", file.path)
  end)

  it("may have tensors that lunula lacks", function ()
    local path = "spec/golden/files/python_lacking.safetensors"
    local file = core.file_read(path)
    assert.same({ 1, 1 }, file:tensor "there":totable())
    for _, stored in ipairs { "I16", "U16", "U32", "U64", "F8_E4M3", "F8_E5M2" } do
      local shape, dtype = file:type(stored)
      assert.same({ 2 }, { table.unpack(shape) })
      assert.equal(stored, dtype)
      assert.error_at_line(function () file:tensor(stored) end,
        ('%s: tensor "%s": lunula has no element type %s'):format(path, stored, stored))
    end
  end)

  it("is written and read again", function ()
    local path, list = path_of "all.safetensors", {}
    for _, dtype in pairs(dtypes) do
      for label, shape in pairs(sizes) do
        list[#list + 1] = { dtype .. "/" .. label, example(dtype, shape) }
      end
    end
    list[#list + 1] = { strange, core.tensor { 7 } }
    list[#list + 1] = { "", core.variable { value = core.tensor { 8 }, name = "v" } }
    local texts = { config = '{"a": "\\"\0\n"}', ["größe"] = ("ä"):rep(100000), empty = "" }
    core.file_write(path, list, texts)
    local file = core.file_read(path)
    assert.same(texts, file.metadata)
    local names = file.names
    assert.equal(#list, #names)
    for i, item in ipairs(list) do
      assert.equal(item[1], names[i])
      local t, wanted = file:tensor(item[1]), item[2].value or item[2]
      assert.equal(wanted.dtype, t.dtype)
      assert.same({ table.unpack(wanted.shape) }, { table.unpack(t.shape) })
      assert.equal(wanted:tobytes(), t:tobytes(), item[1])
    end
    local length = string.unpack("<I8", files.read(path))
    assert.equal(0, (length + 8) % 64)
    core.file_write(path, {}, {})
    assert.same({}, core.file_read(path).names)
  end)

  it("stores floats as others", function ()
    local path = path_of "half.safetensors"
    local list = { { "w", core.tensor { 1.5, -2, 65504 } }, { "n", core.tensor({ 3 }, "int32") },
                   { "d", core.tensor({ 0.1 }, "float64") } }
    for _, dtype in ipairs { "float16", "bfloat16", "float64" } do
      core.file_write(path, list, nil, { dtype = dtype })
      local file = core.file_read(path)
      for _, item in ipairs(list) do
        local wanted = item[1] == "n" and item[2] or core.tensor(item[2], dtype)
        assert.equal(wanted.dtype, file:tensor(item[1]).dtype)
        assert.equal(wanted:tobytes(), file:tensor(item[1]):tobytes())
      end
    end
    local before = files.read(path)
    list[1][2] = core.tensor { 1, 70000 }
    assert.error_at_line(function ()
      core.file_write(path, list, nil, { dtype = "float16" })
    end, path .. ': tensor "w": float16 cannot hold 70000, bfloat16 can')
    assert.equal(before, files.read(path))
    list[1][2] = core.tensor { 1, 1 / 0 }
    core.file_write(path, list, nil, { dtype = "float16" })
    assert.same({ 1, 1 / 0 }, core.file_read(path):tensor "w":totable())
  end)

  it("lends its memory until somebody writes there", function ()
    local path = path_of "lent.safetensors"
    local n = 100000
    core.file_write(path, { { "w", core.ops.full({ n }, 3) } })
    local file = core.file_read(path)
    local t, u = file:tensor "w", file:tensor "w"
    local v = core.variable { value = file:tensor "w", name = "v" }
    t:set(1, 5)
    t[2] = 6
    v:assign(v.value * 2)
    assert.equal(5, t:get(1))
    assert.equal(6, t:get(2))
    assert.equal(3, u:get(1))
    assert.equal(6, v.value:get(1))
    file:close()
    assert.error_at_line(function () file:tensor "w" end, "this file was closed")
    assert.equal(3, u:get(n))
    u:release()
    assert.equal(3, core.file_read(path):tensor "w":get(n))
  end)

  it("may be bytes from elsewhere", function ()
    local bytes = files.read "spec/golden/files/python.safetensors"
    local file = core.file_bytes(bytes)
    assert.same({ -1, -0.5, 0 }, file:tensor "F32/one":totable())
    assert.equal("bytes", file.path)
    assert.error_at_line(function () core.file_bytes(bytes:sub(1, -2)) end, "bytes: ")
    assert.error_at_line(function () core.file_bytes(1) end, "file_bytes: the bytes must be")
  end)

  it("can be replaced by what was read from it", function ()
    local path = path_of "again.safetensors"
    core.file_write(path, { { "w", core.ops.full({ 50000 }, 3) } })
    local w = core.file_read(path):tensor "w"
    core.file_write(path, { { "w", w }, { "v", w } })
    assert.equal(3, w:get(50000))
    assert.equal(w:tobytes(), core.file_read(path):tensor "v":tobytes())
  end)
end)

-- ---- what is refused ---------------------------------------------------------------------------

local function header_of(text, data)
  return string.pack("<s8", text) .. (data or "")
end

describe("a broken file", function ()
  local path
  before_each(function () path = path_of "broken.safetensors" end)

  local function refused(bytes, what)
    files.write(path, bytes)
    assert.error_at_line(function () core.file_read(path) end, path .. ": " .. what)
  end

  local function entry(dtype, shape, offsets)
    return ('{"dtype": "%s", "shape": %s, "data_offsets": %s}'):format(dtype, shape, offsets)
  end

  it("is refused for its length", function ()
    refused("", "0 bytes are no safetensors file")
    refused("1234567", "7 bytes are no safetensors file")
    refused(string.pack("<I8", 3) .. "{}",
      "no safetensors file: its header has 3 bytes, the file 10")
    refused(string.pack("<i8", -1) .. "{}",
      "no safetensors file: its header has 18446744073709551615")
    refused(string.pack("<I8", 0), "no safetensors file: its header has 0 bytes, the file 8")
    refused("PK\3\4 something else", "no safetensors file")
  end)

  it("is refused for its JSON", function ()
    refused(header_of "[]", "the header is no JSON object")
    refused(header_of " {}", "the header is no JSON object")
    refused(header_of "{} x", "there is more after the value at line 1, column 4")
    refused(header_of '{"a": 1}', 'tensor "a": no object says what it is')
    refused(header_of '{"\xff": 1}', "the header is not UTF-8 at byte 2")
    refused(header_of '{"\xc0\xaf": 1}', "the header is not UTF-8 at byte 2")
    refused(header_of '{"\xed\xa0\x80": 1}', "the header is not UTF-8 at byte 2")
    refused(header_of(("["):rep(600)), "the header is no JSON object")
    refused(header_of('{"a":' .. ("["):rep(600)), 'tensor "a": no object says what it is')
    refused(header_of '{"a\\u0000b": {}}', "a name with a zero byte")
    refused(header_of '{"__metadata__": []}', "__metadata__ is no object")
    refused(header_of '{"__metadata__": {"a": 1}}', '__metadata__, "a": it is no text')
    refused(header_of '{"__metadata__": {"a": "", "a": ""}}',
      '__metadata__, "a": there are two of that name')
    refused(header_of '{"a": {"dtype": "F32"', "tensor \"a\": unterminated object")
  end)

  it("is refused for what a tensor is said to be", function ()
    local function one(text, what, data)
      refused(header_of('{"a": ' .. text .. "}", data), 'tensor "a": ' .. what)
    end
    one("{}", "its dtype is missing")
    one('{"dtype": "F32"}', "its shape is missing")
    one('{"dtype": "F32", "shape": []}', "its data_offsets is missing")
    one('{"dtype": "F32", "dtype": "F32"}', "its dtype stands there twice")
    one('{"colour": "red"}', 'what is "colour"?')
    one('{"dtype\\u0000s": "F32"}', 'what is "dtype"?')
    one('{"dtype": 4}', "its dtype is no text")
    one(entry("X32", "[]", "[0,0]"), 'there is no dtype "X32"')
    one(entry("F32", "3", "[0,0]"), "its shape is no list of at most 8 sizes")
    one(entry("F32", "[-1]", "[0,0]"), "its shape is no list of at most 8 sizes")
    one(entry("F32", "[1.0]", "[0,0]"), "its shape is no list of at most 8 sizes")
    one(entry("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), "its shape is no list of at most 8 sizes")
    one(entry("F32", "[1]", "[0]"), "its data_offsets are no two places")
    one(entry("F32", "[1]", "[0,1,2]"), "its data_offsets are no two places")
    one(entry("F32", "[1]", "[-4,0]"), "its data_offsets are no two places")
    one(entry("F32", "[1]", "[4,0]"), "bytes 4 to 0 of the data, which has 4", "1234")
    one(entry("F32", "[1]", "[0,8]"), "bytes 0 to 8 of the data, which has 4", "1234")
    one(entry("F32", "[2]", "[0,4]"), "F32 (2,) takes 8 bytes, it has 4", "1234")
    one(entry("F32", "[4611686018427387904,4]", "[0,0]"),
      "no memory has so many numbers: (4611686018427387904, 4)")
    one(entry("F32", "[4611686018427387904,0]", "[0,0]"), "no memory has so many numbers")
    one(entry("F32", "[99999999999999999999]", "[0,0]"), "its shape is no list")
  end)

  it("is refused for where tensors lie", function ()
    local function two(a, b, what, data)
      refused(header_of(('{"a": %s, "b": %s}'):format(a, b), data), what)
    end
    local a = entry("I8", "[2]", "[0,2]")
    two(a, entry("I8", "[2]", "[1,3]"), 'tensor "b": it overlaps another tensor', "123")
    two(a, a, 'tensor "b": it overlaps another tensor', "12")
    two(a, entry("I8", "[2]", "[3,5]"), 'tensor "b": there is a hole before it', "12345")
    two(a, entry("I8", "[2]", "[2,4]"), "the data has 5 bytes, the tensors have 4", "12345")
    refused(header_of(('{"a": %s, "a": %s}'):format(a, entry("I8", "[2]", "[2,4]")), "1234"),
      'tensor "a": there are two of that name')
    refused(header_of("{}", "1"), "the data has 1 bytes, the tensors have 0")
  end)

  it("is refused for a boolean that is none", function ()
    files.write(path, header_of(('{"a": %s}'):format(entry("BOOL", "[2]", "[0,2]")), "\1\2"))
    local file = core.file_read(path)
    assert.error_at_line(function () file:tensor "a" end,
      path .. ': tensor "a": a boolean that is neither 0 nor 1')
  end)

  it("is not there, or no file", function ()
    assert.error_at_line(function () core.file_read(path_of "none") end,
      path_of "none" .. ": No such file or directory")
    assert.error_at_line(function () core.file_read(folder) end, folder .. ": it is a folder")
    assert.error_at_line(function () core.file_read "/dev/zero" end,
      "/dev/zero: it is no plain file")
    for _, name in ipairs { "file_read", "file_kind", "folder", "make_folders" } do
      assert.error_at_line(function () core[name] "a\0b" end, "a path with a zero byte")
    end
    assert.error_at_line(function () core.file_read(12) end,
      "file_read: the path must be a string, got number")
  end)

  it("with numbers at odd places is copied", function ()
    local two = string.pack("<f", 2.5)
    files.write(path, header_of(('{"a": %s, "b": %s}'):format(entry("I8", "[3]", "[0,3]"),
      entry("F32", "[1]", "[3,7]")), "\1\2\3" .. two))
    local file = core.file_read(path)
    assert.equal(2.5, file:tensor "b"[1])
    assert.same({ 1, 2, 3 }, file:tensor "a":totable())
    assert.error_at_line(function () file:tensor "c" end, path .. ': there is no tensor "c"')
  end)
end)

-- ---- what goes wrong when one is written -------------------------------------------------------

describe("a file that cannot be written", function ()
  local x = { { "w", core.tensor { 1, 2 } } }

  it("is an error with the path, and leaves nothing", function ()
    local path = path_of "nowhere/x"
    assert.error_at_line(function () core.file_write(path, x) end,
      path .. ": No such file or directory")
    assert.error_at_line(function () core.file_write(folder, x) end,
      folder .. ": there is a folder of that name")
    assert.error_at_line(function () core.file_write("/dev/null", x) end,
      "/dev/null: there is something else of that name")
    assert.error_at_line(function () core.file_write("", x) end, ": No such file or directory")
  end)

  it("is not replaced unless that is wanted", function ()
    local path = path_of "kept.safetensors"
    core.file_write(path, x, nil, { overwrite = false })
    local before, names = files.read(path), names_in(folder)
    assert.error_at_line(function () core.file_write(path, {}, nil, { overwrite = false }) end,
      path .. ": there is a file of that name (overwrite = true replaces it)")
    assert.equal(before, files.read(path))
    assert.same(names, names_in(folder))
  end)

  -- Somebody else makes it while it is written, or is told that it is there.
  it("is not replaced when it comes meanwhile", function ()
    local path = path_of "meanwhile.safetensors"
    local large = { { "x", core.ops.full({ 1 << 23 }, 1) } }
    local other = io.popen(("sh -c \"sleep 0.02; set -C; echo theirs >'%s'\" 2>&1; echo done")
      :format(path))
    local ok, problem = pcall(core.file_write, path, large, nil, { overwrite = false })
    local theirs = other:read "l" == "done"
    other:close()
    assert.equal(theirs, not ok)
    if theirs then
      assert.equal("theirs\n", files.read(path))
      assert.matches("there is a file of that name", problem)
    end
    for _, name in ipairs(names_in(folder)) do assert.is_nil(name:find("meanwhile.*tmp")) end
    os.remove(path)
  end)

  it("keeps its rights, and links that lead to it", function ()
    local path, link = path_of "target.safetensors", path_of "link.safetensors"
    core.file_write(path, {})
    os.execute(("chmod 640 %s; ln -s %s %s"):format(path, path, link))
    core.file_write(link, x)
    local pipe = io.popen(("stat -c %%a %s; readlink %s"):format(path, link))
    assert.equal("640\n" .. path .. "\n", pipe:read "a")
    pipe:close()
    assert.same({ "w" }, core.file_read(path).names)
  end)

  -- Under a limit of the shell for the size of files a disk is full sooner.
  it("when the disk is full leaves the old one", function ()
    local path = path_of "full.safetensors"
    core.file_write(path, x)
    local before, names = files.read(path), names_in(folder)
    local script = path_of "full.lua"
    files.write(script, ([[
      package.cpath = %q
      local core = require "lunula.core"
      print(pcall(core.file_write, %q, { { "w", core.ops.full({ 100000 }, 1) } }))
    ]]):format(package.cpath, path))
    local pipe = io.popen(("trap '' XFSZ; ulimit -f 100; %s %s 2>&1"):format(lua.command, script))
    local said = pipe:read "a"
    pipe:close()
    os.remove(script)
    assert.matches("false%s.*" .. path .. ": File too large", said)
    assert.equal(before, files.read(path))
    assert.same(names, names_in(folder))
  end)

  it("in a folder without the right to write leaves the old one", function ()
    local inner = path_of "locked"
    os.execute("mkdir " .. inner)
    local path = inner .. "/a.safetensors"
    core.file_write(path, x)
    os.execute("chmod 555 " .. inner)
    local ok, message = pcall(core.file_write, path, {})
    os.execute("chmod 755 " .. inner)
    if not ok then   -- root may write everywhere
      assert.matches(path .. ": Permission denied", message, 1, true)
      assert.same({ "w" }, core.file_read(path).names)
    end
    assert.same({ "a.safetensors" }, names_in(inner))
  end)

  it("when its process is killed leaves the old one", function ()
    local inner = path_of "killed"
    os.execute("mkdir " .. inner)
    local path, script = inner .. "/a.safetensors", path_of "killed.lua"
    core.file_write(path, x)
    files.write(script, ([[
      package.cpath = %q
      local core = require "lunula.core"
      local big = core.ops.full({ 4000000 }, 1)
      print "ready"
      io.stdout:flush()
      while true do core.file_write(%q, { { "w", big } }) end
    ]]):format(package.cpath, path))
    for i = 1, 5 do
      os.execute(("timeout -s KILL 0.%d %s %s >/dev/null 2>&1"):format(2 + i, lua.command, script))
      local shape = core.file_read(path):type "w"
      assert.is_true(shape[1] == 2 or shape[1] == 4000000)
    end
    os.remove(script)
  end)

  it("because of what it should hold is an error at the user's line", function ()
    local path = path_of "wrong.safetensors"
    local function wrong(list, texts, options, what)
      assert.error_at_line(function () core.file_write(path, list, texts, options) end, what)
      assert.is_nil(io.open(path))
    end
    wrong({ 1 }, nil, nil, "file_write: item 1 is no {name, tensor}")
    wrong({ { "a", 1 } }, nil, nil, "file_write: item 1 is no {name, tensor}")
    wrong({ { "a\0", core.tensor(1) } }, nil, nil, "the name of item 1 has a zero byte")
    wrong({ { "\xff", core.tensor(1) } }, nil, nil, "is not UTF-8")
    wrong({ x[1], x[1] }, nil, nil, path .. ': there are two tensors "w"')
    wrong({ { "__metadata__", core.tensor(1) } }, nil, nil,
      "a tensor cannot be called __metadata__")
    wrong(x, { a = 1 }, nil, "file_write: the metadata are texts by their names")
    wrong(x, { a = "\xff" }, nil, path .. ': __metadata__, "a": it is not UTF-8')
    wrong(x, nil, { dtype = "int8" }, "file_write: floats are not stored as int8")
    local t = core.tensor { 1 }
    t:release()
    wrong({ { "a", t } }, nil, nil, "this tensor was released")
    core.trace({ { shape = { 2 } } }, function (y)
      wrong({ { "a", y } }, nil, nil, "has no value yet")
      return y
    end)
  end)

  it("because a finalizer changes the metadata meanwhile", function ()
    local path = path_of "finalizer.safetensors"
    local out, name = ask("", ([[
      local core = require "lunula.core"
      local texts, items = { a = "text" }, {}
      local more = { __gc = function () for i = 1, 3000 do texts["b" .. i] = "text" end end }
      collectgarbage("incremental", 1, 1000, 30)  -- a whole collection whenever memory is taken
      collectgarbage()
      setmetatable({}, more)
      print(select(2, pcall(core.file_write, %q, items, texts)))]]):format(path))
    assert.equal(name .. ":8: file_write: the metadata changed while they were read\n", out)
    assert.is_nil(io.open(path))
  end)
end)
