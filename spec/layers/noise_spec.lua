-- Layers that add noise in training: how their numbers are distributed, that a seed repeats them,
-- that inference is quiet.

local core = require "lunula.core"
local layers = require "lunula.layers"
local ops = require "lunula.ops"

local training = { training = true }
local zeros, ones = ops.zeros { 200, 250 }, ops.ones { 200, 250 }

-- Mean and deviation of 50000 numbers: their own deviation from the truth is about 1/220.
local function statistics(y)
  return ops.mean(y):item(), ops.std(y):item()
end

local function share(condition)
  return ops.mean(ops.cast(condition, "float32")):item()
end

local makers = {
  GaussianNoise = function (seed) return layers.GaussianNoise { 0.4, seed = seed } end,
  GaussianDropout = function (seed) return layers.GaussianDropout { 0.3, seed = seed } end,
  AlphaDropout = function (seed) return layers.AlphaDropout { 0.3, seed = seed } end,
  Dropout = function (seed) return layers.Dropout { 0.3, seed = seed } end,
}

for name, make in pairs(makers) do
  describe(name, function ()
    it("is quiet outside training", function ()
      assert.near_all(make()(ones), ones, 0)
      assert.near_all(make()(ones, { training = false }), ones, 0)
    end)

    it("repeats itself with a seed, and draws anew at every call", function ()
      local layer = make(7)
      local first, second = layer(ones, training), layer(ones, training)
      assert.near_all(make(7)(ones, training), first, 0)
      assert.is_true(share(ops.not_equal(first, second)) > 0.2)
      assert.is_true(share(ops.not_equal(make(8)(ones, training), first)) > 0.2)
    end)

    it("draws anew at every planned run", function ()
      local layer = make()
      local f = core.trace({ { shape = { false, 250 } } }, function (y)
        return layer(y, training)
      end)
      assert.is_true(share(ops.not_equal(f(ones), f(ones))) > 0.2)
    end)

    it("keeps a mask", function ()
      local masked = layers.Masking() { { { 1 }, { 0 } } }
      assert.near_all(make()(masked, training).mask, { { true, false } })
    end)
  end)
end

describe("GaussianNoise", function ()
  it("adds normal numbers of its deviation", function ()
    local mean, deviation = statistics(layers.GaussianNoise { 0.4, seed = 1 } (zeros, training))
    assert.near_all(mean, 0, 0.01)
    assert.near_all(deviation, 0.4, 0.01)
  end)

  it("takes deviations up to 1", function ()
    assert.error_at_line(function () layers.GaussianNoise(1.5) end,
      "stddev must be a number from 0 to 1, got 1.5")
  end)
end)

describe("GaussianDropout", function ()
  it("multiplies by numbers around 1", function ()
    local y = layers.GaussianDropout { 0.2, seed = 2 } (ones * 3, training)
    local mean, deviation = statistics(y)
    assert.near_all(mean, 3, 0.02)
    assert.near_all(deviation, 3 * 0.5, 0.02)
  end)

  it("says that rate 1 cannot be had", function ()
    assert.error_at_line(function () layers.GaussianDropout(1)(ones, training) end,
      "rate 1 asks for noise of infinite deviation")
    assert.error_at_line(function () layers.GaussianDropout(-0.1) end, "from 0 to 1")
  end)
end)

describe("AlphaDropout", function ()
  it("keeps mean and variance of normal numbers", function ()
    local x = layers.GaussianNoise { 1, seed = 3 } (zeros, training)
    local y = layers.AlphaDropout { 0.25, seed = 4 } (x, training)
    local mean, deviation = statistics(y)
    assert.near_all(mean, 0, 0.02)
    assert.near_all(deviation, 1, 0.02)
    local a = (0.75 * (1 + 0.25 * 1.7580993408473766 ^ 2)) ^ -0.5
    local low = a * -1.7580993408473766 * 0.75
    assert.near_all(share(ops.less(ops.abs(y - low), 1e-5)), 0.25, 0.01)
  end)

  it("shares draws along the axes where noise_shape is 1", function ()
    local y = layers.AlphaDropout { 0.5, noise_shape = { false, 1 }, seed = 5 } (ones, training)
    for _, row in ipairs(y:totable()) do
      for _, value in ipairs(row) do assert.are.equal(row[1], value) end
    end
    assert.error_at_line(function ()
      layers.AlphaDropout { 0.5, noise_shape = { 3, 1 }, name = "a" } (ones, training)
    end, 'layer "a" (AlphaDropout): noise_shape {3, 1} does not fit an input of shape (200, 250)')
  end)
end)
