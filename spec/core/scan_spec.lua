-- The loop over time against the same steps written one after another.

local core = require "lunula.core"
local native = require "spec.support.native"
local ops = core.ops

local function normal(...)
  return ops.random_normal_like(ops.full({ ... }, 0), core.random_key()) * 0.5
end

local function close(want, got, what)
  local d = (want - got):abs():max():item()
  assert.is_true(d < 2e-5, (what or "") .. " differ by " .. d)
end

local T, B, F, N = 5, 3, 2, 4
local W, U, b

local cells = {
  simple = { 1, function(x, s) return { (x:matmul(W) + b + s[1]:matmul(U)):tanh() } end },
  gated = { 2, function(x, s)
    local z = x:matmul(W) + b + s[1]:matmul(U)
    local f = z:sigmoid()
    local c = f * s[2] + (1 - f) * z:tanh()
    return { f * c:tanh(), c }
  end },
  wasteful = { 1, function(x, s) -- consts combined in the loop, a sum over the batch, a slice
    local w2 = W * 2
    local h = (x:matmul(w2) + s[1] * (b:sum() * 0.1)):tanh()
    return { h - h:sum(0):reshape { 1, N } * 0.05 + s[1]:matmul(U)[{ {}, { 1, N } }] * 0.1 }
  end },
  beside = { 2, function(x, s) -- several products of a state, of different widths, one turned
    local wide = ops.concatenate({ U, U * 2, U[{ {}, { 1, 3 } }] }, 1)
    local h = x:matmul(W) + b + s[1]:matmul(U) * s[1]:matmul(U * 0.5 + 1):sigmoid()
    local more = s[1]:matmul(wide)
    local c = more[{ {}, { 5, 8 } }] + more:sum(1, true) + s[1]:matmul(U, false, true)
    return { (h + s[2] * 0.1):tanh(), s[2] * 0.5 + c }
  end },
}

local function new_weights(seed)
  core.seed(seed)
  W = core.variable { value = normal(F, N) }
  U = core.variable { value = normal(N, N) }
  b = core.variable { value = normal(N) }
end

local function looped(cell)
  return function(x, ...)
    local states, results = core.scan(function(s, xs)
      local new = cell(xs[1], s)
      return new, { new[1] * 2 }
    end, { ... }, { x })
    return results[1], states[1]
  end
end

local function unrolled(cell)
  return function(x, ...)
    local s, ys = { ... }, {}
    for t = 1, T do
      s = cell(x[t], s)
      ys[t] = (s[1] * 2):reshape { 1, B, N }
    end
    return ops.concatenate(ys, 0), s[1]
  end
end

local function loss_of(f)
  return function(...)
    local y, h = f(...)
    return (y * y):sum() + h:sum()
  end
end

for name, row in pairs(cells) do
  describe("a scan of the " .. name .. " cell", function()
    local states, cell = row[1], row[2]
    local x, s

    before_each(function()
      new_weights(7)
      x, s = normal(T, B, F), {}
      for i = 1, states do s[i] = normal(B, N) end
    end)

    it("gives what the steps give", function()
      local y1, h1 = looped(cell)(x, table.unpack(s))
      local y2, h2 = unrolled(cell)(x, table.unpack(s))
      close(y2, y1)
      close(h2, h1)
    end)

    it("has their gradients, on a tape and in a trace of unknown sizes", function()
      local function gradients(f)
        return core.value_and_grad(loss_of(f), { W, U, b })(x, table.unpack(s))
      end
      local _, want, want_v = gradients(unrolled(cell))
      local _, got, got_v = gradients(looped(cell))
      local specs = { { shape = { false, false, F } } }
      for i = 1, states do specs[i + 1] = { shape = { false, N } } end
      local f = core.trace(specs, function(...)
        local loss = loss_of(looped(cell))(...)
        return table.unpack(core.grad(loss, { ..., W, U, b }))
      end)
      local traced = { f(x, table.unpack(s)) }
      local naive = { f:passes("naive")(x, table.unpack(s)) }
      for i = 1, 1 + states do
        close(want[i], got[i], "input " .. i)
      end
      for i = 1, 3 do
        close(want_v[i], got_v[i], "variable " .. i)
      end
      for i, d in ipairs(traced) do close(naive[i], d) end
      close(want[1], traced[1])
      close(want_v[2], traced[#traced - 1])
    end)

    it("has second derivatives", function()
      local function penalty(f)
        return core.value_and_grad(function(v)
          local _, d = core.value_and_grad(function(u) return loss_of(f)(u, table.unpack(s)) end)(v)
          return (d[1] * d[1]):sum()
        end)
      end
      local _, want = penalty(unrolled(cell))(x)
      local _, got = penalty(looped(cell))(x)
      close(want[1], got[1])
    end)
  end)
end

-- Products of a step with a const leave the loop when it is traced; where a step has many rows
-- they go back into it when it is compiled.
describe("the products of a scan", function()
  local function compiled(cell, rows, reverse)
    new_weights(3)
    local x, s = normal(T, rows, F), { normal(rows, N), normal(rows, N) }
    local f = core.trace({ { shape = { T, false, F } }, { shape = { false, N } },
      { shape = { false, N } } }, function(v, ...)
      local last, results = core.scan(function(states, xs)
        local new = cell(xs[1], states)
        return { new[1], new[2] or states[2] }, { new[1] }
      end, { ... }, { v }, { reverse = reverse })
      return results[1], last[1], last[2]
    end)
    return f, { x, table.unpack(s) }
  end

  local function bits(f, inputs)
    local all = { f(table.unpack(inputs)) }
    for i, y in ipairs(all) do all[i] = y:tobytes() end
    return table.concat(all)
  end

  local function steps(rows)
    local f = compiled(cells.gated[2], rows)
    return (select(2, f:memory { batch = rows }))
  end

  native("stand before it, or in it", function()
    assert.equal(2, steps(15))
    assert.equal(1, steps(16))
  end)

  for name, row in pairs(cells) do
    for _, rows in ipairs { 1, 19 } do
      native(("give the bits of %s steps with %d rows"):format(name, rows), function()
        for _, reverse in ipairs { false, true } do
          local f, inputs = compiled(row[2], rows, reverse)
          local want = bits(f, inputs)
          f:passes "naive"
          assert.is_true(bits(f, inputs) == want)
        end
      end)
    end
  end

  for _, name in ipairs { "gated", "beside" } do
    native("give a row the bits that it has alone, " .. name, function()
      local f, inputs = compiled(cells[name][2], 33)
      local y = f(table.unpack(inputs))
      for i, x in ipairs(inputs) do
        inputs[i] = i == 1 and x[{ {}, { 8, 8 } }] or x[{ { 8, 8 } }]
      end
      assert.is_true(f(table.unpack(inputs)):tobytes() == y[{ {}, { 8, 8 } }]:tobytes())
    end)
  end

  native("give a lone row the same bits by any number of threads", function()
    local threads, got = core.threads(), {}
    local wide, x = core.variable { value = normal(128, 512) }, normal(T, 1, 128)
    local f = core.trace({ { shape = { T, 1, 128 } } }, function(v)
      local last = core.scan(function(s, xs)
        local z = s[1]:matmul(wide)
        return { (z[{ {}, { 1, 128 } }] + z[{ {}, { 385, 512 } }] * xs[1]):tanh() }
      end, { v[1] }, { v })
      return last[1]
    end)
    for n = 1, 3 do
      core.threads(n)
      got[n] = f(x):tobytes()
    end
    core.threads(threads)
    assert.is_true(got[2] == got[1] and got[3] == got[1])
  end)

  it("are results as often as they are asked for", function()
    local first = normal(20, N)
    local f = core.trace({ { shape = { T, false, F } } }, function(v)
      local _, results = core.scan(function(states, xs)
        local z = xs[1]:matmul(W) + states[1]
        local y = z * 2
        return { z }, { y, z:sum(1, true), y, y + z }
      end, { first }, { v })
      return results[1] + results[3], results[2], results[3] * 1.5, results[4]
    end)
    local x = normal(T, 20, F)
    local all = { f(x) }
    f:passes "naive"
    for i, y in ipairs { f(x) } do close(y, all[i]) end
  end)
end)

describe("a scan", function()
  it("goes backwards", function()
    local x = core.tensor { { 1 }, { 2 }, { 3 } }
    local states, results = core.scan(function(s, xs)
      local sum = s[1] * 10 + xs[1]
      return { sum }, { sum }
    end, { core.tensor { 0 } }, { x }, { reverse = true })
    assert.same({ 321 }, states[1]:totable())
    assert.same({ { 321 }, { 32 }, { 3 } }, results[1]:totable())
  end)

  it("gives states as results, before and after each step", function()
    local x = core.tensor { { 1 }, { 2 }, { 3 }, { 4 } }
    local function sums(reverse)
      return function(v)
        local states, results = core.scan(function(s, xs)
          local a, sum = s[1] * 10 + xs[1], s[2] + s[1]
          return { a, sum, s[2] }, { s[1], a, s[2], sum, a, s[1] }
        end, { core.tensor { 0 }, core.tensor { 100 }, core.tensor { 7 } }, { v },
          { reverse = reverse })
        return states[1], states[2], states[3], table.unpack(results)
      end
    end
    local wanted = {
      [false] = { 1234, 236, 113, { 0, 1, 12, 123 }, { 1, 12, 123, 1234 },
        { 100, 100, 101, 113 }, { 100, 101, 113, 236 } },
      [true] = { 4321, 579, 147, { 432, 43, 4, 0 }, { 4321, 432, 43, 4 },
        { 147, 104, 100, 100 }, { 579, 147, 104, 100 } },
    }
    for reverse, want in pairs(wanted) do
      local f = core.trace({ { shape = { false, 1 } } }, sums(reverse))
      for how, all in pairs {
        eager = { sums(reverse)(x) }, plan = { f(x) }, naive = { f:passes("naive")(x) },
      } do
        all[8], all[9] = nil, nil
        for i, y in ipairs(all) do all[i] = y:reshape { -1 }:totable() end
        for i = 1, 3 do assert.same({ want[i] }, all[i], how) end
        for i = 4, 7 do assert.same(want[i], all[i], how) end
      end
    end
  end)

  it("counts without sequences, and may not step at all", function()
    local function double(s) return { s[1] * 2 } end
    local states = core.scan(double, { core.tensor(1) }, {}, { length = 10 })
    assert.equal(1024, states[1]:item())
    local none = core.scan(function(s, xs) return { s[1] + xs[1] } end, { core.tensor(5) },
      { ops.full({ 0 }, 1) })
    assert.equal(5, none[1]:item())
  end)

  it("draws new numbers at each step", function()
    local _, results = core.scan(function(s)
      return s, { ops.random_uniform_like(s[1], 1) }
    end, { ops.full({ 4 }, 0) }, {}, { length = 3 })
    local y = results[1]
    assert.is_false(y[1] == y[2])
    assert.is_false(y[2] == y[3])
  end)

  it("says what is wrong with a body", function()
    local function message_of(f, ...) return tostring(select(2, pcall(f, ...))) end
    local x = ops.full({ 3, 2 }, 1)
    assert.matches("state 1 goes in as float32 (2,) and comes out as float32 (4,)",
      message_of(core.scan, function(s) return { ops.concatenate({ s[1], s[1] }, 0) } end,
        { core.tensor { 1, 2 } }, { x }), 1, true)
    assert.matches("1 states go in, 2 come out",
      message_of(core.scan, function(s) return { s[1], s[1] } end, { core.tensor { 1, 2 } }, { x }))
    assert.matches("sequences of .* differ in length",
      message_of(core.scan, function(s) return s end, { core.tensor { 1, 2 } },
        { x, ops.full({ 4, 2 }, 1) }))
    assert.is_false(core.tracing())
  end)
end)
