-- What a product does to its sums before it stores them (src/plan/endings.c): the same bits as the
-- steps one after the other, at every size of tile, of numbers where NaN, infinity and the signs of
-- zeros show it, also where it is written over what it adds.

local core = require "lunula.core"
local k = require "lunula"
local native = require "spec.support.native"

local layers, ops = k.layers, k.ops
local nan, inf = 0 / 0, math.huge
local threads = core.threads()

-- Numbers of which a few are odd: one NaN is in many sums.
local function numbers(shape, ...)
  local flat = ops.reshape(k.random.normal(shape), { -1 })
  for i, number in ipairs { ... } do
    flat = ops.where(ops.equal(ops.arange(flat.shape[1]), 5 * i % flat.shape[1]), number, flat)
  end
  return ops.reshape(flat, shape)
end

local function variable(shape, ...)
  return core.variable { value = numbers(shape, ...), name = "w" }
end

-- What follows the product y; b: a number a column; r, s: numbers like y's, of which nobody reads
-- r again, so that the result may lie there.
local chains <const> = {
  ["y + b"] = function (y, b) return y + b end,
  ["relu(b + y)"] = function (y, b) return ops.relu(b + y) end,
  ["relu6(y + b)"] = function (y, b) return ops.relu6(y + b) end,
  ["relu(y)"] = function (y) return ops.relu(y) end,
  ["relu6(y)"] = function (y) return ops.relu6(y) end,
  ["y + r"] = function (y, _, r) return y + r end,
  ["relu(y + b + r)"] = function (y, b, r) return ops.relu(y + b + r) end,
  ["relu6(r + (b + y))"] = function (y, b, r) return ops.relu6(r + (b + y)) end,
  ["y + r + s"] = function (y, _, r, s) return y + r + s end,
  ["relu(y + s) + b"] = function (y, b, _, s) return ops.relu(y + s) + b end,
  ["minimum(y + b, 6)"] = function (y, b) return ops.minimum(y + b, 6) end,
  ["two bounds"] = function (y) return ops.minimum(ops.relu6(y), 8) end,
  ["minimum(6, relu(y))"] = function (y) return ops.minimum(6, ops.relu(y)) end,
  ["y + b + y"] = function (y, b) return y + b + y end,
  ["three"] = function (y, b, r, s) return y + b + r + s end,
  ["a sum that is read again"] = function (y, b)
    local z = y + b
    return ops.concatenate({ ops.relu(z), ops.cumsum(z, 1) }, 1)
  end,
  ["one for each row"] = function (y, _, r) return y + ops.max(r, -1, { keepdims = true }) end,
}

-- Which NaN it is nobody says.
local function bits(y)
  return ops.where(ops.isnan(y), nan, y):tobytes()
end

-- `product` of x, with every chain behind it, on 1 and 2 threads; as a result, and as what is read
-- by the next step.
local function check(x, product, what)
  local y = product(x)
  local columns = y.shape[#y.shape]
  local b = variable({ columns }, -0.0, inf, nan)
  local s = numbers(y.shape, 0, -inf)
  for name, chain in pairs(chains) do
    for _, last in ipairs { true, false } do
      local function body(v, w)
        local z = chain(product(v), b, ops.cumsum(w, 1), w)
        return last and z or ops.flip(z, 1)
      end
      local spec = { { shape = x.shape }, { shape = y.shape } }
      local f, g, h = core.trace(spec, body), core.trace(spec, body), core.trace(spec, body)
      f:passes "naive"
      h:passes "-endings"
      local want = bits(f(x, s))
      assert.is_true(want == bits(h(x, s)), ("%s, %s, without"):format(what, name))
      for _, n in ipairs { 1, 2 } do
        core.threads(n)
        assert.is_true(want == bits(g(x, s)), ("%s, %s, %d threads"):format(what, name, n))
      end
    end
  end
end

describe("the ending of a product", function ()
  after_each(function () core.threads(threads) end)

  it("has the same bits in tiles of any height and width", function ()
    for _, n in ipairs { 2, 7, 16, 24, 32, 48, 100 } do
      for _, m in ipairs { 1, 2, 3, 15, 60 } do
        local w = variable { 9, n }
        check(numbers({ m, 9 }, nan, inf, -0.0), function (x) return ops.matmul(x, w) end,
          ("%d rows, %d columns"):format(m, n))
      end
    end
  end)

  it("has the same bits of sums in several parts, and of many rows", function ()
    for _, size in ipairs { { 3, 1100 }, { 40, 513 }, { 2, 600 }, { 900, 64 }, { 70, 512 } } do
      local w = variable { size[2], 40 }
      check(numbers({ size[1], size[2] }, -0.0), function (x) return ops.matmul(x, w) end,
        ("%d rows of %d"):format(table.unpack(size)))
    end
  end)

  it("has the same bits behind batches, and parts by columns", function ()
    local w, wide = variable { 20, 48 }, variable { 300, 800 }
    check(numbers({ 3, 5, 20 }, nan), function (x) return ops.matmul(x, w) end, "a batch")
    check(numbers({ 40, 300 }, nan), function (x) return ops.matmul(x, wide) end, "columns")
  end)

  it("has the same bits behind convolutions", function ()
    local cases = {
      { { 1, 9, 9, 5 }, layers.Conv2D { 24, 3, padding = "same" } },
      { { 2, 14, 14, 8 }, layers.Conv2D { 40, 3, strides = 2, padding = "valid" } },
      { { 1, 7, 14, 6 }, layers.Conv2D { 33, 3, strides = { 1, 2 }, padding = "same" } },
      { { 1, 30, 30, 3 }, layers.Conv2D { 16, 7, strides = 2, padding = "same" } },
      { { 2, 8, 8, 12 }, layers.Conv2D { 30, 1 } },
      { { 1, 8, 8, 12 }, layers.Conv2D { 24, 3, groups = 3, padding = "same" } },
      { { 1, 60, 12 }, layers.Conv1D { 24, 5, dilation_rate = 3, padding = "causal" } },
      { { 1, 5, 6, 7, 4 }, layers.Conv3D { 8, 2 } },
      { { 1, 4, 40, 3 }, layers.Conv2D { 8, { 3, 5 }, dilation_rate = 2, padding = "same" } },
    }
    for i, case in ipairs(cases) do
      case[2].use_bias = false
      check(numbers(case[1], nan, -0.0), function (x) return case[2](x) end, "convolution " .. i)
    end
  end)

  it("has the same bits behind depthwise convolutions", function ()
    for _, channels in ipairs { 3, 8, 20, 56 } do
      for _, case in ipairs {
        { 3, 1, "same" }, { 3, 2, "same" }, { 5, 1, "same" }, { 5, 2, "valid" }, { 2, 3, "valid" },
        { 3, 1, "same", 2 }, { 3, 1, "valid", 1, 2 },
      } do
        local layer = layers.DepthwiseConv2D {
          case[1], case[2], padding = case[3], dilation_rate = case[4] or 1,
          depth_multiplier = case[5] or 1, use_bias = false,
        }
        for _, shape in ipairs { { 2, 9, 11, channels }, { 1, 6, 150, channels } } do
          check(numbers(shape, nan, -0.0), function (x) return layer(x) end,
            ("%d channels, %d by %d"):format(channels, case[1], case[2]))
        end
      end
    end
  end)

  it("has the same bits where the product reads what is added to it", function ()
    local w, b = variable { 48, 48 }, variable { 48 }
    local function body(v)
      local x = ops.cumsum(v, 1)
      return ops.flip(ops.relu(ops.matmul(x, w) + b + x), 1)
    end
    local spec = { { shape = { 50, 48 } } }
    local f, g = core.trace(spec, body), core.trace(spec, body)
    f:passes "naive"
    local x = numbers { 50, 48 }
    assert.is_true(f(x):tobytes() == g(x):tobytes())
  end)

  it("makes no negative 0 of less than nothing", function ()
    local w = core.variable { value = ops.full({ 20, 48 }, -1e-30), name = "w" }
    for _, m in ipairs { 1, 2, 30 } do
      local f = core.trace({ { shape = { m, 20 } } }, function (x)
        return ops.relu(ops.matmul(x, w))
      end)
      assert.is_true(ops.all(ops.equal(1 / f(ops.full({ m, 20 }, 1e-30)), inf)):item())
    end
  end)

  it("has the same bits where two products are added", function ()
    local v, w, b = variable { 10, 48 }, variable { 12, 48 }, variable { 48 }
    local spec = { { shape = { 20, 10 } }, { shape = { 20, 12 } } }
    local x, y = numbers({ 20, 10 }, nan), numbers({ 20, 12 }, -0.0)
    for name, body in pairs {
      ["a bias each"] = function (p, q)
        return ops.relu((ops.matmul(p, v) + b) + (ops.matmul(q, w) + b))
      end,
      ["no bias"] = function (p, q) return ops.relu(ops.matmul(p, v) + ops.matmul(q, w)) end,
      ["one bias"] = function (p, q) return (ops.matmul(p, v) + b) + ops.matmul(q, w) end,
      ["one that is read twice"] = function (p, q)
        local z = ops.matmul(p, v) + b
        return ops.relu(z + (ops.matmul(q, w) + b)) * z
      end,
    } do
      local f, g = core.trace(spec, body), core.trace(spec, body)
      f:passes "naive"
      assert.is_true(bits(f(x, y)) == bits(g(x, y)), name)
    end
  end)

  native("is written over what it adds, when nobody reads that again", function ()
    local w, b = variable { 30, 64 }, variable { 64 }
    local function body(x, r)
      return ops.sum(ops.relu(ops.matmul(x, w) + b + ops.cumsum(r, 1)), 1)
    end
    local bytes = {}
    for _, passes in ipairs { "", "-endings" } do
      local f = core.trace({ { shape = { false, 30 } }, { shape = { false, 64 } } }, body)
      f:passes(passes)
      f(numbers { 100, 30 }, numbers { 100, 64 })
      bytes[#bytes + 1] = f:memory { batch = 100 }
    end
    assert.is_true(bytes[2] - bytes[1] >= 4 * 100 * 64, bytes[1] .. ", " .. bytes[2])
  end)

  it("of a new value of a variable has the same bits", function ()
    for _, size in ipairs { { 1, 16 }, { 3, 600 } } do
      local m, n = table.unpack(size)
      local w, state = variable { n, n }, variable { m, n }
      local f = core.trace({ { shape = { m, n } } }, function (x)
        state:assign(ops.relu(ops.matmul(x, w) + state))
        return ops.sum(x)
      end)
      local x, before = numbers { m, n }, state.value
      local want = ops.relu(ops.matmul(x, w) + before)
      f(x)
      assert.is_true(want:tobytes() == state.value:tobytes(), ("%d of %d"):format(m, n))
    end
  end)
end)
