-- Convolutions with fewer products (src/kernels/winograd.c, the pass "-winograd"): the numbers of
-- the convolution but for roundings, no larger than its own; the same bits for any batch and any
-- number of threads; the same places that are not finite.

local core = require "lunula.core"
local k = require "lunula"
local native = require "spec.support.native"

local ops = k.ops
local nan, inf = 0 / 0, math.huge
local threads = core.threads()

local function variable(shape)
  return core.variable { value = k.random.normal(shape), name = "w" }
end

-- What `body` makes of images of that size: with fewer products, and without.
local function both(image, body, other)
  local spec = { { shape = { false, table.unpack(image, 2) } } }
  if other then spec[2] = { shape = { false, table.unpack(other, 2) } } end
  local f, g = core.trace(spec, body), core.trace(spec, body)
  g:passes "-winograd"
  return f, g
end

-- A sum of `taps` products of random numbers is about the root of taps, and rounded that often.
local function near(a, b, taps)
  local error = ops.max(ops.abs(a - b)):item()
  assert.is_true(error <= 2 ^ -21 * taps, ("%g, of %d products"):format(error, taps))
end

local function same_bits(a, b, what) assert.is_true(a:tobytes() == b:tobytes(), what) end

-- x with that number in a few places, also in the corners.
local function with(x, number)
  local flat = ops.reshape(x, { -1 })
  local n = flat.shape[1]
  for _, at in ipairs { 0, n - 1, n // 2, n // 3 } do
    flat = ops.where(ops.equal(ops.arange(n), at), number, flat)
  end
  return ops.reshape(flat, x.shape)
end

local cases <const> = { -- image, filters, options
  { { 2, 16, 16, 32 }, 32, { same = true } },
  { { 1, 13, 11, 48 }, 80, { same = true } },         -- odd sizes, half a panel
  { { 3, 13, 13, 32 }, 64 },                          -- only whole windows
  { { 1, 15, 14, 64 }, 48, { before = { 2, 0 }, after = { 1, 3 } } },
  { { 2, 6, 259, 32 }, 32, { same = true } },         -- parts of a line
  { { 1, 12, 12, 512 }, 32, { same = true } },        -- as many channels as may be
  { { 1, 56, 56, 64 }, 64, { same = true } },
  { { 1, 14, 14, 256 }, 256, { same = true } },       -- parts of the filters
}

describe("a convolution with fewer products", function ()
  after_each(function () core.threads(threads) end)

  for _, case in ipairs(cases) do
    local image, filters, options = table.unpack(case)
    local name = ("%s, %d filters"):format(table.concat(image, "x"), filters)
    local w, b = variable { 3, 3, image[4], filters }, variable { filters }
    local x = k.random.normal(image)

    native("has the numbers of the convolution: " .. name, function ()
      local r = k.random.normal(ops.convolution(x, w.value, options).shape)
      for what, ending in pairs {   -- what is done in registers, and what is not
        alone = function (y) return y end,
        bias = function (y) return ops.relu(y + b.value) end,
        ["in place"] = function (y, z) return ops.relu6(y + b.value + ops.cumsum(z, 1)) end,
        others = function (y) return ops.gelu(y + b.value) * 2 end,
      } do
        local function body(t, z)
          return ops.flip(ending(ops.convolution(t, w.value, options), z), 1)
        end
        local f, g = both(image, body, r.shape)
        local h = both(image, body, r.shape)
        h:passes "-endings"
        near(f(x, r), g(x, r), 9 * image[4])
        same_bits(h(x, r), f(x, r), what .. ": other bits at the end")
        assert.is_false(f(x, r):tobytes() == g(x, r):tobytes(), what)
      end
    end)

    native("has the same bits in any batch, on any threads: " .. name, function ()
      local f = both(image, function (t)
        return ops.tanh(ops.convolution(t, w.value, options) + b.value)
      end)
      core.threads(1)
      local want = f(x)
      for _, n in ipairs { 2, 4 } do
        core.threads(n)
        same_bits(want, f(x), n .. " threads")
      end
      local twice = f(ops.concatenate({ x, x }, 0))
      same_bits(ops.concatenate({ want, want }, 0), twice, "twice as many")
      same_bits(ops.slice(want, { 0, 0, 0, 0 }, { 1, -1, -1, -1 }),
        f(ops.slice(x, { 0, 0, 0, 0 }, { 1, -1, -1, -1 })), "one alone")
    end)

    native("is exact beside what is large, and not finite where it must be: " .. name, function ()
      local f, g = both(image, function (t) return ops.convolution(t, w.value, options) end)
      -- what windows make of sizes alone; parts are made of all numbers of a kernel
      local bound = core.trace({ { shape = image } }, function (t)
        local largest = ops.max(ops.abs(w.value), { 0, 1 }, { keepdims = true })
        return ops.convolution(ops.abs(t), ops.broadcast_to(largest, w.value.shape), options)
      end)
      bound:passes "naive"
      for _, number in ipairs { 1e5, 1e9, -1e9, 1e20, -3e38, inf, -inf, nan } do
        local holes = with(x, number)
        local y, z, size = f(holes), g(holes), bound(holes)
        local finite = ops.logical_and(ops.isfinite(z), ops.less(size, 1e38))
        local function only(t) return ops.where(finite, t, 0) end
        assert.is_true(ops.all(ops.less_equal(only(ops.abs(y - z)), only(size) * 2 ^ -11)):item(),
          "beside " .. number)
        if number ~= -3e38 then -- with that, sums pass over the largest number in their order
          same_bits(ops.isfinite(z), ops.isfinite(y), "finite beside " .. number)
          same_bits(ops.isnan(z), ops.isnan(y), "NaN beside " .. number)
        end
      end
    end)

    native("is 0 where windows see zeros: " .. name, function ()
      local f, g = both(image, function (t) return ops.convolution(t, w.value, options) end)
      local zeros = with(x * 0, 1e20)
      same_bits(ops.equal(g(zeros), 0), ops.equal(f(zeros), 0))
      zeros = with(x * 0, 3)
      same_bits(ops.equal(g(zeros), 0), ops.equal(f(zeros), 0))
      assert.is_false(ops.all(ops.equal(f(zeros), 0)):item())
    end)
  end
end)

native("0 of less than nothing is not negative, where fewer products have bounds", function ()
  local w = core.variable { value = ops.full({ 3, 3, 32, 32 }, -1e-30), name = "w" }
  local f = both({ 1, 16, 16, 32 }, function (t) return ops.relu(ops.convolution(t, w.value)) end)
  assert.is_true(ops.all(ops.equal(1 / f(ops.full({ 1, 16, 16, 32 }, 1e-30)), inf)):item())
end)

describe("a convolution has fewer products", function ()
  local function planned(image, kernel, options, passes)
    local w = variable(kernel)
    local f = core.trace({ { shape = { false, table.unpack(image) } } }, function (t)
      return ops.convolution(t, w.value, options)
    end)
    f:passes(passes or "")
    local x = k.random.normal { 1, table.unpack(image) }
    return f(x):tobytes() ~= ops.convolution(x, w.value, options):tobytes()
  end
  local ok, kernel = { 16, 16, 32 }, { 3, 3, 32, 32 }

  native("where windows of 3 x 3 cells stand side by side in an image of some size", function ()
    assert.is_true(planned(ok, kernel, { same = true }))
    assert.is_true(planned(ok, kernel))
    assert.is_true(planned({ 11, 12, 32 }, kernel, { same = true }))
    assert.is_false(planned(ok, kernel, nil, "-winograd"))
    assert.is_false(planned(ok, kernel, nil, "-prepare"))
    assert.is_false(planned(ok, kernel, { strides = { 2, 1 } }))
    assert.is_false(planned(ok, kernel, { strides = { 1, 2 } }))
    assert.is_false(planned(ok, kernel, { dilation = { 1, 2 } }))
    assert.is_false(planned(ok, { 3, 2, 32, 32 }))
    assert.is_false(planned(ok, { 3, 3, 16, 32 }), "groups")
    assert.is_false(planned({ 16, 16, 24 }, { 3, 3, 24, 32 }), "odd channels")
    assert.is_false(planned({ 16, 16, 16 }, { 3, 3, 16, 32 }), "few channels")
    assert.is_false(planned({ 16, 16, 528 }, { 3, 3, 528, 32 }), "many channels")
    assert.is_false(planned(ok, { 3, 3, 32, 40 }), "odd filters")
    assert.is_false(planned(ok, { 3, 3, 32, 16 }), "few filters")
    assert.is_false(planned({ 9, 11, 32 }, kernel, { same = true }), "few tiles")
    assert.is_false(planned({ 3, 64, 32 }, kernel), "half tiles")
    assert.is_false(planned({ 16, 16, 16, 32 }, { 3, 3, 3, 32, 32 }, nil), "three axes")
  end)

  native("for each version of its kernel", function ()
    local w = variable(kernel)
    local f = both({ 1, 16, 16, 32 }, function (t) return ops.convolution(t, w.value) end)
    local x = k.random.normal { 1, 16, 16, 32 }
    near(f(x), ops.convolution(x, w.value), 9 * 32)
    w:assign(w.value * 2 + 1)
    near(f(x), ops.convolution(x, w.value), 9 * 32)
  end)
end)

-- The gradient in the image is a convolution, too; kernels that change are packed in each step.
describe("training has fewer products", function ()
  for _, case in ipairs {
    { { 2, 16, 16, 32 }, { same = true } }, { { 2, 13, 15, 48 } },
    { { 1, 14, 14, 32 }, { before = { 2, 0 }, after = { 1, 2 } } },
    { { 2, 12, 12, 32 }, { before = { 3, 1 } }, "more padding than a window" },
    { { 2, 16, 16, 32 }, { strides = { 2, 2 } }, "strides" },
    { { 2, 24, 24, 32 }, { dilation = { 2, 2 } }, "gaps" },
    { { 2, 16, 16, 64 }, { same = true }, "groups" },
  } do
    local image, options, direct = table.unpack(case)
    native("in gradients of images " .. table.concat(image, "x") .. (direct and ", not with "
      .. direct or ""), function ()
      local w = variable { 3, 3, direct == "groups" and 32 or image[4], 64 }
      local x = k.random.normal(image)
      local g = k.random.normal(ops.convolution(x, w.value, options).shape)
      local function body(passes, updated)
        local f = core.trace({ { shape = image }, { shape = g.shape } }, function (t, h)
          local _, d = core.value_and_grad(function (a)
            return ops.sum(ops.convolution(a, w.value, options) * h)
          end)(t)
          if updated then w:assign(w.value * 1) end
          return d[1]
        end)
        f:passes(passes)
        return f(x, g)
      end
      local want = body "-winograd"
      for _, updated in ipairs { false, true } do
        local d = body("", updated)
        near(d, want, 9 * 64)
        assert.equal(direct ~= nil, d:tobytes() == want:tobytes())
      end
    end)
  end

  native("in loops, and in their gradients", function ()
    local layer = k.layers.ConvLSTM2D { 32, 3, padding = "same", recurrent_initializer = "normal" }
    local x = k.random.normal { 2, 3, 12, 12, 32 }
    layer(x)
    local function body(passes)
      local f = core.trace({ { shape = x.shape } }, function (t)
        local y, d = core.value_and_grad(function (a) return ops.sum(ops.square(layer(a))) end)(t)
        return y, d[1]
      end)
      f:passes(passes)
      return f(x)
    end
    local y, d = body ""
    local want, wanted = body "-winograd"
    assert.near(want:item(), y:item(), 1e-5 * want:item())
    near(d, wanted, 9 * 32)
    assert.is_false(d:tobytes() == wanted:tobytes())
  end)

  native("forwards, with the kernel of each step", function ()
    local x = k.random.normal { 2, 16, 16, 32 }
    local w = variable { 3, 3, 32, 48 }
    local f = core.trace({ { shape = x.shape } }, function (t)
      local y = ops.convolution(t, w.value, { same = true })
      w:assign(w.value * 2)
      return y
    end)
    local first = f(x)
    same_bits(first * 2, f(x))
    same_bits(first * 4, f(x))
    near(first * 8, ops.convolution(x, w.value, { same = true }), 9 * 32 * 8)
    assert.is_false((first * 8):tobytes() ==
      ops.convolution(x, w.value, { same = true }):tobytes())
  end)
end)

describe("the largest of a convolution with fewer products", function ()
  for _, case in ipairs {
    { { 2, 13, 13, 32 }, { size = { 2, 2 }, strides = 2 }, true },
    { { 2, 13, 13, 32 }, { size = { 2, 2 }, strides = 2 }, false },
    { { 1, 40, 54, 32 }, { size = { 2, 3 }, strides = { 2, 3 } }, true },
    { { 1, 30, 20, 64 }, { size = { 4, 4 }, strides = 4 }, true },
    { { 1, 30, 20, 64 }, { size = { 2, 1 }, strides = { 4, 1 } }, true },
    { { 1, 13, 13, 32 }, { size = { 3, 3 }, strides = 3 }, true, "odd" },
    { { 1, 12, 12, 32 }, { size = { 3, 2 }, strides = 4 }, true, "odd" },
    { { 1, 14, 14, 32 }, { size = { 2, 2 }, strides = 3 }, true, "odd" },
    { { 1, 8, 130, 32 }, { size = { 2, 2 }, strides = 2 }, true, "a line has no room" },
  } do
    local image, pool, same, direct = table.unpack(case)
    local name = table.concat(image, "x") .. ", windows " .. table.concat(pool.size, "x")
    native(name .. (direct and ", which are none" or ""), function ()
      local w, b = variable { 3, 3, image[4], 64 }, variable { 64 }
      local f, g = both(image, function (t)
        local y = ops.convolution(t, w.value, { same = same })
        return ops.max_windows(ops.relu(y + b.value), pool)
      end)
      local x = k.random.normal(image)
      local y, z = f(x), g(x)
      near(y, z, 9 * image[4])
      assert.equal(direct ~= nil, y:tobytes() == z:tobytes())
      core.threads(2)
      same_bits(y, f(x))
      core.threads(threads)
      local holes = with(x, nan)
      same_bits(ops.isnan(g(holes)), ops.isnan(f(holes)))
    end)
  end
end)
