-- A Lua state that closes while tensors, functions and models live, and finalizers that come late.

local files = require "spec.support.files"
local lua = require "spec.support.lua"

describe("a closing state", function()
  it("answers late finalizers with errors, not crashes", function()
    local name = os.tmpname()
    files.write(name, ([[
      package.path, package.cpath = %q, %q
      local late = setmetatable({}, { __gc = function(o)
        print(pcall(function() return o.t:sum() end))
        print(pcall(o.core.tensor, { 1, 2 }))
        print(pcall(o.f, o.t))
      end })
      local core = require "lunula.core"
      late.core, late.t = core, core.tensor { 1, 2 }
      late.f = core.trace({ { shape = { false } } }, function(x) return x * 2 end)
      late.f(late.t)
      print "alive"]]):format(package.path, package.cpath))
    local pipe = assert(io.popen(lua.command .. " " .. name .. " 2>&1; echo status $?"))
    local out = pipe:read "a"
    pipe:close()
    os.remove(name)
    assert.matches("alive", out)
    assert.matches("lunula is closed with its Lua state", out)
    assert.matches("status 0", out)
  end)
end)
