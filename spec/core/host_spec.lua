-- Closures that a plan calls between its steps, and their gradients.

local core = require "lunula.core"

local function message_of(f, ...) return tostring(select(2, pcall(f, ...))) end
local function line() return debug.getinfo(2, "l").currentline end

local function stepped(fn, values)
  return core.trace({ { shape = { false, 3 } } }, function(x)
    return (core.host { fn = fn, inputs = { x, table.unpack(values or {}) }, values = 1,
      outputs = { { shape = { false, 3 } } } })
  end)
end

describe("a host step", function()
  it("is called once per run with eager tensors", function()
    local calls = 0
    local f = stepped(function(x)
      calls = calls + 1
      return x:sum():item() > 0 and x * 2 or -x
    end)
    assert.same({ { 2, 4, 6 } }, f({ { 1, 2, 3 } }):totable())
    assert.same({ { 1, 2, 3 } }, f({ { -1, -2, -3 } }):totable())
    assert.equal(2, calls)
  end)

  it("is for plans: eagerly it is an error, and leaves none behind", function()
    for _, outputs in ipairs { {}, { { shape = { 3 } } } } do
      assert.error_at_line(function()
        core.host { fn = print, inputs = { core.tensor { 1 } }, outputs = outputs }
      end, "host")
      assert.equal(2, (core.tensor(1) + 1):item())
    end
  end)

  it("may release what the run works with", function()
    local x, y = core.tensor { { 1, 2 }, { 3, 4 } }, core.tensor { { 0, 0 }, { 0, 0 } }
    local order = core.tensor({ 1, 0 }, { dtype = "int32" })
    local f, sums, armed = nil, {}, false
    local function closure(t)
      if armed then
        armed = false
        x:release()
        y:release()
        order:release()
        f:release()
        collectgarbage()
      end
      sums[#sums + 1] = t:sum():item()
      return t * 2
    end
    f = core.trace({ { shape = { false, 2 } } }, function(a)
      return a + core.host { fn = closure, inputs = { a }, outputs = { { shape = { false, 2 } } } }
    end)
    armed = true
    f:rows { inputs = { x }, outputs = { y }, order = order, batch = 1 }
    assert.same({ 7, 3 }, sums)
    assert.error_at_line(function() f(x) end, "this function was released")

    local z = core.tensor { 1, 2 }
    local g
    g = core.trace({ { shape = { 2 } } }, function(a)
      return a + core.host { fn = function(t)
        z:release()
        g:release()
        collectgarbage()
        return t * 2
      end, inputs = { a }, outputs = { { shape = { 2 } } } }
    end)
    assert.same({ 3, 6 }, g(z):totable())
  end)

  it("has a count of values that its inputs have", function()
    for _, values in ipairs { -1, 2, 1 << 40 } do
      assert.error_at_line(function()
        core.host { fn = print, inputs = { core.tensor { 1 } }, outputs = {}, values = values }
      end, ("host: %d values of 1 inputs"):format(values))
    end
  end)

  it("has gradients, for variables that it reads too", function()
    local w = core.variable { value = core.tensor { 1, 2, 3 } }
    local f = core.trace({ { shape = { false, 3 } } }, function(x)
      local y = core.host { inputs = { x, w }, values = 1, outputs = { { shape = { false, 3 } } },
        fn = function(v) return v:sum():item() > 0 and v * v * w or v * w end }
      local g = core.grad((y * 2):sum(), { x, w })
      return y, g[1], g[2]
    end)
    local y, dx, dw = f { { 1, 2, 3 }, { 0, 1, 1 } }
    assert.same({ { 1, 8, 27 }, { 0, 2, 3 } }, y:totable())
    assert.same({ { 4, 16, 36 }, { 0, 8, 12 } }, dx:totable())
    assert.same({ 2, 10, 20 }, dw:totable())
  end)

  it("passes errors on with both lines", function()
    local at = line() + 1
    local f = stepped(function() error "boom" end)
    local text = message_of(f, { { 1, 2, 3 } })
    assert.matches("host_spec.lua:" .. at .. ": boom", text, 1, true)
    assert.same({ { 2, 4, 6 } }, stepped(function(x) return x * 2 end)({ { 1, 2, 3 } }):totable())
  end)

  it("must keep its promise", function()
    assert.matches("the closure returned (1,) as result 1, its layer promised (1, 3)",
      message_of(stepped(function(x) return x:sum(1) end), { { 1, 2, 3 } }), 1, true)
    assert.matches("the closure returned 2 results, its layer promised 1",
      message_of(stepped(function(x) return x, x end), { { 1, 2, 3 } }))
    assert.matches("result: a tensor, a number or a table of numbers is wanted, got string",
      message_of(stepped(function() return "no" end), { { 1, 2, 3 } }))
  end)

  it("lives as long as its function", function()
    local f = stepped(function(x) return x + 1 end)
    collectgarbage()
    collectgarbage()
    assert.same({ { 2, 3, 4 } }, f({ { 1, 2, 3 } }):totable())
  end)
end)
