-- Types that only store: what goes into them and what is computed of them is right or refused.

local core = require "lunula.core"
local k = require "lunula"
local ops = k.ops

local function typed(values, dtype) return core.tensor(values, { dtype = dtype }) end

local function refuses(rows)
  for i = 1, #rows, 2 do
    it("refuses: " .. rows[i], function () assert.error_at_line(rows[i + 1], rows[i]) end)
  end
end

describe("a number that its type cannot hold", function ()
  refuses {
    "element [2] of the table is 2147483648, which int32 cannot hold",
    function () core.tensor({ 1.5, 2147483648 }, { dtype = "int32" }) end,
    "element [2][1] of the table is 256, which uint8 cannot hold",
    function () core.tensor({ { 1, 2 }, { 256, 0 } }, { dtype = "uint8" }) end,
    "element [1] of the table is -1, which uint8 cannot hold",
    function () core.tensor({ -1 }, { dtype = "uint8" }) end,
    "which int8 cannot hold",
    function () core.tensor({ 128 }, { dtype = "int8" }) end,
    "which int32 cannot hold",
    function () core.tensor({ 0 / 0 }, { dtype = "int32" }) end,
    "which int64 cannot hold",
    function () core.tensor({ 2.0 ^ 63 }, { dtype = "int64" }) end,
    "tensor: int32 cannot hold 2147483648",
    function () core.tensor(2147483648, { dtype = "int32" }) end,
    "full: int32 cannot hold 2147483648",
    function () ops.full({ 2 }, 2147483648, "int32") end,
    "full: int64 cannot hold 9007199254740992 here (a table can)",
    function () ops.full({ 2 }, 1 << 53, "int64") end,
    "full_like: uint8 cannot hold 300",
    function () ops.full_like(typed({ 1 }, "uint8"), 300) end,
    "pad_with: uint8 cannot hold -1",
    function () ops.pad(typed({ 1 }, "uint8"), 1, "constant", -1) end,
    "range: int32 cannot hold 4294967296",
    function () ops.arange(0, 1 << 33, 1 << 32, "int32") end,
    "int8 cannot hold 300",
    function ()
      local t = typed({ 1, 2 }, "int8")
      t[1] = 300
    end,
    "set: uint8 cannot hold -1",
    function () typed({ 1, 2 }, "uint8"):set(1, -1) end,
  }

  it("may have a fraction, which is cut off", function ()
    assert.same({ 1, -1, 127, -128 }, typed({ 1.5, -1.9, 127.9, -128.9 }, "int8"):totable())
    assert.same({ 2147483647, -2147483648 },
      typed({ 2147483647.5, -2147483648.5 }, "int32"):totable())
  end)

  it("keeps all its digits on the way into a wide type", function ()
    assert.equal((1 << 53) + 1, typed((1 << 53) + 1, "int64"):item())
    assert.equal(math.mininteger, typed({ math.mininteger }, "int64")[1])
    assert.equal(0.1, typed(0.1, "float64"):item())
    assert.equal(0.1, typed({ 0.1 }, "float64")[1])
  end)
end)

describe("casts", function ()
  it("of whole numbers wrap, as NumPy's do", function ()
    assert.same({ 44, 255, 0 }, ops.cast(typed({ 300, -1, 256 }, "int32"), "uint8"):totable())
    assert.same({ 44, -1, -128 }, ops.cast(typed({ 300, -1, 128 }, "int32"), "int8"):totable())
    assert.same({ -2147483648, 1 },
      ops.cast(typed({ 1 << 31, (1 << 32) + 1 }, "int64"), "int32"):totable())
    assert.same({ true, false }, ops.cast(typed({ 256, 0 }, "int32"), "bool"):totable())
  end)

  it("of floats saturate, and NaN is 0", function ()
    local x = k.tensor { 1e10, -1e10, 300.7, 0 / 0 }
    assert.same({ 2147483647, -2147483648, 300, 0 }, ops.cast(x, "int32"):totable())
    assert.same({ 255, 0, 255, 0 }, ops.cast(x, "uint8"):totable())
    assert.same({ 127, -128, 127, 0 }, ops.cast(x, "int8"):totable())
  end)
end)

it("int is int32", function ()
  assert.equal("int32", ops.zeros({ 2 }, "int").dtype)
  assert.equal("int32", k.Input({ shape = { 2 }, dtype = "int" }).dtype)
end)

describe("int64 as an operand", function ()
  local large = typed({ 1, (1 << 53) + 1 }, "int64")
  local text = "9007199254740993 does not fit int32, which int64 is computed in (cast it to float32"

  it("is computed as int32 where it fits", function ()
    local y = typed({ 5, -7 }, "int64") + 1
    assert.equal("int32", y.dtype)
    assert.same({ 6, -6 }, y:totable())
    assert.near_all(ops.take({ 1, 2, 3 }, typed({ 2, -1 }, "int64")), { 3, 3 })
  end)

  it("is refused where it does not, eager and planned", function ()
    assert.error_at_line(function () return large + 1 end, text)
    assert.error_at_line(function () return ops.maximum(large, 3) end, text)
    assert.error_at_line(function () return ops.take({ 1, 2, 3 }, large) end, "take: " .. text)
    assert.error_at_line(function () return ops.one_hot(large, 3) end, text)
    local f = core.trace({ { shape = { false }, dtype = "int64" } }, function (t) return t + 1 end)
    assert.same({ 6 }, f(typed({ 5 }, "int64")):totable())
    assert.error_at_line(function () f(large) end, text)
    local g = core.trace({ { shape = { false }, dtype = "int32" } }, function (t) return t + 1 end)
    assert.error_at_line(function () g(large) end, text)
  end)

  it("beside floats is a float", function ()
    assert.near_all(large + 0.5, { 1.5, 2.0 ^ 53 })
    assert.near_all(ops.sqrt(typed({ 4 }, "int64")), { 2 })
  end)
end)

describe("numbers beside tensors of whole numbers", function ()
  refuses {
    "int32 cannot hold 2147483648 (write 2147483648.0 for the nearest float32)",
    function () return typed({ 1, 2 }, "int32") + 2147483648 end,
    "element [1] of the table is 2147483648, which int32 cannot hold (float32 rounds it, int64",
    function () return typed({ 1, 2 }, "int32") + { 2147483648, 1 } end,
    "which int32 cannot hold", function () ops.array { 1, 1 << 40 } end,
    "int32 cannot hold 2147483648",
    function () core.variable { value = typed(1, "int32") }:assign(1 << 31) end,
  }

  it("have the type that Lua has them in", function ()
    local y = typed({ 1, 2 }, "int32") + 2147483648.0
    assert.equal("float32", y.dtype)
    assert.near_all(y, { 2147483649, 2147483650 })
    assert.same({ 260 }, (typed({ 250 }, "uint8") + 10):totable())
    assert.equal("float32", (typed({ 1 }, "int32") + 1.0).dtype)
    assert.equal("int32", (typed({ true }, "bool") + 1).dtype)
    assert.equal("int32", ops.add(1, 2).dtype)
    assert.equal("float32", ops.add(1, 2.0).dtype)
    assert.equal("float32", ops.divide(4, 2).dtype)
    assert.equal("bool", ops.maximum(true, false).dtype)
  end)

  it("may be any beside floats", function ()
    assert.near_all(k.tensor { 1 } * (1 << 40), { 2.0 ^ 40 })
    local wide = core.variable { value = typed(1, "int64") }
    wide:assign((1 << 53) + 1)
    assert.equal((1 << 53) + 1, wide.value:item())
  end)

  it("are arrays of their type", function ()
    assert.equal("int32", ops.array({ 1, 2 }).dtype)
    assert.equal("float32", ops.array({ 1, 2.5 }).dtype)
    assert.equal("bool", ops.array({ true, false }).dtype)
    assert.equal("int32", ops.convert_to_tensor(3).dtype)
    assert.equal("float32", ops.convert_to_tensor(3, "float32").dtype)
    assert.equal("int32", ops.stack({ { 1, 2 }, { 3, 4 } }).dtype)
  end)
end)

describe("a variable whose value is still to come", function ()
  it("is zeros of its shape and type, which can be written", function ()
    local v = core.variable { shape = { 2, 3 }, dtype = "int32", name = "w" }
    assert.same({ { 0, 0, 0 }, { 0, 0, 0 } }, v.value:totable())
    assert.equal("int32", v.dtype)
    local seen = v.value
    v:assign(typed({ { 1, 2, 3 }, { 4, 5, 6 } }, "int32"))
    assert.equal(0, seen[1][1])
    assert.equal(6, v.value[2][3])
    v = core.variable { shape = { 2 } }
    core.trace({}, function () v:assign(v + 1) return v end)()
    assert.same({ 1, 1 }, v.value:totable())
  end)

  refuses {
    "variable: shape has an unknown size", function () core.variable { shape = { false, 3 } } end,
    "variable: dtype is string, a variable holds numbers",
    function () core.variable { shape = { 3 }, dtype = "string" } end,
  }
end)
