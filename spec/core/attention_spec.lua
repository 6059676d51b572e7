-- Attention by blocks against the same in other ops: value, gradients, gradients of gradients;
-- masks of all shapes, rows that see nothing, odd sizes, dropped weights; the same bits however it
-- is shared out.

local core = require "lunula.core"
local k = require "lunula"
local by_blocks = require("lunula.ops.attention").by_blocks
local harness = require "spec.support.ops_harness"

local ops = core.ops
local hidden = -0.7 * 3.4028234663852886e38
local uniform_of = harness.hidden.random_uniform_of

-- Weights are dropped by a rate and a key, when they are said.
local function lowered(q, key, v, bias, mask, scale, causal, rate, draw)
  local times = q.shape[3] // key.shape[3]
  key, v = ops["repeat"](key, times, 2), ops["repeat"](v, times, 2)
  local scores = ops.matmul(ops.transpose(q, { 0, 2, 1, 3 }) * scale,
    ops.transpose(key, { 0, 2, 3, 1 }))
  if bias then scores = scores + bias end
  if mask then scores = ops.where(mask, scores, hidden) end
  if causal then
    local own, seen = ops.iota_like(scores, -2), ops.iota_like(scores, -1)
    scores = ops.where(ops.less_equal(seen, own), scores, hidden)
  end
  local weights = ops.softmax(scores, -1)
  if rate then
    weights = ops.where(ops.less_equal(rate, uniform_of(weights, draw)), weights / (1 - rate), 0)
  end
  local y = ops.matmul(weights, ops.transpose(v, { 0, 2, 1, 3 }))
  return ops.transpose(y, { 0, 2, 1, 3 })
end

local function dropping(q, key, v, bias, mask, scale, causal, rate, draw)
  return by_blocks(q, key, v, bias, mask,
    { scale = scale, causal = causal or false, rate = rate }, draw)
end

local function largest(x) return ops.max(ops.abs(x)):item() end

local function check_near(given, wanted, tolerance, name)
  local bound = tolerance * (1 + largest(wanted))
  assert.is_true(largest(given - wanted) <= bound, name)
end

-- Sizes b, T, S, heads, key heads, d, e; `see`: how likely a key is seen.
local function tensors(c)
  local b, t, s, h, own, d, e = table.unpack(c)
  local x = { k.random.normal { b, t, h, d }, k.random.normal { b, s, own, d },
    k.random.normal { b, s, own, e } }
  local bias = c.bias and k.random.normal(c.bias) or nil
  local mask = c.mask and ops.less(k.random.uniform(c.mask), c.see or 0.6) or nil
  if bias then x[4] = bias end
  return x, mask, k.random.normal { b, t, h, e }, 1 / math.sqrt(d)
end

local function with(f, mask, scale, causal, ...)
  local drop = { ... }
  return function(q, key, v, bias)
    return f(q, key, v, bias, mask, scale, causal, table.unpack(drop))
  end
end

local function first_of(f, g)
  return function(...) return ops.sum(f(...) * g) end
end

local function second_of(f, g)
  return function(...)
    local _, d = core.value_and_grad(first_of(f, g))(...)
    local total = 0
    for i = 1, #d do total = total + ops.sum(ops.sin(d[i])) end
    return total
  end
end

local cases = {
  { 2, 3, 5, 2, 2, 4, 4 },
  { 2, 5, 5, 2, 2, 4, 3, causal = true },
  { 1, 7, 4, 4, 2, 5, 3, causal = true },
  { 2, 5, 7, 4, 1, 4, 3, mask = { 2, 1, 5, 7 } },
  { 2, 5, 7, 4, 2, 4, 3, mask = { 2, 1, 1, 7 }, bias = { 1, 4, 5, 7 } },
  { 2, 5, 7, 4, 2, 4, 3, mask = { 2, 4, 5, 1 }, bias = { 2, 1, 5, 1 }, causal = true },
  { 2, 6, 6, 2, 2, 4, 3, mask = { 2, 1, 6, 6 }, see = 0.1, causal = true },
  { 1, 130, 300, 2, 1, 33, 40, mask = { 1, 1, 130, 300 }, bias = { 1, 2, 130, 300 },
    causal = true },
  { 1, 300, 520, 2, 2, 16, 17, mask = { 1, 1, 300, 520 }, see = 0.01, causal = true },
  { 1, 300, 300, 2, 2, 32, 16, causal = true },
  { 1, 70, 90, 1, 1, 512, 300 },
  { 3, 1, 40, 2, 2, 8, 8 },
}

local function check_gradients(ours, theirs, x, g)
  check_near(ours(table.unpack(x)), theirs(table.unpack(x)), 1e-5, "value")
  for order, of in ipairs { first_of, second_of } do
    local _, given = core.value_and_grad(of(ours, g))(table.unpack(x))
    local _, wanted = core.value_and_grad(of(theirs, g))(table.unpack(x))
    for j = 1, #x do
      check_near(given[j], wanted[j], 2e-5, ("gradient %d of order %d"):format(j, order))
    end
  end
end

describe("attention by blocks", function()
  for i, c in ipairs(cases) do
    it("is that of the other ops, and so are its gradients, case " .. i, function()
      k.set_random_seed(i)
      local x, mask, g, scale = tensors(c)
      check_gradients(with(ops.dot_product_attention, mask, scale, c.causal),
        with(lowered, mask, scale, c.causal), x, g)
    end)

    it("drops what the other ops drop, case " .. i, function()
      k.set_random_seed(i)
      local x, mask, g, scale = tensors(c)
      local draw = k.random.uniform { 4 }
      check_gradients(with(dropping, mask, scale, c.causal, 0.3, draw),
        with(lowered, mask, scale, c.causal, 0.3, draw), x, g)
    end)
  end

  it("drops a share of the weights, other ones by another key", function()
    local q, v = k.zeros { 2, 60, 3, 4 }, k.ones { 2, 60, 3, 4 }
    local function drop(rate, draw) return dropping(q, q, v, nil, nil, 1, false, rate, draw) end
    local draw = k.random.uniform { 4 }
    assert.near(1, ops.mean(drop(0.25, draw)):item(), 0.02)
    assert.equal(drop(0.25, draw):tobytes(), drop(0.25, draw):tobytes())
    for i = 0, 3 do
      local other = draw + ops.cast(ops.equal(ops.iota_like(draw, 0), i), "float32")
      assert.not_equal(drop(0.25, draw):tobytes(), drop(0.25, other):tobytes())
    end
    assert.equal(0, largest(drop(1, draw)))
    for _, wrong in ipairs { { -0.1, draw }, { 1.5, draw }, { 0 / 0, draw }, { 0.5 }, { nil, draw },
      { 0.5, k.zeros { 3 } } } do
      assert.is_false((pcall(drop, wrong[1], wrong[2])))
    end
  end)

  it("drops the same in a loop, backwards too", function()
    local x, keys = k.random.normal { 3, 2, 5, 1, 4 }, k.random.uniform { 3, 4 }
    local function step(a, draw)
      return dropping(a, a, a, nil, nil, 0.5, true, 0.4, draw)
    end
    local function looped(z)
      local _, y = core.scan(function(_, xs) return {}, { step(xs[1], xs[2]) } end, {}, { z, keys })
      return ops.sum(ops.sin(y[1]))
    end
    local function unrolled(z)
      local y = 0
      for i = 1, 3 do y = y + ops.sum(ops.sin(step(z[i], keys[i]))) end
      return y
    end
    local a, d = core.value_and_grad(looped)(x)
    local b, e = core.value_and_grad(unrolled)(x)
    assert.near(b:item(), a:item(), 1e-5)
    check_near(d[1], e[1], 1e-6, "gradient")
  end)

  it("gives the same bits in any batch and for any number of threads", function()
    k.set_random_seed(4)
    local c = { 6, 300, 290, 4, 2, 24, 20, mask = { 6, 1, 300, 290 } }
    local x, mask, g, scale = tensors(c)
    local before = core.threads()
    local function all(f, ...)
      local y = f(...)
      local _, d = core.value_and_grad(first_of(f, g))(...)
      return y:tobytes() .. d[1]:tobytes() .. d[2]:tobytes() .. d[3]:tobytes()
    end
    local draw = k.random.uniform { 4 }
    for _, f in ipairs { with(ops.dot_product_attention, mask, scale, true),
      with(dropping, mask, scale, true, 0.2, draw) } do
      core.threads(1)
      local y = all(f, table.unpack(x))
      core.threads(4)
      local z = all(f, table.unpack(x))
      core.threads(before)
      assert.is_true(y == z)
    end
    local part = {}
    for i = 1, 3 do part[i] = ops.slice(x[i], { 2, 0, 0, 0 }, { 1, -1, -1, -1 }) end
    local whole = ops.dot_product_attention(x[1], x[2], x[3])
    local one = ops.dot_product_attention(part[1], part[2], part[3])
    assert.is_true(ops.slice(whole, { 2, 0, 0, 0 }, { 1, -1, -1, -1 }):tobytes() == one:tobytes())
  end)

  it("shares an item of the batch", function()
    local q, key = k.random.normal { 1, 3, 2, 4 }, k.random.normal { 3, 5, 2, 4 }
    local function both(f) return core.value_and_grad(function(a, b)
      return ops.sum(ops.sin(f(a, b, b, nil, nil, 0.5)))
    end)(q, key) end
    local y, d = both(ops.dot_product_attention)
    local z, e = both(lowered)
    assert.near(z:item(), y:item(), 1e-5)
    for i = 1, 2 do check_near(d[i], e[i], 1e-5, "gradient") end
  end)

  it("has no place for numbers of nothing", function()
    local y = ops.dot_product_attention(k.zeros { 2, 3, 2, 4 }, k.zeros { 2, 0, 2, 4 },
      k.zeros { 2, 0, 2, 4 })
    assert.equal(0, largest(y))
    y = ops.dot_product_attention(k.zeros { 2, 0, 2, 4 }, k.zeros { 2, 3, 2, 4 },
      k.zeros { 2, 3, 2, 4 })
    assert.equal(2, y.shape[1])
    assert.equal(0, y.shape[2])
  end)

  it("keeps no scores: memory grows with the length, not with its square", function()
    local draw = k.random.uniform { 4 }
    local function bytes(t, attend)
      local x = k.random.normal { 1, t, 4, 32 }
      local f = core.trace({ { shape = { 1, t, 4, 32 } } }, function(a)
        return core.grad(ops.sum(attend(a, a, a)), { a })[1]
      end)
      collectgarbage()
      local before = core.memory().peak
      f(x)
      return core.memory().peak - before
    end
    assert.is_true(bytes(2048, ops.dot_product_attention) < 12 * 2048 * 4 * 32 * 4)
    assert.is_true(bytes(2304, with(dropping, nil, 1, false, 0.1, draw)) < 12 * 2304 * 4 * 32 * 4)
  end)
end)
