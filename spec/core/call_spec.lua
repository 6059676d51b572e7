-- Functions as single nodes: their results, their gradients, their own rules.

local core = require "lunula.core"
local ops = core.ops

local function close(want, got)
  assert.is_true((want - got):abs():max():item() < 1e-5)
end

describe("a call", function()
  local w, x
  before_each(function()
    w = core.variable { value = core.tensor { { 1, -2 }, { 3, 0.5 } } }
    x = core.tensor { { 0.1, 0.2 }, { -0.3, 0.4 }, { 0.5, 0.6 } }
  end)

  local function body(v) return ((v:matmul(w)):tanh() * v):sigmoid() end
  local function called(v) return core.call(body, { v })[1] end

  it("is its body, with the gradients of its body", function()
    local function loss(f) return function(v) return (f(v) ^ 2):sum() end end
    local want, dx, dw = core.value_and_grad(loss(body), { w })(x)
    local got, ex, ew = core.value_and_grad(loss(called), { w })(x)
    close(want, got)
    close(dx[1], ex[1])
    close(dw[1], ew[1])
    local f = core.trace({ { shape = { false, 2 } } }, function(v)
      local l = loss(called)(v)
      return l, table.unpack(core.grad(l, { v, w }))
    end)
    local l, tx, tw = f(x)
    close(want, l)
    close(dx[1], tx)
    close(dw[1], tw)
  end)

  it("keeps less for the way back", function()
    local function deep(one) -- eight layers of a wide net
      return core.trace({ { shape = { false, 2 } } }, function(v)
        local h = v
        for _ = 1, 8 do h = one(h) end
        return core.grad(h:sum(), { v })[1]
      end)
    end
    local function wide(v)
      local h = v:matmul(ops.ones_like(w))
      for _ = 1, 6 do h = (h * 1.1):tanh():matmul(ops.ones_like(w)) end
      return h
    end
    local kept = deep(wide):memory { batch = 4096 }
    local again = deep(function(v) return core.call(wide, { v })[1] end):memory { batch = 4096 }
    assert.is_true(again < kept * 0.6, again .. " against " .. kept)
  end)

  it("takes the gradient that it is given", function()
    local function clipped(v) -- the identity, with a clipped gradient
      return core.call(function(u)
        local y = u * 1
        return { y }, function(g) return ops.minimum(g, y * 0 + 0.5) end
      end, { v })[1]
    end
    local function loss(v) return (clipped(v) * core.tensor { 3, 0.25 }):sum() end
    local _, d = core.value_and_grad(loss)(core.tensor { 1, 2 })
    assert.same({ 0.5, 0.25 }, d[1]:totable())
    local f = core.trace({ { shape = { false } } }, function(v)
      return core.grad(loss(v), { v })[1]
    end)
    assert.same({ 0.5, 0.25 }, f({ 1, 2 }):totable())
  end)

  it("has its names in the facade", function()
    local k = require "lunula"
    local halved = k.ops.custom_gradient(function(u)
      return u * 2, function(g) return g * 0.5 end
    end)
    local y, d = k.value_and_grad(function(v) return halved(v):sum() end)(core.tensor { 3 })
    assert.equal(6, y:item())
    assert.same({ 0.5 }, d[1]:totable())
    local _, e = k.value_and_grad(function(v) return k.remat(body)(v):sum() end)(x)
    local _, want = k.value_and_grad(function(v) return body(v):sum() end)(x)
    close(want[1], e[1])
  end)

  it("says what is wrong", function()
    local function message_of(f, ...) return tostring(select(2, pcall(f, ...))) end
    assert.matches("1 inputs, the gradient function returned 2 values", message_of(core.call,
      function(u) return { u }, function(g) return g, g end end, { x }))
    assert.matches("boom", message_of(core.call, function() error "boom" end, { x }))
    assert.is_false(core.tracing())
  end)
end)
