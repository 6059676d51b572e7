-- What the passes of a plan must keep: numbers to the last bit, the memory they need small, and
-- their own time in proportion to the model.

local core = require "lunula.core"
local k = require "lunula"
local ops = k.ops

local function planned(f, passes, ...)
  local specs = {}
  for i, x in ipairs { ... } do specs[i] = { shape = x.shape, dtype = x.dtype } end
  local plan = core.trace(specs, f)
  plan:passes(passes)
  return plan(...)
end

describe("algebra", function()
  -- No denormals: x * 1 makes 0 of them, and where it is left out they stay.
  local special = k.tensor { 0, -0.0, 1, -1, 1 / 0, -1 / 0, 0 / 0, 2e-38, 3e38, 0.1, -7.25 }
  local whole = k.tensor({ 0, 1, -1, 2147483647, -2147483648 }, { dtype = "int32" })
  local rules = {
    ["x + 0"] = function(x) return x + 0 end,
    ["x + -0"] = function(x) return x + -0.0 end,
    ["0 + x"] = function(x) return 0 + x end,
    ["x - 0"] = function(x) return x - 0 end,
    ["x - -0"] = function(x) return x - -0.0 end,
    ["x * 1"] = function(x) return x * 1 end,
    ["1 * x"] = function(x) return 1 * x end,
    ["x / 1"] = function(x) return x / 1 end,
    ["x ^ 1"] = function(x) return x ^ 1 end,
    ["x ^ 2"] = function(x) return x ^ 2 end,
    ["x * 1.0"] = function(x) return x * k.tensor(1.0) end,
    ["x + zeros"] = function(x) return x + ops.zeros_like(x) end,
    ["x * ones"] = function(x) return ops.ones_like(x) * x end,
    ["x * full"] = function(x) return x * ops.full_like(x, 3) end,
    ["x + repeated"] = function(x) return x + ops.broadcast_to(k.tensor { 2 }, x.shape) end,
    ["a step of an average"] = function(x) return x + (x * 0.5 - x) * 0.1 end,
    ["reshaped to itself"] = function(x) return ops.reshape(x, x.shape) * 2 end,
  }
  for name, f in pairs(rules) do
    for kind, x in pairs { numbers = special, integers = whole } do
      it("keeps the bits of " .. name .. " of " .. kind, function()
        local eager = f(x)
        local naive, all = planned(f, "naive", x), planned(f, nil, x)
        assert.equal(eager.dtype, all.dtype)
        assert.is_true(naive:tobytes() == eager:tobytes(), "eager and naive differ")
        assert.is_true(naive:tobytes() == all:tobytes(), "the passes change bits")
      end)
    end
  end
end)

describe("two transposes", function()
  local x = k.random.normal { 2, 3, 4 }
  local function turned(first, second)
    local function f(z) return ops.transpose(ops.transpose(z, first), second) * 2 end
    local plan = core.trace({ { shape = x.shape } }, f)
    assert.is_true(plan(x):tobytes() == f(x):tobytes())
    return (select(2, plan:memory { batch = 2 }))
  end

  it("are one, or none", function()
    assert.equal(1, turned({ 1, 0, 2 }, { 1, 0, 2 }))
    assert.equal(1, turned({ 2, 0, 1 }, { 1, 2, 0 }))
    assert.equal(2, turned({ 2, 0, 1 }, { 2, 0, 1 }))
  end)
end)

-- Zeros around an image are read by the convolution behind them, not made.
describe("padding", function()
  local function steps(f, x)
    local plan = core.trace({ { shape = x.shape } }, f)
    return (select(2, plan:memory { batch = 1 }))
  end

  local function convolution(border, kernel, options)
    local w = k.random.normal(kernel)
    local function rest(x) return ops.convolution(x, w, options) end
    return function(x) return rest(ops.pad_with(x, table.unpack(border))) end, rest
  end

  for name, case in pairs {
    ["one side"] = { { 2, 9, 8, 5 }, { { 0, 0, 0, 0 }, { 0, 1, 1, 0 } }, { 3, 3, 5, 7 },
      { strides = 2 } },
    ["more than the kernel"] = { { 1, 6, 5, 16 }, { { 0, 4, 5, 0 }, { 0, 5, 4, 0 } },
      { 3, 3, 1, 16 } },
    ["with padding of its own"] = { { 2, 9, 8, 3 }, { { 0, 1, 2, 0 }, { 0, 2, 1, 0 } },
      { 3, 4, 3, 4 }, { same = true, strides = { 2, 1 } } },
    ["of given cells"] = { { 2, 9, 8, 20 }, { { 0, 1, 0, 0 }, { 0, 0, 1, 0 } }, { 3, 3, 1, 20 },
      { dilation = 2, before = { 1 }, after = { 2, 3 } } },
    ["in one dimension"] = { { 2, 30, 4 }, { { 0, 4, 0 }, { 0, 0, 0 } }, { 5, 4, 6 } },
    ["in three"] = { { 1, 5, 6, 7, 2 }, { { 0, 1, 0, 1, 0 }, { 0, 0, 1, 1, 0 } },
      { 2, 3, 2, 2, 3 }, { strides = { 1, 2, 1 } } },
  } do
    it("goes into the convolution: " .. name, function()
      local image, border, kernel, options = table.unpack(case, 1, 4)
      local x = k.random.normal(image)
      local f = convolution(border, kernel, options)
      local naive, all = planned(f, "naive", x), planned(f, nil, x)
      assert.same(naive.shape, all.shape)
      assert.is_true(naive:tobytes() == all:tobytes())
      assert.equal(1, steps(f, x))
    end)

    it("goes into its gradients: " .. name, function()
      local image, border, kernel, options = table.unpack(case, 1, 4)
      local x, w = k.random.normal(image), k.random.normal(kernel)
      local function gradients(a, b)
        local _, g = core.value_and_grad(function(u, v)
          local y = ops.convolution(ops.pad_with(u, table.unpack(border)), v, options)
          return ops.sum(y * y)
        end)(a, b)
        return g[1], g[2]
      end
      for i = 1, 2 do
        local function f(a, b) return (select(i, gradients(a, b))) end
        local naive, all = planned(f, "naive", x, w), planned(f, nil, x, w)
        assert.is_true(ops.max(ops.abs(naive - all)):item() <= 1e-5 *
          ops.max(ops.abs(naive)):item())
      end
    end)
  end

  it("stays where it is no border of zeros", function()
    local x = k.random.normal { 2, 4, 5, 3 }
    for _, border in ipairs {
      { { 0, 1, 1, 0 }, { 0, 0, 0, 0 }, { 0, 0, 0, 0 }, 1 },
      { { 0, 0, 0, 0 }, { 0, 0, 0, 0 }, { 0, 1, 0, 0 } },
      { { 0, 0, 0, 1 }, { 0, 0, 0, 2 } },
      { { 1, 0, 0, 0 }, { 0, 0, 0, 0 } },
    } do
      local channels = border[1][4] + 3 + border[2][4]
      local f = convolution(border, { 2, 2, channels, 4 })
      assert.is_true(planned(f, "naive", x):tobytes() == planned(f, nil, x):tobytes())
      assert.equal(2, steps(f, x))
    end
  end)

  it("is made for the others who read it", function()
    local x, w = k.random.normal { 2, 4, 5, 3 }, k.random.normal { 3, 3, 3, 3 }
    local function f(a)
      local padded = ops.pad_with(a, { 0, 1, 1, 0 }, { 0, 1, 1, 0 })
      return ops.convolution(padded, w, { same = true }) + padded
    end
    assert.is_true(planned(f, "naive", x):tobytes() == planned(f, nil, x):tobytes())
  end)
end)

describe("a loop that is called twice", function()
  it("has the gradients of each call", function()
    local w = core.variable { value = k.tensor { 0.5, -0.3 } }
    local inner = k.gradients and k.gradients.remat or require "lunula.gradients".remat
    local run = inner(function(x)
      local _, states = ops.scan(function(s, step)
        local y = ops.tanh(s * w + step)
        return y, y
      end, ops.zeros_like(w), x)
      return ops.sum(states * states)
    end)
    local function f(a, b)
      local loss = run(a) + 3 * run(b)
      local g = core.grad(loss, { a, b, w })
      return loss, g[1], g[2], g[3]
    end
    local a, b = k.random.normal { 5, 2 }, k.random.normal { 5, 2 }
    local specs = { { shape = { 5, 2 } }, { shape = { 5, 2 } } }
    local got = { core.trace(specs, f)(a, b) }
    local function alone(x, factor)
      return { core.trace({ specs[1] }, function(v)
        local loss = factor * run(v)
        local g = core.grad(loss, { v, w })
        return loss, g[1], g[2]
      end)(x) }
    end
    local one, two = alone(a, 1), alone(b, 3)
    local function near(x, y) assert.is_true((x - y):abs():max():item() < 1e-4) end
    near(got[1], one[1] + two[1])
    near(got[2], one[2])
    near(got[3], two[2])
    near(got[4], one[3] + two[3])
  end)
end)

describe("memory of a plan", function()
  it("has no room for what stays in registers", function()
    local f = core.trace({ { shape = { false, 256 } } }, function(x)
      for i = 1, 60 do x = ops.tanh(x) + i * 0.01 end
      return x
    end)
    local few, steps = f:memory { batch = 4 }
    assert.is_true(steps <= 7, steps .. " steps")
    local bytes = f:memory { batch = 8 } - few   -- without the scratch of a thread
    assert.is_true(bytes <= 2 * 4 * 256 * 4, bytes .. " bytes")
  end)

  it("is that of the most values that live at once", function()
    local f = core.trace({ { shape = { false, 64 } } }, function(x)
      local w = ops.full({ 64, 64 }, 0.1)
      local kept = {}
      for i = 1, 20 do
        x = ops.matmul(x, w)
        kept[i] = x
      end
      for i = 20, 1, -1 do x = ops.matmul(x, w) + kept[i] end
      return x
    end)
    -- so many rows that the scratch is the same
    local bytes = f:memory { batch = 1024 } - f:memory { batch = 768 }
    assert.is_true(bytes <= 21 * 256 * 64 * 4, bytes .. " bytes")
  end)
end)

describe("a plan that finds no memory", function()
  it("ends in an error, whatever is missing", function()
    local w = core.variable { value = k.random.normal { 4, 4 } }
    local function body(x)
      local y = x
      for i = 1, 10 do y = ops.tanh(ops.matmul(y, w) + i * 0.1) end
      local _, states = ops.scan(function(s, step)
        local z = ops.tanh(ops.matmul(s, w) + step)
        return z, z
      end, ops.zeros_like(x), ops.reshape(ops.concatenate { y, y, y }, { 3, -1, 4 }))
      local g = core.grad(ops.sum(states * states) + ops.sum(y), { x, w })
      w:assign(w - g[2] * 0.1)
      return g[1]
    end
    local failed, made = 0, 0
    for n = 1, 120 do
      local f = core.trace({ { shape = { false, 4 } } }, body)
      collectgarbage()
      core.set_memory_limit(core.memory().live + n * 4001)
      local good, why = pcall(f.memory, f, { batch = 3 })
      core.set_memory_limit(0)
      if good then made = made + 1 else failed = failed + 1 end
      assert.is_true(good or tostring(why):find("out of memory", 1, true) ~= nil, tostring(why))
      assert.is_true(f:memory { batch = 3 } > 0)
    end
    assert.is_true(failed > 20 and made > 5, failed .. " failed, " .. made .. " did not")
  end)
end)

describe("the plans of a function", function()
  it("are kept up to a number of bytes", function()
    local f = core.trace({ { shape = { false, 1024 } } }, function(x)
      return ops.transpose(ops.cumsum(ops.transpose(x), 1))
    end)
    local before = core.memory().live
    for rows = 4000, 4011 do f(ops.full({ rows, 1024 }, 0)) end
    collectgarbage()
    collectgarbage()
    local live = core.memory().live - before -- each plan has an arena of 16 MB at least
    assert.is_true(live > 32 * 2 ^ 20, ("%.0f MB are kept"):format(live / 2 ^ 20))
    assert.is_true(live < 300 * 2 ^ 20, ("%.0f MB are kept"):format(live / 2 ^ 20))
  end)
end)

describe("compiling", function()
  local layers = k.layers

  local function train_step(depth)
    k.utils.set_random_seed(3)  -- of so deep a model, some draws have no finite gradient
    local x = k.Input { shape = { 8 } }
    local y = x
    for _ = 1, depth do
      y = layers.BatchNormalization()(layers.Dense { 8, activation = "relu" }(y))
    end
    local model = k.Model { inputs = x, outputs = layers.Dense { 1 }(y) }
    model:compile { optimizer = "adam", loss = "mse" }
    local data, wanted = k.random.normal { 4, 8 }, k.random.normal { 4, 1 }
    collectgarbage()
    local start = os.clock()
    model:train_on_batch(data, wanted)
    return os.clock() - start
  end

  it("takes time in proportion to the depth of a model", function()
    train_step(20)
    local short, long = math.huge, math.huge
    for _ = 1, 3 do
      short, long = math.min(short, train_step(40)), math.min(long, train_step(160))
    end
    assert.is_true(long < 8 * short, ("%.0f ms, four times as deep %.0f ms"):format(1e3 * short,
      1e3 * long))
  end)

  it("is not slowed down by long chains of ops", function()
    local function seconds(n)
      local f = core.trace({ { shape = { false, 8 } } }, function(x)
        for i = 1, n do x = ops.tanh(x) + i % 5 * 0.25 end
        return x
      end)
      local start = os.clock()
      f:memory { batch = 2 }
      return os.clock() - start
    end
    seconds(100)
    local short, long = math.huge, math.huge
    for _ = 1, 3 do
      short, long = math.min(short, seconds(500)), math.min(long, seconds(4000))
    end
    assert.is_true(long < 24 * short, ("%.1f ms, eight times as long %.1f ms"):format(1e3 * short,
      1e3 * long))
  end)
end)
