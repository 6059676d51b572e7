-- Fused ops over rows, and their gradients, against their lowering to plain ops: rows that are
-- turned, rows of whole lanes, rows with a rest, long ones.

local core = require "lunula.core"
local k = require "lunula"

local ops = k.ops

-- The result and the gradients of f for a loss that weighs each number.
local function both(f, inputs)
  local y = f(table.unpack(inputs))
  local weights = k.random.normal(y.shape, 0, 1, nil, 5)
  local _, grads = core.value_and_grad(function (...) return ops.sum(f(...) * weights) end)(
    table.unpack(inputs))
  return y, grads
end

local function same(fused, lowering, inputs, tolerance)
  local y, dx = both(fused, inputs)
  local wanted, wanted_dx = both(lowering, inputs)
  assert.near_all(y, wanted, tolerance)
  for i in ipairs(inputs) do assert.near_all(dx[i], wanted_dx[i], tolerance) end
end

local lengths = { 1, 2, 7, 31, 32, 33, 63, 64, 100, 1000, 1024, 5000 }

describe("rows are their lowering", function ()
  before_each(function () k.set_random_seed(1) end)

  local function log_softmax(x)
    local d = x - ops.max(x, -1, true)
    return d - ops.log(ops.sum(ops.exp(d), -1, true))
  end

  for _, n in ipairs(lengths) do
    it(("with %d numbers: softmax"):format(n), function ()
      for _, rows in ipairs { 1, n < 200 and 37 or 2 } do
        local x = k.random.normal({ rows, n }, 0, 3)
        same(ops.softmax, function (a) return ops.exp(log_softmax(a)) end, { x }, 2e-6)
        same(ops.log_softmax, log_softmax, { x }, 1e-4)
      end
    end)
  end

  for _, n in ipairs(lengths) do
    it(("with %d numbers: losses of classes"):format(n), function ()
      for _, rows in ipairs { 1, n < 200 and 37 or 2 } do
        local x = k.random.normal({ rows, n }, 500, 3)
        local ids = ops.cast(k.random.uniform({ rows }, 0, n - 1), "int32")
        local chosen = ops.one_hot(ids, n)
        same(function (a) return ops.sparse_categorical_crossentropy(ids, a, true) end,
          function (a) return -ops.sum(chosen * log_softmax(a), -1) end, { x }, 2e-5)
      end
    end)
  end

  local function layer_norm(x, gamma, beta)
    local d = x - ops.mean(x, -1, true)
    return d * ops.rsqrt(ops.mean(ops.square(d), -1, true) + 1e-3) * gamma + beta
  end
  local function rms_norm(x, gamma)
    return x * ops.rsqrt(ops.mean(ops.square(x), -1, true) + 1e-3) * gamma
  end

  for _, n in ipairs(lengths) do
    it(("with %d numbers: normalisation"):format(n), function ()
      for _, rows in ipairs { 1, n < 200 and 300 or 2 } do
        local x = k.random.normal({ rows, n }, 0.5, 2)
        local gamma, beta = k.random.normal { n }, k.random.normal { n }
        same(function (a, b, c) return ops.layer_normalization(a, b, c, -1, 1e-3) end, layer_norm,
          { x, gamma, beta }, 1e-4)
        same(function (a, b) return ops.rms_normalization(a, b, -1, 1e-3) end, rms_norm,
          { x, gamma }, 1e-4)
      end
    end)
  end

  it("over several last axes, and without gamma or beta", function ()
    local x, gamma = k.random.normal { 6, 5, 4, 10 }, k.random.normal { 4, 10 }
    local flat = ops.reshape(x, { 30, 40 })
    local y = ops.layer_normalization(x, gamma, nil, { 3, 2 }, 1e-3)
    assert.near_all(y, ops.reshape(layer_norm(flat, ops.reshape(gamma, { 40 }), 0), x.shape), 1e-5)
    y = ops.layer_normalization(x, nil, nil, { -2, -1 }, 1e-3)
    assert.near_all(y, ops.reshape(layer_norm(flat, 1, 0), x.shape), 1e-5)
    y = ops.rms_normalization(x, nil, { -2, -1 }, 1e-3)
    assert.near_all(y, ops.reshape(rms_norm(flat, 1), x.shape), 1e-5)
  end)

  it("moments of columns", function ()
    for _, size in ipairs { { 2, 1, 16 }, { 1, 33, 17 }, { 3, 32, 20 }, { 2, 1000, 300 } } do
      local x = k.random.normal({ size[1], size[2], 1, size[3] }, 3, 2)
      local function deviation(a) return ops.sqrt(select(2, ops.column_moments(a))) end
      same(ops.column_moments, function (a) return ops.mean(a, { 1, 2 }, true) end, { x }, 2e-6)
      same(deviation, function (a) return ops.sqrt(ops.var(a, { 1, 2 }, true)) end, { x },
        1e-4)
    end
    local mean, variance = ops.moments(k.random.normal({ 4, 50, 50, 16 }, 1000, 0.5), { 2, 1, 0 })
    assert.near_all(mean, ops.full({ 16 }, 1000), 0.1)
    assert.near_all(variance, ops.full({ 16 }, 0.25), 0.02)
  end)

  it("of a product with panels, where there are none", function ()
    for _, n in ipairs { 4, 64, 300 } do
      local f = core.trace({ { shape = { false, 3 } } }, function (x)
        return ops.relu(ops.matmul(x, ops.ones { 3, n }) + ops.ones { n })
      end)
      assert.are.same({ 0, n }, f(ops.zeros { 0, 3 }).shape)
    end
  end)

  it("where there are no numbers, or no rows", function ()
    local none, rows = ops.zeros { 2, 0 }, ops.zeros { 0, 5 }
    assert.error_matches(function () ops.class_losses(none, k.tensor({ 0, 0 }, "int32")) end,
      "index 0 in sample 1 is out of range 0..-1", 1, true)
    assert.equal(0, ops.class_losses(rows, ops.zeros({ 0 }, "int32")).size)
    for _, x in ipairs { none, rows, ops.zeros { 0, 40 } } do
      local y, dx = both(function (a) return ops.layer_normalization(ops.softmax(a)) end, { x })
      assert.equal(0, y.size)
      assert.equal(0, dx[1].size)
    end
    assert.equal(0, (ops.column_moments(ops.zeros { 2, 3, 0 })).size)
    local mean = ops.column_moments(ops.zeros { 1, 0, 2 }):totable()
    assert.is_true(mean[1][1][1] ~= mean[1][1][1])
  end)

  it("also where numbers are far from 0, and long", function ()
    local x = k.random.normal({ 2, 300000 }, 1000, 0.5)
    local y = ops.layer_normalization(x, nil, nil, -1, 1e-3)
    assert.near_all(ops.mean(y, -1), { 0, 0 }, 5e-4)
    assert.near_all(ops.var(y, -1), { 1, 1 }, 1e-2)
  end)
end)
