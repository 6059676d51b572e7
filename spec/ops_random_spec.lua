-- Random numbers: their distributions, their seeds, traces, and that threads make no difference.

local core = require "lunula.core"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"

local many = { 200, 500 }

local function moments(x)
  x = ops.cast(x, "float32")
  return ops.mean(x):item(), ops.std(x):item(), ops.min(x):item(), ops.max(x):item()
end

before_each(function () core.seed(1234) end)

describe("distributions", function ()
  it("uniform lies evenly between its bounds", function ()
    local mean, std, low, high = moments(random.uniform(many, -1, 3))
    assert.near_all(mean, 1, 0.02)
    assert.near_all(std, 4 / math.sqrt(12), 0.02)
    assert.is_true(low >= -1 and low < -0.99 and high < 3 and high > 2.99)
  end)

  it("binomial counts what comes out of trials", function ()
    local mean, std, low, high = moments(random.binomial(many, 10, 0.3))
    assert.near_all(mean, 3, 0.02)
    assert.near_all(std, math.sqrt(2.1), 0.02)
    assert.is_true(low == 0 and high <= 10)
    local x = random.binomial({ 4000, 2 }, core.tensor { 100, 3 }, core.tensor { 0.5, 0.9 }, nil, 7)
    assert.near_all(ops.mean(x, 0), { 50, 2.7 }, 0.3)
    assert.near_all(ops.var(x, 0), { 25, 0.27 }, 1.5)
    assert.is_true(ops.all(ops.equal(x, random.binomial({ 4000, 2 }, core.tensor { 100, 3 },
      core.tensor { 0.5, 0.9 }, nil, 7))):item())
    local truths = core.tensor({ 1, 0 }, { dtype = "bool" })
    assert.near_all(random.binomial({ 2 }, truths, 1), { 1, 0 })
    assert.error_at_line(function () random.binomial({ 2 }, 1 << 20, 0.5) end,
      "random.binomial: 1048576 trials, at most 65536")
  end)

  it("normal has its mean and its deviation", function ()
    local mean, std = moments(random.normal(many, { mean = 2, stddev = 3 }))
    assert.near_all(mean, 2, 0.02)
    assert.near_all(std, 3, 0.02)
    local z = random.normal(many)
    local beyond = ops.mean(ops.less(1.96, ops.abs(z))):item()
    assert.near_all(beyond, 0.05, 0.004)
  end)

  it("truncated_normal stays within two deviations", function ()
    local mean, std, low, high = moments(random.truncated_normal(many, 1, 0.5))
    assert.near_all(mean, 1, 0.01)
    assert.near_all(std, 0.5 * 0.87962566, 0.005)
    assert.is_true(low >= 0 and low < 0.01 and high <= 2 and high > 1.99)
  end)

  it("randint takes every number of its range", function ()
    local x = random.randint(many, -2, 3)
    assert.are.equal("int32", x.dtype)
    for value = -2, 2 do
      assert.near_all(ops.mean(ops.equal(x, value)):item(), 0.2, 0.02)
    end
    local _, _, low, high = moments(x)
    assert.are.same({ -2.0, 2.0 }, { low, high })
  end)

  it("bernoulli and categorical follow their probabilities", function ()
    assert.near_all(ops.mean(random.bernoulli(many, 0.3)):item(), 0.3, 0.01)
    local p = { 0.1, 0.2, 0.7 }
    local logits = ops.log(core.tensor({ p, { 1, 0, 0 } }, { dtype = "float32" }))
    local ids = random.categorical(logits, 50000)
    assert.are.same({ 2, 50000 }, ids.shape)
    for class = 0, 2 do
      assert.near_all(ops.mean(ops.equal(ids[1], class)):item(), p[class + 1], 0.01)
    end
    assert.near_all(ops.sum(ids[2]):item(), 0)
  end)
end)

-- The share of numbers below each of these, of many of them.
local function below(x, limits)
  local shares = {}
  for i, limit in ipairs(limits) do shares[i] = ops.mean(ops.less(x, limit)):item() end
  return shares
end

describe("gamma", function ()
  it("has its mean, its variance and its distribution", function ()
    for _, alpha in ipairs { 0.3, 1, 4.5 } do
      local mean, std, low = moments(random.gamma(many, alpha))
      assert.near_all(mean, alpha, 0.02 + 0.01 * alpha)
      assert.near_all(std, math.sqrt(alpha), 0.05)
      assert.is_true(low >= 0)
    end
    -- of shape 1: 1 - exp(-x); of shape 1/2: erf(sqrt(x))
    assert.near_all(below(random.gamma(many, 1), { 0.1, 1, 3 }),
      { 1 - math.exp(-0.1), 1 - math.exp(-1), 1 - math.exp(-3) }, 0.01)
    local x = core.tensor { 0.02, 0.3, 2 }
    assert.near_all(below(random.gamma(many, 0.5), x:totable()), ops.erf(ops.sqrt(x)), 0.01)
  end)

  it("takes shapes one by one", function ()
    local alpha = core.tensor { 0.5, 8 }
    assert.near_all(ops.mean(random.gamma({ 50000, 2 }, alpha), 0), alpha, 0.1)
  end)
end)

describe("beta", function ()
  it("has its mean, its variance and its distribution", function ()
    for _, pair in ipairs { { 0.2, 0.2 }, { 1, 1 }, { 2, 5 } } do
      local a, b = pair[1], pair[2]
      local mean, std, low, high = moments(random.beta(many, a, b))
      assert.near_all(mean, a / (a + b), 0.01)
      assert.near_all(std, math.sqrt(a * b / (a + b + 1)) / (a + b), 0.01)
      assert.is_true(low >= 0 and high <= 1)
    end
    -- of (1/2, 1/2): 2 / pi * asin(sqrt(x))
    local x = core.tensor { 0.01, 0.25, 0.9 }
    assert.near_all(below(random.beta(many, 0.5, 0.5), x:totable()),
      ops.arcsin(ops.sqrt(x)) * (2 / math.pi), 0.01)
  end)

  it("is 0 or 1, both as often, where both shapes are next to nothing", function ()
    local mean, std = moments(random.beta(many, 1e-6, 1e-6))
    assert.near_all(mean, 0.5, 0.01)
    assert.near_all(std, 0.5, 0.01)
  end)

  it("repeats itself with a seed, and has independent parts", function ()
    local x = random.beta(many, 2, 2, { seed = 5 })
    assert.near_all(x, random.beta(many, 2, 2, { seed = 5 }), 0)
    local _, std = moments(x)
    assert.near_all(std, math.sqrt(1 / 20), 0.01)
  end)
end)

describe("dropout", function ()
  local x = ops.ones(many)

  it("zeros a share and keeps the mean", function ()
    local y = random.dropout(x, 0.25)
    assert.near_all(ops.mean(ops.equal(y, 0)):item(), 0.25, 0.01)
    assert.near_all(ops.max(y):item(), 1 / 0.75)
  end)

  it("drops whole slices where noise_shape is 1", function ()
    local y = random.dropout(x, 0.5, { 200, 1 })
    assert.near_all(ops.max(y, 1) - ops.min(y, 1), ops.zeros { 200 })
    assert.near_all(ops.mean(y):item(), 1, 0.2)
  end)

  it("does nothing at rate 0", function ()
    assert.are.equal(x, random.dropout(x, 0))
  end)

  it("has the gradient of what it kept", function ()
    local f = core.trace({ { shape = { false, 500 }, dtype = "float32" } }, function (t)
      local y = random.dropout(t, 0.5)
      return y, core.grad(ops.sum(y), { t })[1]
    end)
    local y, slope = f(x)
    assert.near_all(y, slope)
  end)
end)

describe("shuffle", function ()
  it("gives every element once, in another order", function ()
    local x = ops.arange(100)
    local y = random.shuffle(x)
    local seen = {}
    for _, value in ipairs(y:totable()) do seen[value] = true end
    assert.are.equal(99, #seen)
    assert.is_false(ops.all(ops.equal(x, y)):item())
  end)

  it("moves rows whole, along any axis", function ()
    local x = ops.reshape(ops.arange(12), { 4, 3 })
    local y = random.shuffle(x, 1)
    for _, row in ipairs(y:totable()) do
      table.sort(row)
      assert.are.equal(2, row[3] - row[1])
    end
  end)

  it("works in a trace", function ()
    local f = core.trace({ { shape = { false }, dtype = "int32" } }, function (x)
      return random.shuffle(x)
    end)
    local values = f(ops.arange(50)):totable()
    table.sort(values)
    for i, value in ipairs(values) do assert.are.equal(i - 1, value) end
  end)
end)

describe("seeds", function ()
  it("the same program seed gives the same numbers", function ()
    local first = random.normal { 5 }:totable()
    assert.are_not.same(first, random.normal { 5 }:totable())
    core.seed(1234)
    assert.are.same(first, random.normal { 5 }:totable())
  end)

  it("a number gives the same numbers at every call", function ()
    local first = random.normal({ 5 }, { seed = 7 }):totable()
    assert.are.same(first, random.normal({ 5 }, { seed = 7 }):totable())
    assert.are_not.same(first, random.normal({ 5 }, { seed = 8 }):totable())
  end)

  it("a SeedGenerator gives a sequence of its own", function ()
    local one, two = random.SeedGenerator(7), random.SeedGenerator { seed = 7 }
    local first = random.normal({ 5 }, { seed = one }):totable()
    assert.are_not.same(first, random.normal({ 5 }, { seed = one }):totable())
    assert.are.same(first, random.normal({ 5 }, { seed = two }):totable())
  end)

  it("a trace draws new numbers at every run, for any batch", function ()
    local f = core.trace({ { shape = { false, 3 }, dtype = "float32" } }, function (x)
      return random.uniform(x)
    end)
    local a, b = f(ops.zeros { 4, 3 }), f(ops.zeros { 4, 3 })
    assert.are_not.same(a:totable(), b:totable())
    assert.are.same({ 2, 3 }, f(ops.zeros { 2, 3 }).shape)
  end)

  it("a size may be known only when it runs", function ()
    local f = core.trace({ { shape = { false, 3 }, dtype = "float32" } }, function (x)
      local y = random.normal { ops.dim(x, 0), 2 }
      assert.are.same({ false, 2 }, y.shape)
      return y, random.uniform { 2, ops.dim(x, 0) // 2 }
    end)
    local a, b = f(ops.zeros { 4, 3 })
    assert.are.same({ 4, 2 }, a.shape)
    assert.are.same({ 2, 2 }, b.shape)
    assert.are.same({ 1, 2 }, f(ops.zeros { 1, 3 }).shape)
  end)

  it("threads make no difference", function ()
    local before = core.threads()
    core.threads(1)
    local alone = random.normal({ 300, 700 }, { seed = 5 }):tobytes()
    core.threads(3)
    assert.is_true(alone == random.normal({ 300, 700 }, { seed = 5 }):tobytes())
    core.threads(before)
  end)
end)

describe("misuse", function ()
  it("says what is wrong", function ()
    assert.error_at_line(function () random.uniform { false, 3 } end,
      "random.uniform: a size is unknown in (None, 3); give ops.shape(x)[i] for it, or a tensor")
    assert.error_at_line(function () random.normal({ 2 }, { sed = 3 }) end,
      "random.normal: unknown argument \"sed\"")
    assert.error_at_line(function () random.normal({ 2 }, { seed = 1.5 }) end, "seed must be")
    assert.error_at_line(function () random.randint({ 2 }, 3, 3) end, "the range must hold")
  end)
end)

describe("elastic_transform", function ()
  local elastic = ops.image.elastic_transform

  -- Images whose pixels tell their column in the first channel and their row in the second.
  local grid = core.untraced(function ()
    local x = ops.zeros { 4, 80, 90, 1 }
    return ops.concatenate({ ops.iota_like(x, 2) + x, ops.iota_like(x, 1) + x }, 3)
  end)

  local function moved(options)
    local way = elastic(grid, options) - grid
    way = ops.slice(way, { 0, 20, 20, 0 }, { -1, 40, 50, -1 })
    local right, down = ops.split(way, 2, 3)
    return ops.reshape(right, { -1 }), ops.reshape(down, { -1 })
  end

  it("moves by blurred noise, along both axes by its own", function ()
    for _, sigma in ipairs { 0.5, 1.5, 2 } do
      local sum, squares = 0, 0
      for i = -3 * math.floor(sigma), 3 * math.floor(sigma) do
        local weight = math.exp(-0.5 * (i / sigma) ^ 2)
        sum, squares = sum + weight, squares + weight * weight
      end
      local right, down = moved { alpha = 3, sigma = sigma, seed = 4 }
      local wanted = 3 * sigma * squares / (sum * sum)
      for _, way in ipairs { right, down } do
        assert.near_all(ops.mean(way), 0, wanted * 0.15)
        assert.near_all(ops.std(way), wanted, wanted * 0.08)
      end
      assert.near_all(ops.mean(right * down), 0, wanted * wanted * 0.15)
    end
  end)

  it("moves smoothly", function ()
    local way = elastic(grid, { alpha = 5, sigma = 4, seed = 1 }) - grid
    local slope = ops.slice(way, { 0, 20, 20, 0 }, { -1, 40, 50, -1 })
      - ops.slice(way, { 0, 20, 21, 0 }, { -1, 40, 50, -1 })
    assert.is_true(ops.std(slope):item() < 0.3 * ops.std(way):item())
  end)

  it("repeats itself with a seed, draws anew without, and keeps whole numbers", function ()
    assert.near_all(elastic(grid, { seed = 3 }), elastic(grid, { seed = 3 }), 0)
    assert.is_false(ops.all(ops.equal(elastic(grid), elastic(grid))):item())
    local bytes = elastic(ops.cast(grid, "int32"), { fill_mode = "constant", fill_value = -7 })
    assert.equal("int32", bytes.dtype)
    assert.near_all(ops.min(bytes), -7, 0)
  end)

  it("says what it takes", function ()
    assert.error_at_line(function () elastic(grid, { sigma = 0 }) end,
      "image.elastic_transform: sigma must be above 0 and at most 65536, got 0")
    assert.error_at_line(function () elastic(grid, { interpolation = "cubic" }) end,
      'image.elastic_transform: interpolation must be nearest or bilinear, got "cubic"')
    assert.error_at_line(function () elastic(grid, { fill_mode = "edge" }) end,
      "image.elastic_transform: fill_mode must be constant, nearest, wrap, mirror or reflect")
    assert.error_at_line(function () elastic(ops.ones { 2, 2 }) end,
      "image.elastic_transform: images have 3 axes, or 4 with the batch: they are (2, 2)")
  end)
end)
