-- What can be asked of the machinery: plans and profiles on stderr, passes switched off, the build.

local core = require "lunula.core"
local files = require "spec.support.files"
local lua = require "spec.support.lua"
local native = require "spec.support.native"

local dense = [[
    local w = core.variable { value = core.ops.full({ 3, 2 }, 1), name = "w" }
    local f = core.trace({ { shape = { false, 3 } } }, function(x)
      return (x:matmul(w) + 1):relu() * 1
    end)
    print(f(core.ops.full({ 2, 3 }, 1)):totable()[2][2])]]

local loop = [[
    local f = core.trace({ { shape = { 4, false, 3 } } }, function(x)
      local last = core.scan(function(s, xs)
        return { (s[1] + xs[1]):minimum(4) }
      end, { x[1] * 0 }, { x })
      return last[1]
    end)
    print(f(core.ops.full({ 4, 2, 3 }, 1)):totable()[2][2])]]

local row = [[
    local a = core.variable { value = core.ops.full({ 3, 3 }, 0.5), name = "a" }
    local b = core.variable { value = core.ops.full({ 3, 5 }, 0.25), name = "b" }
    local f = core.trace({ { shape = { 4, false, 3 } } }, function(x)
      local last = core.scan(function(s, xs)
        return { (s[1]:matmul(a) + s[1]:matmul(b):max(1, true) * xs[1]):minimum(4) }
      end, { x[1] }, { x })
      return last[1]
    end)
    print(f(core.ops.full({ 4, 1, 3 }, 1)):totable()[1][2])]]

local function run(setting, code)
  local name = os.tmpname()
  files.write(name, ("package.path, package.cpath = %q, %q\nlocal core = require 'lunula.core'\n%s")
    :format(package.path, package.cpath, code or dense))
  local pipe = assert(io.popen(("env %s %s %s 2>&1"):format(setting, lua.command, name)))
  local out = pipe:read "a"
  pipe:close()
  os.remove(name)
  assert.matches("4.0", out, 1, true)
  return out
end

describe("the machinery", function()
  native("prints its plans, with the user's lines", function()
    local out = run "LUNULA_DEBUG=plan"
    assert.matches("matmul_panels%(%%0, %%%d+, false, 2%) : float32 %(2, 2%)  [^\n]*:5", out)
    assert.matches("matmul_panels %(%%%d+%) then add relu: %%%d+:output0", out)
  end)

  native("leaves out the passes that are switched off", function()
    assert.matches("matmul_panels %(%%%d+%) then add relu multiply",
      run "LUNULA_DEBUG=plan LUNULA_PASSES=-simplify")
    assert.not_matches("then", run "LUNULA_DEBUG=plan LUNULA_PASSES=-attach")
    local naive = run "LUNULA_DEBUG=plan LUNULA_PASSES=naive"
    for _, op in ipairs { "matmul:", "add:", "relu:", "multiply:" } do
      assert.matches(op, naive, 1, true)
    end
  end)

  it("knows no other passes and nothing else to print", function()
    local f = core.trace({ { shape = { 2 } } }, function(x) return x + 1 end)
    assert.error_at_line(function() f:passes "-fuse,bogus" end,
      'there is no pass "bogus": naive, or')
    local name = os.tmpname()
    files.write(name, ([[package.cpath = %q
      require("lunula.core").trace({ { shape = { 2 } } }, function(x) return x + 1 end)]])
      :format(package.cpath))
    for setting, text in pairs {
      ["LUNULA_PASSES=fuse"] = 'there is no pass "fuse": naive, or',
      ["LUNULA_DEBUG=profile,bogus"] = 'there is no LUNULA_DEBUG "bogus": plan, profile or',
    } do
      local pipe = assert(io.popen(("env %s %s %s 2>&1"):format(setting, lua.command, name)))
      assert.matches(name .. ":2: " .. text, pipe:read "a", 1, true)
      pipe:close()
    end
    os.remove(name)
  end)

  native("times its steps", function()
    assert.matches("profile of 1 runs.*matmul_panels %+ elementwise", run "LUNULA_DEBUG=profile")
  end)

  it("shows the bodies of loops", function()
    local out = run("LUNULA_DEBUG=plan,profile", loop)
    assert.matches("the body of a loop at [^\n]*:%d+\n.*add minimum: .*%-%-%-%- end of the body",
      out)
    assert.matches("profile of 1 runs.*  scan  .*profile of 4 runs.*  elementwise  ", out)
  end)

  native("makes one product of those of a lone row", function()
    local out = run("LUNULA_DEBUG=plan", row)
    assert.matches("matmul_panels%(%%%d+, %%%d+, false, 8%) : float32 %(1, 8%)", out)
    assert.not_matches("false, [35]%)", out)
  end)

  it("says what it is built of", function()
    local info = core.build_info()
    assert.equal(core.version, info.version)
    local header = files.read "src/host/lunula.h"
    assert.equal(core.version, header:match '#define LUNULA_VERSION "(.-)"')
    local major, minor, patch = core.version:match "(%d+)%.(%d+)%.(%d+)"
    assert.equal(major * 10000 + minor * 100 + patch,
                 tonumber(header:match "#define LUNULA_VERSION_NUMBER (%d+)"))
    local changes = files.read "rocks/CHANGELOG.md"
    assert.equal(core.version, changes:match "\n## (%S+)")
    assert.is_true(info.threads >= 1)
  end)

  local function names(command)
    local shown = {}
    for line in io.popen(command):lines() do
      local name = line:match " [A-Z] (%S+)$"
      if name then shown[#shown + 1] = name end
    end
    return shown
  end

  it("shows one name", function()
    local path = assert(package.searchpath("lunula.core", package.cpath))
    assert.same({ "luaopen_lunula_core" }, names("nm -D --defined-only " .. path))
    local archive = path:gsub("lunula/core.so$", "liblunula.a")
    if not io.open(archive) then return end   -- a part of the suite builds none
    local defined = {}
    for _, name in ipairs(names("nm -g --defined-only " .. archive)) do defined[name] = true end
    local header = files.read "src/host/lunula.h"
    for name in header:gmatch "LUNULA_API.-(lunula_[%l_]+)%(" do
      local elsewhere = name == "lunula_openblas"   -- in liblunula_blas.a
      assert.equal(not elsewhere, defined[name] or false, name)
    end
  end)
end)
