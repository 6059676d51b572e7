-- core.inflate and core.gunzip: what zlib packed (spec/golden/deflated.jsonl), and broken bytes.

local core = require "lunula.core"
local golden = require "spec.support.golden"
local json = require "lunula.saving.json"

local cases = {}
for line in io.lines "spec/golden/deflated.jsonl" do
  local case = json.decode(line)
  case.text, case.gzip = golden.bytes(case.text), golden.bytes(case.gzip)
  for i, stream in ipairs(case.streams) do case.streams[i] = golden.bytes(stream) end
  cases[#cases + 1] = case
end

describe("what is compressed", function()
  it("comes back as it was", function()
    for _, case in ipairs(cases) do
      assert.equal(case.crc, core.checksum(case.text))
      assert.equal(case.text, core.gunzip("x.gz", case.gzip))
      for _, stream in ipairs(case.streams) do
        assert.equal(case.text, core.inflate("x.npz", stream, 1, #stream, #case.text))
        assert.equal(case.text, core.inflate("x", "ab" .. stream .. "c", 3, #stream, #case.text))
      end
    end
  end)

  it("comes in several members, and with zeros behind", function()
    local a, b = cases[3], cases[7]
    assert.equal(a.text .. b.text, core.gunzip("x", a.gzip .. b.gzip .. ("\0"):rep(9)))
    -- a head with every field
    local head = "\x1f\x8b\8\30" .. ("\0"):rep(6) .. "\3\0abc" .. "name\0" .. "comment\0" .. "xx"
    assert.equal(a.text, core.gunzip("x", head .. a.gzip:sub(11)))
  end)

  it("never comes to more or fewer bytes than was said", function()
    for _, case in ipairs(cases) do
      for _, stream in ipairs(case.streams) do
        if #case.text > 0 then
          assert.error_at_line(function()
            core.inflate("x.npz", stream, 1, #stream, #case.text - 1)
          end, '"x.npz": it holds more than')
        end
        local ok = pcall(core.inflate, "x.npz", stream, 1, #stream, #case.text + 1)
        assert.is_false(ok)
      end
    end
    assert.error_at_line(function() core.inflate("x", "\3\0", 1, 2, 1000000) end,
      "no 2 bytes become 1000000")
  end)

  it("is refused where it is cut off or broken", function()
    local function fails(bytes, message, size)
      assert.error_at_line(function()
        core.inflate("x.npz", bytes, 1, #bytes, size or 9)
      end, '"x.npz": ' .. message)
    end
    fails("", "the compressed bytes end early", 0)
    fails("\7\0", "a block of an unknown kind")
    fails("\1\3\0\3\0abc", "a block whose length is not repeated")
    fails("\1\3\0\xfc\xffab", "the compressed bytes end early")
    fails("\3\2\0", "a distance goes back before the beginning")
    fails("\5\xff\xff\xff\xff\xff\xff\xff\xff", "more codes than there are")
    assert.error_at_line(function() core.gunzip("x.gz", "hello") end, '"x.gz": this is no .gz file')
    local whole = cases[3].gzip
    for n = 0, #whole - 1 do
      assert.is_false((pcall(core.gunzip, "x.gz", whole:sub(1, n))))
    end
    assert.error_at_line(function() core.gunzip("x.gz", whole:sub(1, -9) .. ("\1"):rep(8)) end,
      "do not have the checksum")
  end)

  it("may be broken in any way", function()
    local state = 11
    local function draw(n)
      state = (state * 1103515245 + 12345) % 2 ^ 31
      return math.tointeger(state // 65536 % n + 1)
    end
    for i = 1, 6000 do
      local case = cases[2 + i % (#cases - 1)]
      local stream = case.streams[1 + i % 5]
      local at = draw(#stream)
      local broken = stream:sub(1, at - 1) .. string.char(draw(256) - 1)
        .. (i % 4 == 0 and "" or stream:sub(at + 1))
      local ok, result = pcall(core.inflate, "x.npz", broken, 1, #broken, #case.text)
      assert.equal(ok and #case.text or "string", ok and #result or type(result))
    end
  end)
end)
