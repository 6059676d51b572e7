-- Steps of images that go together, some lines at a time: the bits are those of one step after the
-- other, whatever the strides, the padding and the threads are, and nothing is read where another
-- result lies already.

local core = require "lunula.core"
local k = require "lunula"
local native = require "spec.support.native"

local layers, ops = k.layers, k.ops
local threads = core.threads()

local function conv(filters, size, strides, padding)
  return layers.Conv2D {
    filters, size, strides = strides, padding = padding or "same", activation = "relu6",
    bias_initializer = "random_normal",
  }
end

local function depthwise(size, strides, padding, dilation)
  return layers.DepthwiseConv2D {
    size, strides = strides, padding = padding or "same", dilation_rate = dilation or 1,
    activation = "relu", bias_initializer = "random_normal",
  }
end

local function linear(filters)
  return layers.Conv2D { filters, 1, bias_initializer = "random_normal" }
end

-- What its input goes through; the lists in it are added to what goes into them.
local function run(x, list)
  for _, layer in ipairs(list) do
    x = layer[1] and run(x, layer) + x or layer(x)
  end
  return x
end

local function traced(shape, list)
  return core.trace({ { shape = { false, table.unpack(shape) } } },
    function (x) return run(x, list) end)
end

local cases <const> = {
  ["windows that reach over the edge"] = {
    { 61, 40, 24 }, function () return { conv(96, 1), depthwise(3, 1), linear(24) } end,
  },
  ["strides"] = {
    { 80, 41, 16 }, function () return { conv(64, 1), depthwise(3, 2), linear(24) } end,
  },
  ["a stride that leaves lines out"] = {
    { 90, 30, 16 }, function () return { conv(96, 1), depthwise(2, 3, "valid"), linear(24) } end,
  },
  ["windows inside the image"] = {
    { 50, 50, 16 }, function () return { conv(96, 1), depthwise(5, 1, "valid"), linear(24) } end,
  },
  ["windows with gaps"] = {
    { 70, 48, 16 }, function () return { conv(64, 1), depthwise(3, 1, "same", 4), linear(24) } end,
  },
  ["whole convolutions"] = {
    { 151, 120, 3 }, function ()
      return { conv(32, 3, 2), depthwise(3, 1), linear(16), conv(32, 3, 1, "valid"), linear(64) }
    end,
  },
  ["what is added again"] = {
    { 56, 56, 24 }, function ()
      return { { conv(96, 1), depthwise(3, 1), linear(24) }, { conv(64, 1), conv(64, 3),
        linear(24) }, conv(96, 1), depthwise(3, 2), linear(32) }
    end,
  },
  ["padding and pooling"] = {
    { 97, 90, 3 }, function ()
      return { layers.ZeroPadding2D(3), conv(64, 7, 2, "valid"),
        layers.ZeroPadding2D { { { 1, 2 }, { 3, 0 } } }, layers.MaxPooling2D { 3, strides = 2 },
        linear(48), layers.AveragePooling2D { 3, strides = 1, padding = "same" }, linear(32) }
    end,
  },
  ["lines of one pixel"] = {
    { 900, 1, 16 }, function () return { conv(96, 1), depthwise(3, 1), linear(16) } end,
  },
}

describe("steps of an image", function ()
  after_each(function () core.threads(threads) end)

  for name, case in pairs(cases) do
    native("have the bits of one after the other: " .. name, function ()
      k.set_random_seed(5)
      local shape, list = case[1], case[2]()
      for _, batch in ipairs { 1, 3 } do
        local x = k.random.normal { batch, table.unpack(shape) }
        local f = traced(shape, list)
        f:passes "naive"
        local want = f(x):tobytes()
        for _, n in ipairs { 1, 2, 4 } do
          core.threads(n)
          local g = traced(shape, list)
          g:passes "-winograd"
          for _ = 1, 2 do
            assert.is_true(want == g(x):tobytes(), ("batch of %d, %d threads"):format(batch, n))
          end
        end
      end
    end)
  end

  native("need memory for the lines that are near alone", function ()
    core.threads(1)
    for name, case in pairs(cases) do
      local bytes = {}
      for _, passes in ipairs { "", "-bands" } do
        local f = traced(case[1], case[2]())
        f:passes(passes)
        f(k.random.normal { 1, table.unpack(case[1]) })
        bytes[#bytes + 1] = f:memory { batch = 1 }
      end
      assert.is_true(bytes[1] < bytes[2], ("%s: %d of %d bytes"):format(name, bytes[1], bytes[2]))
    end
  end)

  native("have the same bits with other threads than they were compiled for", function ()
    local case = cases["what is added again"]
    local f, x = traced(case[1], case[2]()), k.random.normal { 1, table.unpack(case[1]) }
    core.threads(1)
    local want = f(x):tobytes()
    for _, n in ipairs { 4, 2, 1, 3 } do
      core.threads(n)
      assert.is_true(want == f(x):tobytes(), n .. " threads")
    end
  end)

  native("are found soon, however many images there are", function ()
    local case = cases.strides
    local f = traced(case[1], case[2]())
    f:passes "-parts"
    local start = os.clock()
    f:memory { batch = 16384 }
    local seconds = os.clock() - start
    assert.is_true(seconds < 4, seconds .. " s")
  end)

  native("leave alone what somebody else reads, too", function ()
    local wide, middle, last = conv(96, 1), depthwise(3, 1), linear(24)
    local x = k.random.normal { 1, 60, 60, 24 }
    local function body(image)
      local a = wide(image)
      local b = middle(a)
      return last(b), ops.max(a, { 1, 2 }), ops.sum(b, { 1, 2 })
    end
    local f = core.trace({ { shape = x.shape } }, body)
    local g = core.trace({ { shape = x.shape } }, body)
    f:passes "naive"
    for _, n in ipairs { 1, 2 } do
      core.threads(n)
      local want, got = { f(x) }, { g(x) }
      for i = 1, 3 do assert.is_true(want[i]:tobytes() == got[i]:tobytes(), "result " .. i) end
    end
  end)

  it("read weights that were changed", function ()
    local case = cases.strides
    local list = case[2]()
    local f, g = traced(case[1], list), traced(case[1], list)
    local x = k.random.normal { 1, table.unpack(case[1]) }
    g:passes "-bands"
    assert.is_true(f(x):tobytes() == g(x):tobytes())
    list[2].weights[1]:assign(list[2].weights[1].value * 2)
    assert.is_true(f(x):tobytes() == g(x):tobytes())
  end)
end)
