-- What tensors hold is bounded, in both modes of Lua's collector. Each case runs in a process of
-- its own, so that the peaks are its own.

local core = require "lunula.core"
local files = require "spec.support.files"
local lua = require "spec.support.lua"

-- A sanitizer keeps freed blocks for a while and fills them: fewer turns show as much.
local turns = os.getenv "ASAN_OPTIONS" and 200 or 2000

local function run(body)
  local name = os.tmpname()
  files.write(name, ([[
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
  local pipe = assert(io.popen(lua.command .. " " .. name .. " 2>&1"))
  local out = pipe:read "a"
  pipe:close()
  os.remove(name)
  local peak, rss = out:match "(%d+)%s+([%d.]+)"
  assert(peak, out)
  return tonumber(peak) / 2 ^ 20, tonumber(rss)
end

for _, mode in ipairs { "incremental", "generational" } do
  describe("with the " .. mode .. " collector", function()
    it("two thousand temporaries of 4 MB need little", function()
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

  it("never becomes a wrong number", function()
    run [[
      local x, kept = ops.full({ 4 }, 5), {}
      for i = 1, 50 do kept[i] = ops.full({ 4 }, 1) end
      collectgarbage()
      local wrong, refused = 0, 0
      for room = 0, 4000, 8 do
        core.set_memory_limit(core.memory().live + room)
        local ok, y = pcall(function () return (x * 2 - 1):totable() end)
        core.set_memory_limit(0)
        if ok then
          for i = 1, 4 do if y[i] ~= 9 then wrong = wrong + 1 end end
        else
          assert(y:find "^[^:]+:%d+: .*out of memory", y)
          refused = refused + 1
        end
      end
      assert(wrong == 0 and refused > 10, wrong .. " wrong, " .. refused .. " refused")
      print(core.memory().peak, resident())]]
  end)

  it("counts what traces hold", function()
    local peak, resident = run [[
      core.set_memory_limit(32 << 20)
      local kept = {}
      local ok, text = pcall(function ()
        while true do
          kept[#kept + 1] = core.trace({ { shape = { false, 2 } } }, function (x)
            for _ = 1, 100 do x = ops.add(x, 1) end
            return x
          end)
        end
      end)
      assert(not ok and text:find "out of memory", text)
      print(core.memory().peak, resident())]]
    assert.is_true(peak <= 32, peak)
    local watched = os.getenv "ASAN_OPTIONS"   -- a sanitizer's own memory is resident as well
    assert.is_true(watched ~= nil or resident <= 100, resident)
  end)

  it("is not held by calls that failed", function()
    run [[
      local big = {}
      for i = 1, 1000 do big[i] = i end
      pcall(ops.concatenate, { big, "x" })
      collectgarbage() collectgarbage()
      local before = core.memory().live
      for _ = 1, 100 do
        pcall(ops.concatenate, { big, "x" })
        pcall(ops.add, big, "x")
      end
      collectgarbage() collectgarbage()
      assert(core.memory().live <= before + 4000, core.memory().live - before)
      print(core.memory().peak, resident())]]
  end)

  it("is kept for later only below the limit", function()
    run [[
      local limit = 64 << 20
      core.set_memory_limit(limit)
      for i = 1, 200 do
        ops.full({ 1024, 900 + 37 * i % 4000 }, 1):release()
        local m = core.memory()
        assert(m.live + m.cached <= limit, m.live + m.cached)
      end
      print(core.memory().peak, resident())]]
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
