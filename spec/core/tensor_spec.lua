-- Tensors as values: making, reading, writing, printing, operators.

local core = require "lunula.core"
local ops = core.ops

local function line() return debug.getinfo(2, "l").currentline end
local function message_of(f, ...) return tostring(select(2, pcall(f, ...))) end

describe("a tensor", function()
  it("comes from nested tables and goes back", function()
    local t = core.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
    assert.same({ 2, 3 }, t.shape)
    assert.equal("float32", t.dtype)
    assert.equal(2, t.rank)
    assert.equal(6, t.size)
    assert.equal(2, #t)
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, t:totable())
  end)

  it("takes a shape and an element type", function()
    local t = core.tensor({ 1, 2, 3, 4 }, { shape = { 2, 2 }, dtype = "int32" })
    assert.same({ { 1, 2 }, { 3, 4 } }, t:totable())
    assert.equal("int32", t.dtype)
    assert.same({ true, false }, core.tensor({ true, false }):totable())
    assert.equal("bool", core.tensor({ true, false }).dtype)
    assert.equal(3.5, core.tensor(3.5):item())
  end)

  it("takes the element type as a word", function()
    local ids = core.tensor({ 0, 1 }, "int32")
    assert.equal("int32", ids.dtype)
    assert.same({ 0, 1 }, ids:totable())
    assert.equal("bool", core.tensor(ids, "bool").dtype)
    assert.equal("int8", core.tensor(3, "int8").dtype)
    assert.error_at_line(function() core.tensor({ 0, 1 }, "int33") end, "unknown dtype int33")
    assert.error_at_line(function() core.tensor({ 0, 1 }, 32) end,
      'the second argument is a dtype, as "int32", or a table {shape=, dtype=}, got number')
  end)

  it("is made of bytes and gives them back", function()
    local bytes = string.pack("<ffff", 1, -2, 0.5, 4)
    local t = core.frombytes(bytes, { shape = { 2, 2 } })
    assert.same({ { 1, -2 }, { 0.5, 4 } }, t:totable())
    assert.equal(bytes, t:tobytes())
    assert.matches("15 bytes, float32 %(2, 2%) takes 16",
      message_of(core.frombytes, bytes:sub(2), { shape = { 2, 2 } }))
    assert.equal(core.frombytes, require "lunula".frombytes)
    assert.same({ 1, 2, 255 }, core.frombytes("\1\2\xff", "uint8"):totable())
    assert.same({ 0, 3 }, { table.unpack(core.frombytes("", { shape = { 0, 3 } }).shape) })
    assert.same({ true, false }, core.frombytes("\1\0", "bool"):totable())
    assert.matches("a boolean is a byte that is 0 or 1", message_of(core.frombytes, "\2", "bool"))
    assert.matches("no memory has so many numbers",
      message_of(core.frombytes, "", { shape = { 1 << 32, 1 << 32 } }))
    assert.matches("frombytes: the bytes must be a string", message_of(core.frombytes, 12))
  end)

  it("may be empty, or have no axis", function()
    assert.same({}, core.tensor({}):totable())
    assert.same({ 0 }, core.tensor({}).shape)
    assert.same({}, core.tensor(2).shape)
    assert.equal(0, ops.sum(core.tensor({})):item())
  end)

  it("stores narrow types and computes in wide ones", function()
    local values = { -1.5, 0, 0.333251953125, 60000 }
    for _, dtype in ipairs { "float16", "bfloat16", "float64" } do
      local t = core.tensor(values, { dtype = dtype })
      assert.equal(dtype, t.dtype)
      assert.equal("float32", (t + 1).dtype)
    end
    assert.same({ -1.5, 0, 0.333251953125, 60000 },
      core.tensor(values, { dtype = "float16" }):totable())
    assert.same({ -128, 127, 3 }, core.tensor({ -128, 127, 3 }, { dtype = "int8" }):totable())
    assert.same({ 0, 255, 3 }, core.tensor({ 0, 255, 3 }, { dtype = "uint8" }):totable())
    assert.same({ 1 << 40 }, core.tensor({ 1 << 40 }, { dtype = "int64" }):totable())
    assert.equal("int32", (core.tensor({ 7 }, { dtype = "uint8" }) + 1).dtype)
  end)

  it("rounds to half precision as the standard says", function()
    local t = core.tensor({ 65519, 65520, 2 ^ -24, 2 ^ -26, 1 + 2 ^ -11, 1 + 3 * 2 ^ -11 },
      { dtype = "float16" }):totable()
    assert.equal(65504, t[1])
    assert.equal(math.huge, t[2])
    assert.equal(2 ^ -24, t[3])
    assert.equal(0, t[4])
    assert.equal(1, t[5]) -- ties go to the even one
    assert.equal(1 + 2 ^ -9, t[6])
  end)
end)

describe("positions", function()
  local t
  before_each(function() t = core.tensor { { 1, 2, 3 }, { 4, 5, 6 } } end)

  it("count from 1, from the end when negative, and stop at nil", function()
    assert.same({ 4, 5, 6 }, t[2]:totable())
    assert.equal(6, t[-1][-1])
    assert.is_nil(t[3])
    local rows = 0
    for i, row in ipairs(t) do
      rows = rows + 1
      assert.equal(t:get(i, 1), row[1])
    end
    assert.equal(2, rows)
  end)

  it("select ranges", function()
    assert.same({ 2, 5 }, t[{ {}, 2 }]:totable())
    assert.same({ { 2, 3 } }, t[{ { 1, 1 }, { 2, 3 } }]:totable())
    assert.same({ { 1, 3 }, { 4, 6 } }, t[{ {}, { 1, 3, 2 } }]:totable())
    assert.same({ 5, 6 }, t[{ -1, { -2 } }]:totable())
    assert.same({ { 2 }, { 5 } }, t[{ {}, { 2, 3, math.maxinteger } }]:totable())
  end)

  it("count from the beginning where the size is not known", function()
    local function selected(key)
      core.trace({ { shape = { false, 3 }, dtype = "float32" } }, function(x) return x[key] end)
    end
    for _, key in ipairs { 0, -1, { 0 }, { -1 } } do
      assert.matches("along axis 0, whose size is not known: positions count from 1, and none from "
        .. "its end", message_of(selected, key), 1, true)
    end
    for _, range in ipairs { { 0 }, { -1 }, { 1, 2 } } do
      assert.matches("only {first} and {} select from it", message_of(selected, { range }), 1, true)
    end
  end)

  it("are written to, through row views as well", function()
    t:set(1, 2, 20)
    t[2][3] = 60
    assert.same({ { 1, 20, 3 }, { 4, 5, 60 } }, t:totable())
    t[1] = { 7, 8, 9 }
    t[{ {}, 1 }] = 0
    assert.same({ { 0, 8, 9 }, { 0, 5, 60 } }, t:totable())
    t[{ { 1, 2 }, { 2, 3 } }] = core.tensor { { 1 }, { 2 } }
    assert.same({ { 0, 1, 1 }, { 0, 2, 2 } }, t:totable())
  end)

  it("out of range are errors at the user's line", function()
    local at = line() + 1
    local text = message_of(function() return t[0] end)
    assert.matches("tensor_spec.lua:" .. at .. ": index 0 is out of range 1..2", text, 1, true)
    assert.matches("index 4 is out of range 1..3 along axis 1", message_of(t.get, t, 1, 4))
    assert.matches("2 indices for a tensor of shape %(2, 3%)", message_of(function()
      return t[1]:get(1, 2) or t:get(1)
    end) .. message_of(t.get, t, 1, 2, 3):gsub("3 indices", "2 indices"))
    assert.matches("3 indices for 2 axes", message_of(function() return t[{ 1, 2, 3 }] end))
    assert.matches("a selection is a list, an index or a range for each axis, got a key axis",
      message_of(function() return t[{ axis = 1 }] end))
    assert.matches("a range is {first, last, step}, got a key last",
      message_of(function() return t[{ { 1, last = 1 } }] end))
    assert.matches("a range is {first, last, step}, got a key 4",
      message_of(function() t[{ { 1, 2, 1, 9 } }] = 0 end))
    assert.matches("does not lie in 1..2", message_of(function() return t[{ { 1, 3 } }] end))
    assert.matches("a value of shape %(2,%) does not fit %(3,%)",
      message_of(function() t[1] = { 1, 2 } end))
  end)
end)

describe("printing", function()
  it("shows a header and at most six by six", function()
    assert.equal("tensor float32 (2, 2)\n[[1, 2],\n [3, 4]]",
      tostring(core.tensor { { 1, 2 }, { 3, 4 } }))
    local text = tostring(ops.full({ 100, 100 }, 0.5))
    assert.matches("^tensor float32 %(100, 100%)\n", text)
    local _, lines = text:gsub("\n", "")
    assert.equal(7, lines)
    assert.matches("0.5000, 0.5000, 0.5000, ..., 0.5000, 0.5000, 0.5000", text, 1, true)
  end)

  it("aligns, and knows nan, inf, exponents and truths", function()
    assert.equal("tensor float32 (3,)\n[1.5000,    nan,   -inf]",
      tostring(core.tensor { 1.5, 0 / 0, -math.huge }))
    assert.equal("tensor float32 (2,)\n[1.000e-08, 2.000e+00]", tostring(core.tensor { 1e-8, 2 }))
    assert.equal("tensor bool (2,)\n[ true, false]", tostring(core.tensor { true, false }))
    assert.equal("tensor int32 (2,)\n[-10,   2]",
      tostring(core.tensor({ -10, 2 }, { dtype = "int32" })))
    assert.equal("x: tensor float32 ()\n1", "x: " .. core.tensor(1))
  end)
end)

describe("operators", function()
  local t = core.tensor { { 1, 2 }, { 3, 4 } }

  it("broadcast, with numbers on either side", function()
    assert.same({ { 2, 3 }, { 4, 5 } }, (t + 1):totable())
    assert.same({ { 9, 8 }, { 7, 6 } }, (10 - t):totable())
    assert.same({ { 1, 4 }, { 3, 8 } }, (t * core.tensor { 1, 2 }):totable())
    assert.same({ { 1, 4 }, { 9, 16 } }, (t ^ 2):totable())
    assert.same({ { 0, 1 }, { 1, 2 } }, (t // 2):totable())
    assert.same({ { 1, 0 }, { 1, 0 } }, (t % 2):totable())
    assert.same({ { -1, -2 }, { -3, -4 } }, (-t):totable())
    assert.same({ { false, true }, { false, false } },
      (t:greater(1) & t:less(3)):totable())
    assert.same({ { true, false }, { false, false } }, (~t:greater(1)):totable())
  end)

  it("keep whole numbers whole", function()
    local i = core.tensor({ 7, -7 }, { dtype = "int32" })
    assert.equal("int32", (i + 1).dtype)
    assert.equal("float32", (i + 0.5).dtype)
    assert.equal("float32", (i / 2).dtype)
    assert.same({ 3, -4 }, (i // 2):totable())
    assert.same({ 1, 1 }, (i % 2):totable())
  end)

  it("compare as tensors or as one number", function()
    assert.is_true(t == core.tensor { { 1, 2 }, { 3, 4 } })
    assert.is_false(t == t + 1)
    assert.is_true(core.tensor(1) < 2)
    local at = line() + 1
    local text = message_of(function() return t < 2 end)
    assert.matches("spec.lua:" .. at .. ": a comparison gives one Lua boolean", text, 1, true)
    assert.matches("k.ops.less", text, 1, true)
  end)
end)

describe("a released tensor", function()
  it("says so when it is used", function()
    local t = core.tensor { 1, 2 }
    t:release()
    t:release()
    local at = line() + 1
    local text = message_of(function() return t + 1 end)
    assert.matches("tensor_spec.lua:" .. at .. ": this tensor was released", text, 1, true)
    assert.equal("tensor (released)", tostring(t))
  end)

  it("closes with its block", function()
    local outer
    do
      local t <close> = core.tensor { 1 }
      outer = t
    end
    assert.matches("was released", message_of(function() return outer + 1 end))
  end)
end)

describe("a variable", function()
  it("has a value of its own", function()
    local source = core.tensor { 1, 2 }
    local v = core.variable { value = source, name = "w" }
    source:set(1, 9)
    assert.same({ 1, 2 }, v.value:totable())
    v:assign { 3, 4 }
    assert.same({ 3, 4 }, v.value:totable())
    assert.same({ 4, 5 }, (v + 1):totable())
    assert.matches('^variable "w" float32 %(2,%)', tostring(v))
  end)

  it("keeps its shape", function()
    local v = core.variable { value = core.tensor { 1, 2 }, name = "w" }
    assert.matches('variable "w" is %(2,%), the value is %(3,%)',
      message_of(v.assign, v, { 1, 2, 3 }))
    assert.same({ 1, 2 }, v.value:totable())
    assert.matches("a variable is changed by assign", message_of(function() v[1] = 3 end))
  end)
end)

describe("metamethods", function()
  it("refuse what is not theirs", function()
    assert.equal("lunula.Tensor", getmetatable(core.tensor(1)))
    assert.has_error(function() core.ops.add(io.stdout, 1) end)
  end)
end)
