-- What depends on weights alone is computed once for each version of them: predictions must be
-- those of the weights as they are, whoever changed them, and whatever was prepared before.

local core = require "lunula.core"
local k = require "lunula"
local files = require "spec.support.files"
local lua = require "spec.support.lua"
local ops = k.ops
local native = require "spec.support.native"

local function same_bits(a, b) assert.is_true(a:tobytes() == b:tobytes(), "other bits") end

local function variable(value) return core.variable { value = value, name = "w" } end

local function model()
  return k.Sequential {
    k.Input { shape = { 7 } },
    k.layers.Dense { 40, activation = "relu" },
    k.layers.Dense { 5 },
  }
end

local function weights(m)
  local all = {}
  for i, w in ipairs(m:get_weights()) do all[i] = w + 0 end
  return all
end

describe("prepared weights", function()
  local x = k.random.normal { 9, 7 }

  native("are those of now: fit, predict, set_weights, predict", function()
    local m = model()
    m:compile { optimizer = "adam", loss = "mse" }
    local y = k.random.normal { 9, 5 }
    same_bits(m(x), m:predict(x))
    for _ = 1, 3 do
      local before = m:predict(x)
      m:fit(x, y, { verbose = 0 })
      same_bits(m(x), m:predict(x))
      assert.is_false(before:tobytes() == m:predict(x):tobytes())
    end
    local twin = model()
    twin:predict(x)
    twin:set_weights(weights(m))
    same_bits(m:predict(x), twin:predict(x))
    same_bits(m:predict(x), twin:predict(x, { batch_size = 2 }))
    m.layers[1].kernel:assign(ops.zeros { 7, 40 })
    same_bits(m(x), m:predict(x))
  end)

  -- What a plan makes of a convolution with windows of one cell, and of what stands behind it.
  local function convolved(image, kernel, options, behind)
    local w = variable(k.random.normal(kernel))
    local f = core.trace({ { shape = { false, table.unpack(image, 2) } } }, function(v)
      local y = ops.convolution(v, w.value, options or { same = false })
      return behind and behind(y) or y
    end)
    local z = k.random.normal(image)
    local y = f(z)
    local _, steps = f:memory { batch = image[1] }
    f:passes "naive"
    same_bits(f(z), y)
    return steps
  end

  native("are the panels of a product where windows are one cell", function()
    for _, channels in ipairs { 1, 3, 40 } do
      convolved({ 3, 9, 7, channels }, { 1, 1, channels, 1 })
      for _, filters in ipairs { 2, 17, 70 } do
        local steps = convolved({ 3, 9, 7, channels }, { 1, 1, channels, filters })
        assert.equal(1, steps, ("%d to %d"):format(channels, filters))
      end
    end
    convolved({ 2, 9, 3 }, { 1, 3, 5 })
    convolved({ 2, 3, 4, 5, 6 }, { 1, 1, 1, 6, 5 }, { same = true })
    local apart = { 3, 9, 7, 10 }
    assert.equal(2, convolved(apart, { 1, 1, 10, 33 }, { strides = { 2, 2 } }), "a slice")
    convolved(apart, { 1, 1, 10, 33 }, { strides = { 1, 3 }, same = true })
    convolved(apart, { 1, 1, 10, 33 }, { strides = { 2, 1 }, before = { 1, 0 } })
    convolved(apart, { 1, 1, 10, 33 }, { after = { 0, 2 } })
    convolved(apart, { 1, 1, 5, 34 })
  end)

  -- Rows of so many that they are finished some at a time, in blocks or in place.
  native("of a product are finished as if they were finished last", function()
    local more = k.random.normal { 2, 37, 5, 1200 }
    for _, filters in ipairs { 2, 33, 96, 300, 1200 } do
      local bias = variable(k.random.normal { filters })
      local rest = ops.slice(more, { 0, 0, 0, 0 }, { 2, 37, 5, filters })
      for _, behind in ipairs {
        function(y) return ops.relu(y + bias.value) end,
        function(y) return ops.relu(y + bias.value + rest) end,
        function(y) return ops.tanh(y * bias.value) - y end,
        function(y) local z = y + rest return z * z end,
      } do
        convolved({ 2, 37, 5, 19 }, { 1, 1, 19, filters }, nil, behind)
      end
    end
  end)

  native("are made one after the other, in little memory", function()
    local list = { k.Input { shape = { 4, 4, 128 } } }
    for _ = 1, 12 do
      list[#list + 1] = k.layers.Conv2D { 128, 3, padding = "same" }
      list[#list + 1] = k.layers.BatchNormalization()
    end
    local m, z = k.Sequential(list), k.random.normal { 1, 4, 4, 128 }
    collectgarbage()
    local kernel, before = 4 * 9 * 128 * 128, k.memory().live
    m:predict(z)
    collectgarbage()
    local grown = (k.memory().live - before) / kernel
    assert.is_true(grown < 12 + 3, ("%.1f kernels"):format(grown))
  end)

  native("leave nothing in the cache of the much that was freed before", function()
    if os.getenv "ASAN_OPTIONS" then return end   -- where nothing is kept
    local m = model()
    k.random.normal { 5000, 1000 }:release()
    assert.is_true(k.memory().cached >= 4 * 5000 * 1000)
    m:predict(x)
    assert.is_true(k.memory().cached < 1000 * 1000)
  end)

  native("leave nothing of the room that it took to make them", function()
    local m = k.Sequential {
      k.Input { shape = { 14, 14, 256 } },
      k.layers.Conv2D { 256, 3, padding = "same", use_bias = false },
      k.layers.BatchNormalization(),
    }
    local image, before = k.random.normal { 1, 14, 14, 256 }, k.memory().live
    m:predict_on_batch(image)
    -- The panels are 4.2 MB, the plan's own room is 0.2; the kernel with its scale was 2.4.
    assert.is_true(k.memory().live - before < 5.5e6, "live: " .. k.memory().live - before)
  end)

  native("are made before the plan takes its room", function()
    local code = [[
      local k = require "lunula"
      local m = k.Sequential {
        k.Input { shape = { 56, 56, 256 } },
        k.layers.Conv2D { 256, 3, padding = "same", use_bias = false },
        k.layers.BatchNormalization(), k.layers.ReLU(),
        k.layers.Conv2D { 4, 1 },
      }
      local x = k.ops.zeros { 1, 56, 56, 256 }
      local y = m:predict_on_batch(x)
      print((k.memory().peak - k.memory().live) / 1e6)]]
    local pipe = assert(io.popen(("%s %s -e %q 2>&1"):format(
      lua.paths(package.path, package.cpath), lua.command, code:gsub("\n", " "))))
    local above = pipe:read "a"
    pipe:close()
    -- Both at once would be 2.4 MB more, the kernel with its scale.
    assert.is_true(tonumber(above) < 2, above)
  end)

  native("are shared by the plans of all batch sizes", function()
    local w = variable(k.random.normal { 300, 1000 })
    local f = core.trace({ { shape = { false, 300 } } }, function(v)
      return ops.matmul(v, w.value)
    end)
    f(ops.ones { 1, 300 })
    local one = f:memory()
    assert.is_true(one >= 4 * 300 * 1000, "the panels are counted")
    for n = 2, 8 do f(ops.ones { n, 300 }) end
    assert.is_true(f:memory() - one < 4 * 300 * 1000)
  end)

  it("are counted, and freed with the model", function()
    collectgarbage()
    local before = core.memory().live
    do
      local m = model()
      m:predict(x)
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(core.memory().live <= before + 4096)
  end)

  it("are not prepared where the function changes them", function()
    local w = variable(k.random.normal { 4, 6 })
    local f = core.trace({ { shape = { 3, 4 } } }, function(v)
      local y = ops.matmul(v, w.value)
      w:assign(w.value * 0.5)
      return y
    end)
    local v = k.random.normal { 3, 4 }
    for _ = 1, 3 do
      local want = ops.matmul(v, w.value)
      same_bits(want, (f(v)))
    end
  end)

  it("come of whatever is computed of weights", function()
    local a, b = variable(k.random.normal { 6, 4 }), variable(k.random.normal { 6, 3 })
    local f = core.trace({ { shape = { false, 6 } } }, function(v)
      local joined = ops.concatenate({ a.value * 2, ops.tanh(b.value) }, 1)
      return ops.matmul(v, joined), ops.matmul(v, ops.transpose(ops.transpose(joined)))
    end)
    for _ = 1, 2 do
      for _, n in ipairs { 1, 5, 40 } do
        local v = k.random.normal { n, 6 }
        local y, z = f(v)
        local want = ops.matmul(v, ops.concatenate({ a.value * 2, ops.tanh(b.value) }, 1))
        same_bits(want, y)
        same_bits(want, z)
      end
      b:assign(b.value + 1)
    end
  end)

  it("give what the naive plan gives, and are a pass", function()
    local w = variable(k.random.normal { 30, 50 })
    local body = function(v) return ops.relu(ops.matmul(v, w.value) + 1) end
    local f = core.trace({ { shape = { 8, 30 } } }, body)
    local v = k.random.normal { 8, 30 }
    local y = f(v)
    f:passes "naive"
    same_bits(y, (f(v)))
    local g = core.trace({ { shape = { 8, 30 } } }, body)
    g:passes "-prepare"
    same_bits(y, (g(v)))
    assert.is_true(g:memory() < f:memory() + 4 * 30 * 50)
  end)

  it("of a loop are packed once before it, also while it is trained", function()
    local layer = k.layers.GRU { 5, return_sequences = true }
    local m = k.Sequential { k.Input { shape = { false, 3 } }, layer }
    for _, n in ipairs { 1, 4, 9 } do
      local v = k.random.normal { 2, n, 3 }
      same_bits(m(v), m:predict(v))
    end
    local w, v = variable(k.random.normal { 4, 4 }), k.random.normal { 6, 2, 4 }
    local body = function(steps, s)
      local last = core.scan(function(state, step)
        return { ops.tanh(ops.matmul(state[1], w.value) + step[1]) }, {}
      end, { s }, { steps })
      local g = core.grad(ops.sum(last[1]), { w })
      w:assign(w.value - g[1] * 0.1)
      return last[1]
    end
    local results = {}
    local first = w.value + 0
    for _, passes in ipairs { "naive", "-prepare", "" } do
      w:assign(first)
      local f = core.trace({ { shape = { false, 2, 4 } }, { shape = { 2, 4 } } }, body)
      f:passes(passes)
      for _ = 1, 3 do results[passes] = f(v, ops.ones { 2, 4 }) end
    end
    same_bits(results.naive, results[""])
    same_bits(results["-prepare"], results[""])
  end)
end)

describe("a scale behind a product", function()
  local layers = k.layers

  local function moved(m) -- moments and scales as they might be after training
    for _, w in ipairs(m.weights) do w:assign(k.random.uniform(w.shape, 0.5, 1.5)) end
    return m
  end

  local cases = {
    ["convolution, no bias"] = { { 6, 6, 3 }, function()
      return { layers.Conv2D { 8, 3, use_bias = false }, layers.BatchNormalization(),
        layers.ReLU() }
    end },
    ["convolution, bias, twice"] = { { 6, 6, 3 }, function()
      return { layers.Conv2D { 8, 3, groups = 1 }, layers.BatchNormalization(),
        layers.BatchNormalization { scale = false }, layers.DepthwiseConv2D(3),
        layers.BatchNormalization { center = false } }
    end },
    ["groups"] = { { 6, 6, 4 }, function()
      return { layers.Conv2D { 8, 3, groups = 2 }, layers.BatchNormalization() }
    end },
    ["dense"] = { { 5 }, function()
      return { layers.Dense(7), layers.BatchNormalization(), layers.Dense(3) }
    end },
  }

  for name, case in pairs(cases) do
    it("goes into its weights: " .. name, function()
      local list = case[2]()
      table.insert(list, 1, k.Input { shape = case[1] })
      local m = moved(k.Sequential(list))
      local x = k.random.normal { 3, table.unpack(case[1]) }
      for _ = 1, 2 do
        local want = m(x)
        assert.near_all(m:predict(x), want, 1e-5 * (1 + ops.max(ops.abs(want)):item()))
        moved(m)
      end
    end)
  end

  native("is no step of its own, nor is a second bias", function()
    local name = os.tmpname()
    files.write(name, ([[
      package.path, package.cpath = %q, %q
      local k, core = require "lunula", require "lunula.core"
      local function weight(...) return core.variable { value = k.ops.ones { ... }, name = "w" } end
      local w, s, b = weight(4, 6), weight(6), weight(6)
      local f = core.trace({ { shape = { 3, 4 } } }, function(v)
        return (k.ops.matmul(v, w) + b) * s + b
      end)
      print(f(k.ops.ones { 3, 4 }):get(1, 1))]]):format(package.path, package.cpath))
    local pipe = assert(io.popen(("LUNULA_DEBUG=plan %s %s 2>&1"):format(lua.command, name)))
    local text = pipe:read "a"
    pipe:close()
    os.remove(name)
    local plan = text:match ".*(%-%-%-%- steps.*)"
    assert.matches("matmul_panels %(%%%d+%) with add: %%%d+:output0%s+6.0", plan)
    assert.not_matches("multiply", plan)
  end)
end)
