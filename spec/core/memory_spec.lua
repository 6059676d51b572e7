-- What tensors hold is bounded, in both modes of Lua's collector. Each case runs in a process of
-- its own, so that the peaks are its own.

local core = require "lunula.core"

-- A sanitizer keeps freed blocks for a while and fills them: fewer turns show as much.
local turns = os.getenv "ASAN_OPTIONS" and 200 or 10000

local function run(body)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(([[
    package.path, package.cpath = %q, %q
    local core = require "lunula.core"
    local ops = core.ops
    local function resident()
      for line in io.lines "/proc/self/status" do
        local kb = line:match "^VmRSS:%%s+(%%d+)"
        if kb then return tonumber(kb) / 1024 end
      end
    end
    %s]]):format(package.path, package.cpath, body))
  file:close()
  local pipe = assert(io.popen("lua5.4 " .. name .. " 2>&1"))
  local out = pipe:read "a"
  pipe:close()
  os.remove(name)
  local peak, rss = out:match "(%d+)%s+([%d.]+)"
  assert(peak, out)
  return tonumber(peak) / 2 ^ 20, tonumber(rss)
end

for _, mode in ipairs { "incremental", "generational" } do
  describe("with the " .. mode .. " collector", function()
    it("ten thousand temporaries of 4 MB need little", function()
      local peak, resident = run(([[
        collectgarbage %q
        for i = 1, %d do local t = ops.full({ 1024, 1024 }, i) end
        print(core.memory().peak, resident())]]):format(mode, turns))
      assert.is_true(peak <= 100, peak)
      assert.is_true(resident <= 400, resident)
    end)

    it("a ring of survivors does not grow", function()
      local peak, resident = run(([[
        collectgarbage %q
        local ring = {}
        for i = 1, %d do ring[i %% 8] = ops.full({ 512, 512 }, i) end
        print(core.memory().peak, resident())]]):format(mode, turns // 5))
      assert.is_true(peak <= 100, peak)
      assert.is_true(resident <= 400, resident)
    end)
  end)
end

describe("a stopped collector", function()
  it("stays stopped", function()
    local peak = run [[
      collectgarbage "stop"
      for i = 1, 50 do local t = ops.full({ 1024, 1024 }, i) end
      print(core.memory().peak, resident())]]
    assert.is_true(peak >= 190, peak)
  end)
end)

describe("memory that is not there", function()
  it("is an error with the figures, and nothing breaks", function()
    local ok, text = pcall(core.ops.full, { 1 << 20, 1 << 20 }, 1)
    assert.is_false(ok)
    assert.matches("out of memory: 4.0 TB wanted for %(1048576, 1048576%) float32", text)
    assert.equal(3, core.ops.sum(core.tensor { 1, 2 }):item())
  end)

  it("is collected before the limit is an error", function()
    run [[
      core.set_memory_limit(64 << 20)
      collectgarbage "generational"
      for i = 1, 200 do local t = ops.full({ 1024, 1024 }, i) end
      local ok, text = pcall(ops.full, { 1024, 1024, 32 }, 1)
      assert(not ok and text:find("limit 64.0 MB", 1, true), text)
      print(core.memory().peak, resident())]]
  end)
end)
