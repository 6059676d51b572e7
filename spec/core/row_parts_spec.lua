-- A function that is larger than the caches runs for a few rows of its batch at a time. All numbers
-- have the bits of a run in one go, and what mixes rows is not taken apart.

local core = require "lunula.core"
local k = require "lunula"
local native = require "spec.support.native"

local layers, ops = k.layers, k.ops
local threads = core.threads()

-- 1.5 MB a row and layer, and few weights.
local function image_model(last)
  return k.Sequential {
    k.Input { shape = { 64, 64, 3 } },
    layers.ZeroPadding2D(1), layers.Conv2D { 96, 3, use_bias = false },
    layers.BatchNormalization(), layers.ReLU { max_value = 6 },
    layers.DepthwiseConv2D { 3, padding = "same", activation = "relu" },
    layers.Conv2D { 48, 1 }, layers.MaxPooling2D(2),
    last or layers.GlobalAveragePooling2D(), layers.Dense { 5, activation = "softmax" },
  }
end

-- The model as a function of its own, whose plans can be looked at.
local function traced(model)
  return core.trace({ { shape = { false, 64, 64, 3 } } }, function (x) return model(x) end)
end

describe("a function in parts of its batch", function ()
  local model, x

  setup(function ()
    k.set_random_seed(3)
    model, x = image_model(), k.random.normal { 13, 64, 64, 3 }
  end)
  after_each(function () core.threads(threads) end)

  local function bytes(batch, n, passes)
    core.threads(n)
    local f = traced(model)
    f:passes(passes or "")
    local part = ops.slice(x, { 0, 0, 0, 0 }, { batch, 64, 64, 3 })
    local y = f(part)
    assert.is_true(f(part):tobytes() == y:tobytes(), "another run gives other bits")
    return y:tobytes(), (f:memory { batch = batch })
  end

  native("has the bits of a run in one go, and of each row alone", function ()
    local alone = bytes(1, 1)
    for _, batch in ipairs { 2, 5, 13 } do
      local want = bytes(batch, 1, "-parts")
      assert.is_true(want:sub(1, #alone) == alone)
      for _, n in ipairs { 1, 2, 4 } do
        assert.is_true(want == bytes(batch, n), ("%d rows, %d threads"):format(batch, n))
      end
    end
  end)

  -- A plan keeps the parts of the threads it was made for.
  native("has the same bits with other threads than it was compiled for", function ()
    for _, made_for in ipairs { 1, 3 } do
      core.threads(made_for)
      local f = traced(model)
      local want = f(x):tobytes()
      for _, n in ipairs { 1, 2, 3, 4, 1 } do
        core.threads(n)
        assert.is_true(want == f(x):tobytes(), ("%d threads, then %d"):format(made_for, n))
      end
    end
  end)

  it("needs memory for the rows of a part alone", function ()
    local _, whole = bytes(12, 1, "-parts")
    local _, parts = bytes(12, 1)
    assert.is_true(4 * parts < whole, ("%d of %d bytes"):format(parts, whole))
  end)

  native("reads weights that were changed", function ()
    core.threads(2)
    local before = model:predict_on_batch(x):tobytes()
    local weight = model.layers[2].weights[1]
    local old = weight.value * 1
    weight:assign(old * 2)
    local f = traced(model)
    f:passes "-parts"
    local doubled = model:predict_on_batch(x):tobytes()
    assert.is_false(before == doubled)
    assert.is_true(f(x):tobytes() == doubled)
    weight:assign(old)
    assert.is_true(model:predict_on_batch(x):tobytes() == before)
  end)

  it("does not take apart what mixes rows", function ()
    core.threads(1) -- bands of lines have tasks for the threads there are
    local mixing = image_model(layers.Lambda(function (y)
      return ops.mean(y, { 1, 2 }) - ops.mean(y, { 0, 1, 2 })
    end))
    local f, g = traced(mixing), traced(mixing)
    g:passes "naive"
    local most = (f(x) - g(x)):abs():max():item()
    assert.is_true(most < 1e-6, most)
    f:passes "-parts"
    local whole = f:memory { batch = 13 }
    f:passes ""
    assert.equal(whole, (f:memory { batch = 13 }))
  end)
end)
