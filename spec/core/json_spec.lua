-- JSON, read and written in C: the grammar, the numbers, what is refused and where, and random
-- texts.

local core = require "lunula.core"
local json = require "lunula.saving.json"
local None = require "lunula.core".None

local function refused(text, message)
  local value, problem = json.decode(text)
  assert.is_nil(value)
  assert.equal(message, problem)
end

describe("JSON", function ()
  it("is values, lists and objects", function ()
    assert.same({ a = { 1, 2.5, "x", true, false }, b = {} },
      json.decode ' {"a" : [1, 2.5,"x",true , false],\n\t"b":{}}\r\n')
    assert.equal(3, json.decode "3")
    assert.equal("", json.decode '""')
    assert.is_false(json.decode "false")
    assert.same({ { {} } }, json.decode "[[[]]]")
    assert.same({ 1 }, json.decode "\xef\xbb\xbf[1]")
    assert.equal("array", getmetatable(json.decode "[]").__jsontype)
    assert.equal("object", getmetatable(json.decode "{}").__jsontype)
    assert.same({ a = 2 }, json.decode '{"a": 1, "a": 2}')
  end)

  it("has null, which is None, in objects and in lists", function ()
    assert.equal(None, json.decode "null")
    local text = '{"a": null, "b": [null, 1, [null, false]], "c": false}'
    local read = json.decode(text)
    assert.equal(None, read.a)
    assert.same({ None, 1, { None, false } }, read.b)
    assert.equal(text, json.encode(read))
  end)

  it("writes null for None, and for what is false in a list of Lua", function ()
    assert.equal('[null, null, {"a": false, "b": null}]', json.encode { None, false,
      setmetatable({ a = false }, { __jsonorder = { "a", "b" } }) })
  end)

  it("has its fields in their order, those without a place last", function ()
    local order = { __jsonorder = { "b", "a", "absent" } }
    assert.equal('{"b": 1, "a": [], "absent": null}',
      json.encode(setmetatable({ a = {}, b = 1 }, order)))
    assert.equal('{"b": null, "a": 2, "absent": null, "0": 5, "c": {}}', json.encode(setmetatable(
      { c = setmetatable({}, { __jsontype = "object" }), a = 2, [0] = 5 }, order)))
    assert.equal('{"a": 1, "b": 2, "true": 3}', json.encode { b = 2, a = 1, [true] = 3 })
    assert.equal("[]", json.encode {})
  end)

  it("is one line, or many", function ()
    local value = { a = { 1, { b = "x" } }, c = {} }
    assert.equal('{"a": [1, {"b": "x"}], "c": []}', json.encode(value))
    assert.equal('{\n  "a": [\n    1,\n    {\n      "b": "x"\n    }\n  ],\n  "c": []\n}',
      json.encode(value, 2))
    assert.equal('[\n1,\n[\n2\n]\n]', json.encode({ 1, { 2 } }, 0))
    local long = ("x"):rep(20000)
    assert.equal('["' .. long .. '", "' .. long .. '"]', json.encode { long, long })
  end)

  it("refuses what has no place in a text", function ()
    assert.error_at_line(function () json.encode { a = print } end, "has no place in JSON")
    assert.error_at_line(function () json.encode(setmetatable({}, {})) end, "has no place in JSON")
    local ring = {}
    ring.inner = { ring }
    assert.error_at_line(function () json.encode(ring) end,
      "JSON: nested too deeply, more than 500 levels (does a table hold itself?)")
    local deep = {}
    for _ = 1, 499 do deep = { deep } end
    assert.equal(("["):rep(500) .. ("]"):rep(500), json.encode(deep))
    assert.error_at_line(function () core.json_write(1, "x") end, "json_write: the indent")
    local good = { -1, tostring, tostring, tostring, tostring, {} }
    for i, name in ipairs { "third", "fourth", "fifth", "sixth", "last" } do
      local given = table.move(good, 1, #good, 1, {})
      given[i + 1] = 7
      assert.error_at_line(function () core.json_write({}, table.unpack(given)) end,
        ("json_write: the %s argument"):format(name))
    end
  end)

  it("tells integers from floats, and knows what is no number", function ()
    for text, value in pairs {
      ["0"] = 0, ["-0"] = 0, ["12"] = 12, ["-7"] = -7, ["9223372036854775807"] = math.maxinteger,
      ["-9223372036854775808"] = math.mininteger,
    } do
      assert.equal("integer", math.type(json.decode(text)))
      assert.equal(value, json.decode(text))
    end
    for text, value in pairs {
      ["1.0"] = 1.0, ["-0.5"] = -0.5, ["1e3"] = 1000.0, ["1E-3"] = 0.001, ["2.5e+1"] = 25.0,
      ["9223372036854775808"] = 2.0 ^ 63, ["-9223372036854775809"] = -2.0 ^ 63,
      ["1e400"] = math.huge, ["Infinity"] = math.huge, ["-Infinity"] = -math.huge,
      ["0.1"] = 0.1, ["123456789012345678901234567890"] = 123456789012345678901234567890.0,
    } do
      assert.equal("float", math.type(json.decode(text)))
      assert.equal(value, json.decode(text))
    end
    local nan = json.decode "[NaN]"
    assert.is_true(nan[1] ~= nan[1])
    for _, text in ipairs { "01", "1.", "1.e5", "1e", "1e+", "-01", "00" } do
      refused(text, "a number that is none at line 1, column 1")
    end
    for _, text in ipairs { "+1", ".5", "-", "--1", "nul", "True", "'a'", "-Inf", "/* */1" } do
      refused(text, "no valid JSON value at line 1, column 1")
    end
    refused("1" .. ("0"):rep(1000) .. ".5",
      "a number of more than 1000 characters at line 1, column 1")
  end)

  it("writes the shortest digits that come back", function ()
    for text, value in pairs {
      ["0.1"] = 0.1, ["1.0"] = 1.0, ["1e+300"] = 1e300, ["-2.5"] = -2.5, ["-0.0"] = -0.0,
      ["0.30000000000000004"] = 0.1 + 0.2, ["NaN"] = 0 / 0, ["Infinity"] = math.huge,
      ["-Infinity"] = -math.huge, ["3"] = 3, ["100000.0"] = 1e5,
    } do
      assert.equal(text, json.encode(value))
    end
    assert.equal("4.94065645841247e-324", json.encode(5e-324))
  end)

  it("decodes escapes, and what is not ASCII", function ()
    assert.equal('"\\/\b\f\n\r\tA', json.decode [["\"\\\/\b\f\n\r\t\u0041"]])
    assert.equal("\u{e9}\u{20ac}\u{1f600}\0", json.decode [["\u00e9\u20AC\ud83d\ude00\u0000"]])
    assert.equal("\u{fffd}x\u{fffd}", json.decode [["\ud83dx\ude00"]])
    assert.equal("\u{fffd}A", json.decode [["\ud83d\u0041"]])
    assert.equal("é€😀", json.decode '"é€😀"')
    assert.same({ ["a\n"] = 1 }, json.decode '{"a\\n": 1}')
    refused('"\\x"', "no such escape in a string at line 1, column 2")
    refused('"\\u12G4    "', "no such escape in a string at line 1, column 2")
    refused('"a\nb"', "a control character in a string at line 1, column 3")
    refused('["abc', "unterminated string at line 1, column 2")
    refused('"abc\\"', "unterminated string at line 1, column 1")
    refused('"abc\\', "unterminated string at line 1, column 1")
    refused('"\\u12', "unterminated string at line 1, column 1")
  end)

  it("quotes what must be quoted", function ()
    assert.equal([["\"\\\b\f\n\r\t\u0000\u001f\u007f/é"]],
      json.encode "\"\\\b\f\n\r\t\0\x1f\x7f/é")
    for byte = 0, 255 do
      local text = "a" .. string.char(byte) .. "b"
      assert.equal(text, json.decode(json.encode(text)))
    end
  end)

  it("says what is wrong, with line and column", function ()
    refused("", "a value is missing at line 1, column 1")
    refused("[1, 2", "unterminated array at line 1, column 1")
    refused('{"a": [1, {"b": 2}', "unterminated array at line 1, column 7")
    refused('{"a"', "unterminated object at line 1, column 1")
    refused('{\n  "a": 1\n  "b": 2\n}', "a comma or } is missing at line 3, column 3")
    refused("[1 2]", "a comma or ] is missing at line 1, column 4")
    refused("[1,]", "no valid JSON value at line 1, column 4")
    refused("[,1]", "no valid JSON value at line 1, column 2")
    refused("[1}", "a comma or ] is missing at line 1, column 3")
    refused('{"a" 1}', "a colon is missing at line 1, column 6")
    refused('{"a": 1,}', "a name in quotes is missing at line 1, column 9")
    refused("{a: 1}", "a name in quotes is missing at line 1, column 2")
    refused('["é€", x]', "no valid JSON value at line 1, column 8")
    refused("[1]\n\n]", "there is more after the value at line 3, column 1")
  end)

  it("is bounded in depth", function ()
    local deep = json.decode(("["):rep(500) .. ("]"):rep(500))
    local depth = 0
    while deep do deep, depth = deep[1], depth + 1 end
    assert.equal(500, depth)
    refused(("["):rep(501) .. ("]"):rep(501),
      "nested too deeply, more than 500 levels, at line 1, column 501")
    refused(('{"a":'):rep(1000000),
      "nested too deeply, more than 500 levels, at line 1, column 2501")
  end)
end)

-- ---- random texts -----------------------------------------------------------------------------

local seed = 11
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2 ^ 31
  return math.tointeger(seed // 65536 % n) + 1
end

local scalars = {
  function () return random(1000) - 500 end,
  function () return (random(2000) - 1000) / 2 ^ random(40) end,
  function () return ({ true, false, None })[random(3)] end,
  function ()
    local bytes = {}
    for i = 1, random(12) do bytes[i] = string.char(random(256) - 1) end
    return table.concat(bytes)
  end,
}

local list, object = { __jsontype = "array" }, { __jsontype = "object" }

local function tree(depth)
  local kind = random(depth > 0 and 6 or 4)
  if kind <= 4 then
    return scalars[kind]()
  end
  local t = setmetatable({}, kind == 5 and list or object)
  for i = 1, random(5) - 1 do
    t[kind == 5 and i or scalars[4]()] = tree(depth - 1)
  end
  return t
end

describe("random JSON", function ()
  it("comes back as it was written", function ()
    for _ = 1, 500 do
      local value = tree(5)
      assert.same(value, json.decode(json.encode(value)))
      assert.same(value, json.decode(json.encode(value, 2)))
    end
  end)

  it("that is broken is read or refused, and what is read is read again", function ()
    local read, pieces = 0, {
      '"', "[", "]", "{", "}", ",", ":", "\\", "0", "-", "e", ".", "\0", "\\u", "null", "NaN",
      "\xff", "\n", " ",
    }
    for _ = 1, 4000 do
      local text = json.encode(tree(4))
      for _ = 1, random(3) do
        local at, cut = random(#text), random(3) - 1
        text = text:sub(1, at - 1) .. pieces[random(#pieces)] .. text:sub(at + cut)
      end
      local value, problem = json.decode(text)
      if problem then
        assert.truthy(problem:find " at line %d+, column %d+$")
      else
        read = read + 1
        local again = json.encode(value)
        assert.equal(again, json.encode(json.decode(again)))
      end
    end
    assert.truthy(read > 100 and read < 3900)
  end)

  it("that is cut anywhere is refused", function ()
    local text = json.encode { a = { 1, "b\u{e9}\n", { c = true } }, d = 2.5 }
    for n = 0, #text - 1 do
      local value, problem = json.decode(text:sub(1, n))
      assert.is_nil(value)
      assert.truthy(problem:find "at line 1")
    end
  end)

  it("of any bytes does no harm", function ()
    for _ = 1, 4000 do
      local bytes = {}
      for i = 1, random(40) do bytes[i] = string.char(random(256) - 1) end
      local value, problem = json.decode(table.concat(bytes))
      assert.is_true(value ~= nil or type(problem) == "string")
    end
    assert.error_at_line(function () core.json_read({}) end, "must be a string")
  end)
end)
