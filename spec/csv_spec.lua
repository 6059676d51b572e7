-- k.utils.load_csv and load_idx: what is read, what is refused and where.

local core = require "lunula.core"
local k = require "lunula"
local scratch = require "spec.support.scratch"

local path

local function csv(text, given)
  os.remove(path)
  scratch.write("x.csv", text)
  return k.utils.load_csv(path, given)
end

describe("a table as text", function()
  setup(function() path = scratch.path "x.csv" end)
  teardown(scratch.clear)

  it("becomes columns by name: whole numbers, numbers, texts", function()
    local x, names = csv "id,size, note,rate\n1,2.5,a,-1e2\n-2, 3 ,\"b, c\",.5\r\n3,4.,,7\n"
    assert.same({ "id", "size", " note", "rate" }, names)
    assert.equal("int32", x.id.dtype)
    assert.same({ 1, -2, 3 }, x.id:totable())
    assert.near_all(x.size, { 2.5, 3, 4 })
    assert.same({ "a", "b, c", "" }, x[" note"]:totable())
    assert.near_all(x.rate, { -100, 0.5, 7 })
    assert.equal("float32", x.rate.dtype)
  end)

  it("may have quotes, lines in fields, a mark before it, no end of line", function()
    local x = csv "\xEF\xBB\xBF\"a\",b\n\"say \"\"x\"\"\n\",\"1\"\n\n\r\nq\"r,2"
    assert.same({ 'say "x"\n', 'q"r' }, x.a:totable())
    assert.same({ 1, 2 }, x.b:totable())
    assert.same({ 1 }, csv("a\tb\n1\t2", { separator = "\t" }).a:totable())
    assert.same({ 5 }, csv("a b\n1 5", { separator = " " }).b:totable())
    assert.same({ 0 }, csv("a,b\n").a.shape)
    assert.same({ 3 }, csv("a,b\r\n2,3\r").b:totable())
    assert.same({ "x" }, csv("a,b\r\n2,x\r").b:totable())
  end)

  it("has missing values", function()
    local x = csv "a,b,c\n1,NA,x\n,2.5,\n3,nan,NA\n"
    local a = x.a:totable()
    assert.equal("float32", x.a.dtype)
    assert.is_true(a[2] ~= a[2])
    assert.is_true(x.b[1] ~= x.b[1] and x.b[3] ~= x.b[3])
    assert.same({ "x", "", "NA" }, x.c:totable())
    local filled = csv("a,b\n1,?\n,2\n", { missing = { "?" }, missing_value = -1 })
    assert.same({ 1, -1 }, filled.a:totable())
    assert.equal("int32", filled.b.dtype)
    assert.same({ math.huge, -math.huge }, csv("a\ninf\n-Infinity\n").a:totable())
  end)

  it("is read as it is wanted", function()
    local text = "a,b,c\n1,2,x\n3,4,y\n"
    local x, names = csv(text, { columns = { "c", "a" }, dtypes = { a = "string" } })
    assert.same({ "c", "a" }, names)
    assert.same({ "1", "3" }, x.a:totable())
    assert.is_nil(x.b)
    assert.near_all(csv(text, { columns = { "b", "a" }, matrix = true }), { { 2, 1 }, { 4, 3 } })
    assert.near_all(csv("1,2\n3,4", { header = false }), { { 1, 2 }, { 3, 4 } })
    assert.same({ 2, 4 }, csv("1,2\n3,4", { header = { "a", "b" } }).b:totable())
    assert.equal("uint8", csv(text, { dtypes = { a = "uint8" } }).a.dtype)
    assert.equal("float64", csv(text, { dtypes = { a = "float64" } }).a.dtype)
    assert.same({ "1", "3" }, csv(text, { dtypes = "string" }).a:totable())
    assert.equal("string", csv("1,x\n", { header = false, matrix = false })[2].dtype)
  end)

  it("has the numbers that Lua reads there", function()
    local texts = { "0.1", "-12345678901234567890", "1e-45", "3.4028235e38", "9007199254740993",
      "123456789.123456789123456789", "2.2250738585072014e-308", "1e400", "1e-400", "007",
      "0.30000000000000004", "1E+5", "6.02214076e23", "0e999999", "-0.0e-999999" }
    local x = csv("a\n" .. table.concat(texts, "\n"), { dtypes = "float64" }).a:totable()
    for i, text in ipairs(texts) do
      assert.is_true(math.abs(x[i] - tonumber(text)) <= math.abs(tonumber(text)) * 2.3e-16
        or x[i] == tonumber(text), text)
    end
    local big = csv("a\n2147483647\n-2147483648\n").a
    assert.same({ 2147483647, -2147483648 }, big:totable())
    assert.equal("float32", csv("a\n1\n2147483648\n").a.dtype)
    assert.near_all(csv("a\n16777217\n0.5\n").a, { 16777216, 0.5 })
  end)

  it("takes no longer for a 0 with a large power", function()
    local text, began = "a\n" .. ("0e999999\n"):rep(20000), os.clock()
    assert.same({ 20000 }, csv(text).a.shape)
    assert.is_true(os.clock() - began < .5)   -- over a second by multiplying
  end)

  it("is refused where something is wrong, at its line and the user's", function()
    local function fails(text, message, given)
      os.remove(path)
      scratch.write("x.csv", text)
      assert.error_at_line(function() k.utils.load_csv(path, given) end, message)
    end
    fails("a,b\n1,2\n\n3\n", path .. ":4: 1 fields, where there are 2 columns")
    fails("a,b\n\"1\n\",2\n1,2,3\n", path .. ":4: more than 2 fields")
    fails("a,b\n1,\"x\n", path .. ":2: a quote begins here that does not end")
    fails("a\n\"x\"y\n", path .. ":2: something stands behind a quote")
    fails("a\n1\nx7\n", path .. ':3: field 1, "x7", is no number', { dtypes = "float32" })
    fails("a\n1\n2.5\n", path .. ':3: field 1, "2.5", is no whole number', { dtypes = "int32" })
    fails("a\n1\nNA\n", path .. ':3: field 1, "NA", is no whole number', { dtypes = "int32" })
    fails("1,2\nx,2\n", path .. ':2: field 1, "x", is no number', { header = false })
    fails("\n", path .. ": it has no line")
    fails("a,a\n1,2\n", 'has two columns "a"')
    fails("a,b\n1,2\n", 'has no column "c"; it has: a, b', { columns = { "c" } })
    fails("a,b\n1,2\n", "speaks of column c, which is not there", { dtypes = { c = "int32" } })
    fails("a,b\n1,2\n", "cannot be read as complex", { dtypes = "complex" })
    fails("a,b\n1,2\n", "header has 3 names", { header = { "a", "b", "c" } })
    fails("a,b\n1,2\n", "columns are chosen by name", { columns = { "a" }, header = false })
    for _, separator in ipairs { ",,", "", "\0", "\n", '"', ".", "5", "e" } do
      fails("a,b\n1,2\n", "the separator must be one byte", { separator = separator })
    end
    fails("a,b\n1,2\n", 'did you mean "columns"?', { colums = {} })
    assert.error_at_line(function() k.utils.load_csv "no.csv" end, "no.csv: No such file")
    assert.error_at_line(function() k.utils.load_csv(7) end, "a path comes first, got number")
  end)

  it("may hold anything", function()
    local state, alphabet = 5, { "1", "2.5", ",", "\n", '"', "x", "\r", "-", "e", " ", "NA", "\0" }
    local function draw(n)
      state = (state * 1103515245 + 12345) % 2 ^ 31
      return math.tointeger(state // 65536 % n + 1)
    end
    for i = 1, 1500 do
      local text = {}
      for j = 1, draw(40) do text[j] = alphabet[draw(#alphabet)] end
      local ok, found = pcall(csv, "a,b\n" .. table.concat(text), { matrix = i % 3 == 0 })
      assert.is_true(ok or found:find(path, 1, true) ~= nil, found)
    end
  end)
end)

describe("an IDX file", function()
  teardown(scratch.clear)

  local function idx(bytes)
    local name = "x-idx"
    os.remove(scratch.path(name))
    scratch.write(name, bytes)
    return k.utils.load_idx(scratch.path(name))
  end

  it("becomes a tensor of each kind of number", function()
    assert.same({ { 1, 255 }, { 3, 4 } }, idx("\0\0\8\2\0\0\0\2\0\0\0\2\1\255\3\4"):totable())
    assert.same({ -1 }, idx("\0\0\9\1\0\0\0\1\255"):totable())
    assert.same({ -2, 258 }, idx("\0\0\11\1\0\0\0\2\255\254\1\2"):totable())
    assert.same({ 16909060, -1 }, idx("\0\0\12\1\0\0\0\2\1\2\3\4\255\255\255\255"):totable())
    assert.same({ 1.5 }, idx("\0\0\13\1\0\0\0\1" .. string.pack(">f", 1.5)):totable())
    assert.same({ 0.1 }, idx("\0\0\14\1\0\0\0\1" .. string.pack(">d", 0.1)):totable())
    assert.equal("uint8", idx("\0\0\8\1\0\0\0\0").dtype)
  end)

  it("may be a .gz file", function()
    local packed = "\x1f\x8b\8\0\0\0\0\0\2\xff"
      .. "\1\11\0\xf4\xff\0\0\8\1\0\0\0\3\7\8\9"
    local crc = core.checksum "\0\0\8\1\0\0\0\3\7\8\9"
    assert.same({ 7, 8, 9 }, idx(packed .. string.pack("<I4I4", crc, 11)):totable())
  end)

  it("is refused where it is none, or cut off", function()
    local function fails(bytes, message)
      os.remove(scratch.path "x-idx")
      scratch.write("x-idx", bytes)
      assert.error_at_line(function() k.utils.load_idx(scratch.path "x-idx") end, message)
    end
    fails("", "this is no IDX file")
    fails("\0\0\10\1\0\0\0\1\1", "this is no IDX file")
    fails("\0\0\8\3\0\0\0\1", "this is no IDX file")
    fails("\0\0\8\1\0\0\0\2\1", "sizes (2) of uint8 take 2 bytes, 1 are there")
    fails("\0\0\8\2\255\255\255\255\255\255\255\255", "are more than the bytes it has")
    assert.error_at_line(function() k.utils.load_idx "nothing" end, "No such file")
    assert.error_at_line(function() k.utils.load_idx() end, "load_idx: a path comes first, got nil")
  end)
end)
