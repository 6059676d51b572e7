-- Convolutions and pooling of sizes that take several tiles, blocks, bands and tasks, against their
-- lowering: patches of the image and matrix products, maxima, means.

local core = require "lunula.core"
local k = require "lunula"
local native = require "spec.support.native"

local ops = k.ops

local function product(list, first, last)
  local n = 1
  for i = first, last do n = n * list[i] end
  return n
end

-- The kernel (sizes..., channels / groups, filters) as a matrix (taps * channels, filters), zero
-- where a filter does not see a channel.
local function as_matrix(kernel, channels)
  local shape = kernel.shape
  local rank = #shape
  local taps, per_group, filters = product(shape, 1, rank - 2), shape[rank - 1], shape[rank]
  local groups = channels // per_group
  local width, rows = filters // groups, {}
  local parts = ops.reshape(kernel, { taps, per_group, filters })
  for group = 0, groups - 1 do
    local columns = ops.slice_steps(parts, { 0, 0, group * width }, nil, { -1, -1, width })
    rows[group + 1] = ops.pad_with(columns, { 0, 0, group * width },
      { 0, 0, filters - (group + 1) * width })
  end
  return ops.reshape(ops.concatenate(rows, 1), { taps * channels, filters })
end

local function lowered(x, kernel, given)
  local shape, size, options = kernel.shape, {}, given or {}
  for i = 1, #shape - 2 do size[i] = shape[i] end
  local patches = ops.patches(x, size, options.strides, options.dilation, options.same or false,
    options.before, options.after)
  return ops.matmul(patches, as_matrix(kernel, x.shape[x.rank]))
end

-- Value and gradients of sum(f(x, kernel) * weights).
local function all_of(f, x, kernel, given, weights)
  local options = next(given) and given or nil
  local y = f(x, kernel, options)
  weights = weights or k.random.normal(y.shape)
  local _, gradients = core.value_and_grad(function (image, w)
    return ops.sum(f(image, w, options) * weights)
  end)(x, kernel)
  return { y, gradients[1], gradients[2] }, weights
end

local function same_bits(a, b) assert.is_true(a:tobytes() == b:tobytes(), "other bits") end

it("of no images is none, and gives its kernel no gradient", function ()
  local x, w = ops.zeros { 0, 9, 9, 3 }, k.random.normal { 3, 3, 3, 5 }
  local y, d = core.value_and_grad(function (a, b)
    return ops.sum(ops.convolution(a, b))
  end)(x, w)
  assert.equal(0, y:item())
  assert.equal("0x9x9x3", table.concat(d[1].shape, "x"))
  same_bits(ops.zeros { 3, 3, 3, 5 }, d[2])
end)

local function largest(x) return ops.max(ops.abs(x)):item() end

-- Sums of many terms differ by their rounding, not by more.
local function agree(ours, wanted)
  for i, y in ipairs(ours) do
    assert.are.same(wanted[i].shape, y.shape)
    assert.is_true(largest(y - wanted[i]) <= 2e-5 * math.max(largest(wanted[i]), 1))
  end
end

it("of whole numbers has any number of groups", function ()
  local x, kernel = ops.ones({ 1, 2, 2, 240 }, "int32"), ops.ones({ 2, 2, 1, 240 }, "int32")
  local y = ops.conv(x, kernel)
  assert.equal("int32", y.dtype)
  assert.is_true(y == ops.full({ 1, 1, 1, 240 }, 4, "int32"))
end)

describe("a convolution is its lowering", function ()
  k.set_random_seed(5)
  for _, case in ipairs {
    { { 2, 23, 29, 5 }, { 3, 3, 5, 7 }, { same = true } },
    { { 2, 23, 29, 1 }, { 3, 3, 1, 33 }, { strides = 2 } },
    { { 3, 31, 27, 3 }, { 7, 5, 3, 17 }, { same = true, strides = { 2, 1 } } },
    { { 1, 19, 400, 2 }, { 2, 3, 2, 8 }, { dilation = { 1, 2 } } },
    { { 2, 14, 15, 40 }, { 3, 3, 40, 100 }, { same = true } },
    { { 1, 13, 14, 130 }, { 3, 3, 130, 97 }, { same = true, strides = 2 } },
    { { 1, 7, 7, 330 }, { 3, 2, 330, 65 }, { before = 1, after = 1 } },
    { { 5, 9, 11, 33 }, { 1, 1, 33, 310 }, {} },
    { { 1, 60, 6, 70 }, { 3, 3, 70, 128 }, { dilation = 2, same = true } },
    { { 1, 500, 24 }, { 5, 24, 31 }, { same = true } },
    { { 2, 77, 3 }, { 4, 3, 5 }, { strides = 3, before = { 3 }, after = { 0 } } },
    { { 1, 40000, 3 }, { 5, 3, 16 }, { same = true } },
    { { 1, 20000, 24 }, { 3, 24, 8 }, { dilation = 2 } },
    { { 1, 60000, 16 }, { 5, 1, 16 }, { same = true, strides = 2 } },
    { { 1, 61, 48, 64 }, { 3, 3, 64, 40 }, { same = true } },
    { { 1, 9, 10, 11, 6 }, { 3, 2, 3, 6, 13 }, { same = true, strides = { 1, 2, 1 } } },
    { { 2, 12, 13, 48 }, { 3, 3, 12, 20 }, { same = true } },
    { { 2, 12, 13, 8 }, { 3, 3, 2, 20 }, { strides = 2 } },
    { { 2, 17, 19, 4 }, { 3, 3, 1, 4 }, { same = true } },
    { { 2, 17, 19, 11 }, { 3, 3, 1, 11 }, { same = true } },
    { { 2, 17, 19, 37 }, { 3, 3, 1, 37 }, { same = true } },
    { { 2, 17, 19, 37 }, { 5, 3, 1, 37 }, { strides = 2, same = true } },
    { { 2, 17, 19, 20 }, { 3, 3, 1, 20 }, { dilation = 2, before = 3, after = 1 } },
    { { 2, 17, 19, 9 }, { 3, 3, 1, 27 }, { same = true } },
    { { 2, 21, 22, 130 }, { 3, 3, 1, 130 }, { same = true, strides = 2 } },
    { { 2, 30, 31, 40 }, { 5, 5, 1, 40 }, { same = true } },
    { { 1, 31, 30, 33 }, { 5, 5, 1, 33 }, { same = true, strides = 2 } },
    { { 3, 7, 7, 96 }, { 3, 3, 1, 96 }, { same = true } },
    { { 2, 9, 4, 16 }, { 3, 3, 1, 16 }, { same = true, strides = { 1, 3 } } },
    { { 2, 300, 24 }, { 9, 1, 24 }, { same = true, dilation = 2 } },
    { { 1, 9, 10, 11, 20 }, { 3, 3, 3, 1, 20 }, { same = true, strides = { 2, 1, 2 } } },
    { { 1, 6, 7, 20 }, { 1, 3, 1, 20 }, { before = 2, after = 2 } }, -- rows that see nothing
    { { 1, 20, 21, 18 }, { 17, 16, 1, 18 }, { same = true } }, -- more taps than are listed
    { { 2, 1900, 128 }, { 2, 128, 40 }, { dilation = 900, same = true } },      -- no room for cells
    { { 2, 700, 3 }, { 300, 3, 5 }, { dilation = 2, same = true } },             -- many runs
    { { 1, 9, 7, 1000 }, { 9, 7, 1000, 33 }, { before = 1, after = 1, strides = 2 } },
    { { 2, 6, 300, 90 }, { 3, 3, 90, 40 }, { same = true, strides = { 1, 2 } } }, -- parts of lines
    { { 40, 5, 6, 8 }, { 5, 6, 8, 19 }, {} },                                    -- filled axes
    { { 3, 20, 6, 8 }, { 3, 6, 8, 19 }, { before = { 1, 0 }, after = { 1, 0 } } },
    { { 20, 7, 7, 40 }, { 3, 3, 40, 36 }, { same = true } },                     -- some planes
    { { 2, 29, 31, 6 }, { 3, 5, 6, 34 }, { strides = { 4, 6 }, before = 2, after = 1 } },
    { { 2, 20, 23, 4 }, { 3, 4, 4, 9 }, { strides = { 2, 3 }, dilation = { 4, 6 }, before = 6,
      after = 7 } },
    { { 2, 20, 23, 4 }, { 2, 2, 4, 9 }, { before = 3, after = 2 } },
    { { 2, 80, 90, 4 }, { 3, 3, 4, 40 }, { same = true, strides = { 1, 2 } } },
    { { 2, 3000, 2 }, { 5, 2, 40 }, { dilation = 3 } },
    { { 1, 80, 90, 8 }, { 5, 3, 8, 16 }, { strides = 4 } },
  } do
    local image, kernel, options = table.unpack(case)
    it(("image %s, kernel %s"):format(table.concat(image, "x"), table.concat(kernel, "x")),
      function ()
        local x, w = k.random.normal(image), k.random.normal(kernel)
        local wanted, weights = all_of(lowered, x, w, options)
        agree(all_of(ops.convolution, x, w, options, weights), wanted)
      end)
  end
end)

-- Every number is one chain of multiply-adds, as it is in a product with the patches.
describe("a convolution has the bits of its lowering", function ()
  k.set_random_seed(6)
  local shapes = {
    { { 3, 41, 12 }, { 3, 12, 35 } }, { { 3, 15, 16, 12 }, { 3, 2, 12, 35 } },
    { { 3, 4, 16, 15, 4 }, { 3, 2, 3, 4, 8 } }, { { 3, 15, 16, 12 }, { 3, 2, 3, 36 } },
    { { 3, 9, 7, 3 }, { 1, 1, 3, 33 } },
  }
  for _, pair in ipairs(shapes) do
    local image, kernel = table.unpack(pair)
    native(("image %s, kernel %s"):format(table.concat(image, "x"), table.concat(kernel, "x")),
      function ()
        local x, w = k.random.normal(image), k.random.normal(kernel)
        for strides = 1, 3 do
          for dilation = 1, 2 do
            for padding = 0, 3 do
              local options = { strides = strides, dilation = dilation, same = padding == 3 }
              if padding < 3 then options.before, options.after = padding, 2 - padding // 2 end
              same_bits(ops.convolution(x, w, options), lowered(x, w, options))
            end
          end
        end
      end)
  end
end)

describe("a convolution's numbers are the same", function ()
  local hidden = debug.getregistry()["lunula.hidden"] -- rows that only gradients make
  local cases = {
    { { 5, 19, 23, 8 }, { 3, 3, 8, 40 }, { same = true } },
    { { 5, 19, 23, 8 }, { 3, 3, 4, 40 }, { same = true, strides = 2 } },
    { { 6, 7, 7, 128 }, { 3, 3, 128, 260 }, { same = true } },
    { { 5, 8, 9, 130 }, { 1, 1, 130, 33 }, {} },
    { { 3, 40, 45, 3 }, { 7, 7, 3, 64 }, { same = true, strides = 2 } },
    { { 4, 900, 24 }, { 5, 24, 31 }, { dilation = 3, same = true } },
    { { 3, 28, 28, 1 }, { 3, 3, 1, 32 }, {} },
    { { 2, 1900, 128 }, { 2, 128, 40 }, { dilation = 900, same = true } },
  }

  for _, case in ipairs(cases) do
    local image, kernel, options = table.unpack(case)
    local x, w = k.random.normal(image), k.random.normal(kernel)
    if not next(options) then options = nil end
    local y = ops.convolution(x, w, options)
    local g = k.random.normal(y.shape)
    local name = ("%s, kernel %s"):format(table.concat(image, "x"), table.concat(kernel, "x"))

    local function one(t, i)
      local first, size = { i - 1 }, { 1 }
      for axis = 2, t.rank do first[axis], size[axis] = 0, -1 end
      return ops.slice_steps(t, first, nil, size)
    end

    it("alone and in a batch: " .. name, function ()
      local dx = ops.convolution_input_gradient(g, w, x, options)
      for i = 1, image[1] do
        same_bits(one(y, i), ops.convolution(one(x, i), w, options))
        same_bits(one(dx, i), ops.convolution_input_gradient(one(g, i), w, one(x, i), options))
      end
    end)

    it("for one thread and for four: " .. name, function ()
      local function all()
        return { ops.convolution(x, w, options), ops.convolution_input_gradient(g, w, x, options),
          hidden.convolution_kernel_gradient(x, g, w, options) }
      end
      local before = core.threads()
      core.threads(4)
      local four = all()
      core.threads(1)
      local alone = all()
      core.threads(before)
      for i, t in ipairs(alone) do same_bits(four[i], t) end
    end)

    it("with the kernel packed before: " .. name, function ()
      local v = core.variable { value = w, name = "kernel" }
      local f = core.trace({ { shape = image } }, function (t)
        return ops.convolution(t, v.value, options)
      end)
      same_bits(y, f(x))
      same_bits(y, f(x))
      v:assign(w * 2)
      same_bits(y * 2, f(x))
    end)
  end
end)

native("a kernel of few filters is packed once, too", function ()
  local w = core.variable { value = k.random.normal { 3, 3, 64, 3 }, name = "w" }
  local f = core.trace({ { shape = { false, 9, 9, 64 } } }, function (t)
    return ops.convolution(t, w.value)
  end)
  local x = k.random.normal { 2, 9, 9, 64 }
  same_bits(ops.convolution(x, w.value), f(x))
  assert.equal(1, (select(2, f:memory { batch = 2 })))
  w:assign(w.value * 2)
  same_bits(ops.convolution(x, w.value), f(x))
end)

-- What is behind a convolution whose pixels only a pool reads goes behind the pool, and the pool
-- may become one with the convolution: the bits are those of one after the other.
describe("the largest of a convolution", function ()
  local two = { size = { 2, 2 }, strides = 2 }
  local cases = { -- image, kernel, options; the pool; steps of a plan
    { { 3, 28, 28, 1 }, { 3, 3, 1, 32 }, {}, two, 1 },
    { { 3, 13, 13, 32 }, { 3, 3, 32, 64 }, { same = true }, two, 1 },
    { { 2, 19, 23, 8 }, { 3, 3, 4, 40 }, { same = true }, { size = { 3, 2 }, strides = 3 }, 1 },
    { { 2, 60, 61, 3 }, { 5, 5, 3, 70 }, { strides = 2 }, two, 1 },
    { { 2, 101, 24 }, { 3, 24, 31 }, { dilation = 2 }, { size = { 4 }, strides = 4 }, 1 },
    { { 2, 33, 33, 3 }, { 3, 3, 3, 16 }, {}, { size = { 3, 3 }, strides = 2, same = true }, 2 },
    { { 2, 16, 16, 24 }, { 1, 1, 24, 16 }, {}, two, 2 }, -- whose pixels have no lines
    { { 2, 16, 16, 24 }, { 3, 3, 1, 24 }, {}, two, 2 },
    { { 2, 9, 9, 9, 4 }, { 2, 2, 2, 4, 8 }, {}, { size = { 2, 2, 2 }, strides = 2 }, 2 },
    { { 1, 4, 900, 8 }, { 3, 3, 8, 16 }, {}, two, 2 },
  }

  local function marked(t) return ops.where(ops.isnan(t), 7, t) end

  for _, case in ipairs(cases) do
    local image, kernel, options, pool, steps = table.unpack(case)
    local x, w = k.random.normal(image), k.random.normal(kernel)
    local b = k.random.normal { kernel[#kernel] }
    if not next(options) then options = nil end

    local function all(t, kernel_, bias)
      local y = ops.relu(ops.convolution(t, kernel_, options) + bias)
      return ops.max_windows(ops.minimum(y, 2), pool)
    end

    native(("%s, kernel %s"):format(table.concat(image, "x"), table.concat(kernel, "x")),
      function ()
        local variables = { core.variable { value = w, name = "w" },
          core.variable { value = b, name = "b" } }
        local f = core.trace({ { shape = { false, table.unpack(image, 2) } } }, function (t)
          return all(t, variables[1].value, variables[2].value)
        end)
        f:passes "-winograd"
        same_bits(all(x, w, b), f(x))
        assert.equal(steps, select(2, f:memory { batch = image[1] }))
        local before = core.threads()
        core.threads(4)
        same_bits(all(x, w, b), f(x))
        core.threads(before)
        local holes = ops.where(ops.less(x, 1.5), x, 0 / 0)
        same_bits(marked(all(holes, w, b)), marked(f(holes)))
      end)
  end

  native("is not what somebody else reads before", function ()
    local x, w = k.random.normal { 2, 8, 8, 3 }, k.random.normal { 3, 3, 3, 8 }
    local f = core.trace({ { shape = { 2, 8, 8, 3 } } }, function (t)
      local y = ops.convolution(t, core.variable { value = w, name = "w" }.value)
      return ops.max_windows(y, two), ops.relu(y)
    end)
    local first, all = f(x)
    same_bits(ops.max_windows(ops.convolution(x, w), two), first)
    same_bits(ops.relu(ops.convolution(x, w)), all)
  end)
end)

describe("a transposed convolution is its lowering", function ()
  for _, case in ipairs {
    { { 2, 13, 9, 40 }, { 4, 4, 3, 40 }, { strides = 2, before = 1, after = 1 } },
    { { 1, 30, 12, 7 }, { 3, 2, 50, 7 }, { strides = { 1, 3 }, extra = { 0, 1 } } },
    { { 1, 6, 7, 310 }, { 3, 3, 20, 310 }, { strides = 1 } },
    { { 3, 90, 5 }, { 5, 2, 5 }, { strides = 4 } },
    { { 2, 9, 8, 6 }, { 2, 2, 5, 6 }, { strides = 3, extra = 2 } },
    { { 2, 5, 6, 7, 4 }, { 3, 2, 3, 5, 4 }, { strides = 2, before = { 1, 0, 1 } } },
  } do
    local image, kernel, options = table.unpack(case)
    it(("image %s, kernel %s"):format(table.concat(image, "x"), table.concat(kernel, "x")),
      function ()
        local x, w = k.random.normal(image), k.random.normal(kernel)
        local y = ops.transposed_convolution(x, w, options)
        local rank = #image
        local size, taps = table.move(kernel, 1, rank - 2, 1, {}), product(kernel, 1, rank - 2)
        local patches = ops.matmul(x, ops.transpose(ops.reshape(w, { -1, kernel[rank] })))
        assert.are.equal(taps * kernel[rank - 1], patches.shape[rank])
        local wanted = ops.fold_patches(patches, ops.zeros(y.shape), size, options.strides, nil,
          false, options.before, options.after)
        agree({ y }, { wanted })
      end)
  end
end)

describe("a transposed convolution with its kernel packed before has the same bits", function ()
  local cases = {
    { { 3, 7, 7, 64 }, { 3, 3, 40, 64 }, { strides = 2 } },
    { { 2, 9, 11, 16 }, { 4, 4, 24, 16 }, { strides = 2, before = 1, after = 1 } },
    { { 2, 9, 11, 16 }, { 5, 3, 33, 16 }, { strides = { 1, 3 }, dilation = { 2, 1 } } },
    { { 2, 13, 9, 40 }, { 4, 4, 3, 40 }, { strides = 2 } }, -- few channels
    { { 3, 5, 5, 16 }, { 3, 3, 1, 16 }, { strides = 2 } },
    { { 2, 1, 1, 12 }, { 4, 4, 20, 12 } },
    { { 2, 30, 8 }, { 3, 12, 8 }, { strides = 2, extra = 1 } },
    { { 2, 3, 4, 5, 6 }, { 2, 2, 2, 7, 6 }, { strides = 2 } },
  }
  for _, case in ipairs(cases) do
    local image, kernel, options = table.unpack(case)
    local name = ("image %s, kernel %s"):format(table.concat(image, "x"), table.concat(kernel, "x"))
    native(name, function ()
      local x, w = k.random.normal(image), k.random.normal(kernel)
      local y = ops.transposed_convolution(x, w, options)
      local v = core.variable { value = w, name = "kernel" }
      local f = core.trace({ { shape = { false, table.unpack(image, 2) } } }, function (t)
        return ops.transposed_convolution(t, v.value, options)
      end)
      same_bits(y, f(x))
      same_bits(y, f(x))
      v:assign(w * 2)
      same_bits(y * 2, f(x))
      same_bits(ops.concatenate({ y * 2, y * 2 }, 0), f(ops.concatenate({ x, x }, 0)))
    end)
  end
end)

describe("pooling is its lowering", function ()
  for _, case in ipairs {
    { { 3, 25, 23, 70 }, { 2, 2 }, { strides = 2 } },
    { { 2, 25, 23, 33 }, { 3, 3 }, { same = true } },
    { { 1, 25, 23, 7 }, { 3, 2 }, { same = true, strides = { 2, 3 } } },
    { { 2, 90, 40 }, { 5 }, { strides = 2 } },
    { { 1, 70, 41, 33 }, { 3, 3 }, { strides = 2, same = true } },
    { { 1, 9, 8, 7, 17 }, { 2, 3, 2 }, { same = true } },
    { { 2, 30, 31, 1 }, { 2, 2 }, { strides = 2 } },
    { { 2, 30, 31, 3 }, { 3, 3 }, { strides = 2 } },
    { { 2, 21, 19, 12 }, { 2, 3 }, { strides = 3, same = true } },
    { { 1, 24, 25, 90 }, { 10, 9 }, { strides = 5 } },
    { { 1, 24, 25, 3 }, { 10, 9 }, { strides = 5, same = true } },
    { { 1, 30000, 5 }, { 4 }, { strides = 3 } },
  } do
    local image, size, options = table.unpack(case)
    local cells = product(size, 1, #size)

    -- The cells under each window as an axis before the channels.
    local function windows(x, value)
      local patches = ops.patches(x, size, options.strides, nil, options.same or false, nil, nil,
        value)
      local shape = patches.shape
      shape[#shape], shape[#shape + 1] = cells, image[#image]
      return ops.reshape(patches, shape)
    end

    local function largest_of(x) return ops.max(windows(x, -math.huge), -2) end

    local function mean_of(x)
      return ops.sum(windows(x, 0), -2) / ops.sum(windows(ops.ones_like(x), 0), -2)
    end

    local function row(name)
      return function (x)
        return ops[name](x, { size = size, strides = options.strides, same = options.same })
      end
    end

    for name, lowering in pairs { max_windows = largest_of, mean_windows = mean_of } do
      it(("%s of %s"):format(name, table.concat(image, "x")), function ()
        local x = k.random.normal(image)
        local y = row(name)(x)
        local weights = k.random.normal(y.shape)
        local function both(f)
          local _, gradients = core.value_and_grad(function (a)
            return ops.sum(f(a) * weights)
          end)(x)
          return { f(x), gradients[1] }
        end
        agree(both(row(name)), both(lowering))
      end)
    end
  end
end)

-- In vectors of every width, in their remainders, and in numbers by themselves.
describe("the largest of a window", function ()
  for _, channels in ipairs { 1, 2, 3, 5, 8, 13, 16, 20, 70 } do
    for _, stride in ipairs { 1, 2 } do
      local options = { size = { 2, 2 }, strides = stride }
      local image = { 1, 4, 6, channels }

      it(("is NaN where one is, %d channels, strides %d"):format(channels, stride), function ()
        for row = 0, 3 do
          for column = 0, 5 do
            local at = ops.reshape(ops.one_hot(row * 6 + column, 24), { 1, 4, 6, 1 })
            local here = ops.greater(at + ops.zeros(image), 0)
            local x = ops.where(here, 0 / 0, k.random.normal(image))
            local y, seen = ops.max_windows(x, options), ops.max_windows(at, options)
            local nan = ops.cast(ops.not_equal(y, y), "float32")
            assert.equal(0, largest(nan - seen))
            local _, gradients = core.value_and_grad(function (a)
              return ops.sum(ops.max_windows(a, options))
            end)(x)
            local share = ops.sum(ops.where(ops.not_equal(x, x), gradients[1], 0))
            assert.equal(ops.sum(seen):item() * channels, share:item())
          end
        end
      end)

      it(("is the first of equals, %d channels, strides %d"):format(channels, stride), function ()
        local _, gradients = core.value_and_grad(function (a)
          return ops.sum(ops.max_windows(a, options))
        end)(ops.zeros(image))
        local first = ops.zeros_like(gradients[1]):totable()
        for row = 1, 4 - 1, stride do
          for column = 1, 6 - 1, stride do
            for c = 1, channels do first[1][row][column][c] = 1 end
          end
        end
        assert.same(first, gradients[1]:totable())
      end)
    end
  end

  it("of no cell is -inf, and its mean NaN", function ()
    local options = { size = { 1 }, before = { 1 } }
    for _, channels in ipairs { 1, 5, 40 } do
      local x = ops.ones { 1, 3, channels }
      local y, mean = ops.max_windows(x, options), ops.mean_windows(x, options)
      assert.equal(-math.huge, y:get(1, 1, channels))
      assert.equal(1, y:get(1, 2, channels))
      assert.is_true(mean:get(1, 1, 1) ~= mean:get(1, 1, 1))
    end
  end)
end)
