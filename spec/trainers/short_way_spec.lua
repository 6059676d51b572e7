-- Once a model was asked with a plain tensor, functions of C stand in it for predict and
-- predict_on_batch. What they answer is what the methods answer, and they last until a model
-- changes.

local core = require "lunula.core"
local k = require "lunula"
local native = require "spec.support.native"

local function line()
  return debug.getinfo(2, "l").currentline
end

local function tiny()
  return k.Sequential { k.Input { shape = { 4 } }, k.layers.Dense { 8, activation = "relu" },
    k.layers.Dense(1) }
end

local x = k.random.normal { 3, 4 }

-- A model that goes the short way, and its answer for x.
local function warm(model)
  model = model or tiny()
  local y = model:predict(x)
  assert.is_function(rawget(model, "predict"))
  assert.is_function(rawget(model, "predict_on_batch"))
  return model, y
end

local function same(a, b)
  assert.same(a:totable(), b:totable())
end

describe("the short way of a prediction", function()
  it("gives the numbers of the method", function()
    local model, y = warm()
    same(y, model:predict(x))
    same(y, model:predict_on_batch(x))
    same(y, model:predict(x, nil))
    same(y, model(x))
  end)

  it("makes one userdata a call, and nothing else", function()
    local model = warm()
    for _ = 1, 10 do model:predict(x):release() end
    collectgarbage()
    collectgarbage "stop"
    local live, before = core.memory().live, collectgarbage "count"
    for _ = 1, 100 do model:predict(x):release() end
    local bytes = (collectgarbage "count" - before) * 1024 / 100
    collectgarbage "restart"
    assert.equal(live, core.memory().live)
    assert.is_true(bytes <= 128, bytes)
  end)

  it("gives small results that are tensors like others", function()
    local model = warm()
    local function y() return model:predict_on_batch(x) end
    local want = model(x):totable()
    assert.is_true(core.is_tensor(y()))
    assert.is_false(core.is_symbolic(y()))
    assert.equal("lunula.Tensor", getmetatable(y()))
    assert.same({ 3, 1 }, { table.unpack(y().shape) })
    assert.equal(want[2][1], y()[2][1])
    assert.equal(want[2][1], y():get(2, 1))
    assert.same(want, y():totable())
    assert.equal(3, #y())
    assert.same((model(x) + 1):totable(), (y() + 1):totable())
    assert.equal(tostring(model(x)), tostring(y()))
    local kept = y()
    kept.mask = x
    kept:set(1, 1, 7)
    assert.equal(7, kept[1][1])
    assert.equal(x, kept.mask)
    local next_one = k.Sequential { k.Input { shape = { 1 } }, k.layers.Dense(2) }
    next_one:predict(y())
    same(next_one(y()), next_one:predict(y()))
    do local _ <close> = y() end
    local gone = y()
    gone:release()
    gone:release()
    assert.equal("tensor (released)", tostring(gone))
    assert.error_matches(function() return gone + 1 end, "this tensor was released")
    assert.error_matches(function() return model:predict(gone) end, "this tensor was released")
  end)

  it("gives results of all sizes and types", function()
    for _, units in ipairs { 1, 3, 4, 11, 12, 40 } do
      local model = k.Sequential { k.Input { shape = { 4 } }, k.layers.Dense(units) }
      for rows = 1, 4 do
        local some = k.random.normal { rows, 4 }
        model:predict(some)
        same(model(some), model:predict(some))
      end
    end
    for _, dtype in ipairs { "int32", "bool", "float64", "int64", "float16", "uint8" } do
      local model = k.Sequential { k.Input { shape = { 4 } },
        k.layers.Lambda(function(v) return k.ops.cast(v, dtype) end) }
      local some = k.ops.ones { 1, 4 }
      model:predict(some)
      local y = model:predict(some)
      assert.equal(dtype, y.dtype)
      same(model(some), y)
    end
  end)

  native("serves what it is for, and the method the rest", function()
    local model, y = warm()
    same(y, model:predict(x, { batch_size = 2 }))
    same(y, model:predict(x:totable()))
    assert.same({ 40, 1 }, { table.unpack(model:predict(k.ops.zeros { 40, 4 }).shape) })
    same(model:predict(k.ops.ones { 2, 4 }), model:predict(k.ops.ones({ 2, 4 }, "int32")))
    local calls = 0
    model:predict(x, { callbacks = { k.callbacks.LambdaCallback {
      on_predict_end = function() calls = calls + 1 end } } })
    assert.equal(1, calls)
    local seen = {}
    local co = coroutine.wrap(function()
      model:predict(x, { batch_size = 2, callbacks = { k.callbacks.LambdaCallback {
        on_predict_batch_end = function(batch) coroutine.yield(batch) end } } })
      return "end"
    end)
    for i = 1, 3 do seen[i] = co() end
    assert.same({ 0, 1, "end" }, seen)
  end)

  it("reads weights that were set or trained meanwhile", function()
    local model = warm()
    model:set_weights { k.ops.zeros { 4, 8 }, k.ops.zeros { 8 }, k.ops.zeros { 8, 1 },
      k.ops.full({ 1 }, 5) }
    assert.equal(5, model:predict(x)[1][1])
    model:compile { optimizer = "sgd", loss = "mse" }
    model:fit(x, k.ops.zeros { 3, 1 }, { verbose = 0 })
    same(model(x), model:predict(x))
    same(model(x), warm(model):predict(x))
  end)

  it("ends when a layer is added or taken away, also inside", function()
    local inner = k.Sequential { k.Input { shape = { 4 } }, k.layers.Dense(4) }
    local outer = k.Sequential { k.Input { shape = { 4 } }, inner, k.layers.Dense(2) }
    warm(outer)
    inner:add(k.layers.Rescaling(0))
    inner:add(k.layers.Rescaling { 1, offset = 3 })
    assert.is_nil(rawget(outer, "predict"))
    same(outer(x), outer:predict(x))
    inner:pop()
    same(outer(x), outer:predict(x))
  end)

  it("leaves a function of the user's where it is", function()
    local model, y = warm()
    local theirs = function() return "theirs" end
    rawset(model, "predict", theirs)
    model:predict_on_batch(x)
    tiny():add(k.layers.Dense(2))
    assert.equal(theirs, rawget(model, "predict"))
    model:predict_on_batch(x)
    assert.equal(theirs, rawget(model, "predict"))
    rawset(model, "predict", nil)
    same(y, model:predict(x))
  end)

  it("is a way of its own model alone", function()
    local a, b = warm(), warm()
    same(b(x), a.predict(b, x))
    local ok, text = pcall(a.predict, x)
    assert.is_false(ok)
    assert.matches("predict is a method: model:predict%(…%), with a colon", text)
  end)

  it("fails as the method does, at the user's line", function()
    local function refused(method, tensor)
      local model = tiny()
      assert.is_false(pcall(model[method], model, tensor))
      warm(model)
      local ok, text = pcall(function()
        local y = model[method](model, tensor)
        return y
      end)
      assert.is_false(ok)
      return tostring(text), "short_way_spec.lua:" .. (line() - 4) .. ": "
    end
    for _, method in ipairs { "predict", "predict_on_batch" } do
      for _, shape in ipairs { { 3, 5 }, { 4 }, { 0, 5 } } do
        local text, place = refused(method, k.ops.zeros(shape))
        assert.truthy(text:find(place, 1, true), text)
      end
      local gone = k.ops.zeros { 3, 4 }
      gone:release()
      local text, place = refused(method, gone)
      assert.truthy(text:find(place, 1, true), text)
      assert.matches("this tensor was released", text)
    end
  end)

  it("is none inside a trace", function()
    local model = warm()
    local ok, text = pcall(core.trace, { { shape = { 3, 4 } } }, function()
      return model:predict(x)
    end)
    assert.is_false(ok)
    assert.matches("short_way_spec.lua:" .. (line() - 3), tostring(text))
  end)

  it("serves models with steps in Lua, random numbers and states too", function()
    local calls = 0
    local closure = warm(k.Sequential { k.Input { shape = { 4 } },
      k.layers.Lambda { function(v) calls = calls + 1 return v * 2 end, trace = false } })
    same(x * 2, closure:predict(x))
    assert.is_true(calls >= 2)
    local noise = warm(k.Sequential { k.Input { shape = { 4 } },
      k.layers.Lambda(function(v) return v + k.random.normal(k.ops.shape(v)) end) })
    assert.not_same(noise:predict(x):totable(), noise:predict(x):totable())
    local steps = k.Sequential { k.Input { batch_shape = { 3, 2, 2 } },
      k.layers.LSTM { 3, stateful = true } }
    local sequence = x:reshape { 3, 2, 2 }
    local first = steps:predict_on_batch(sequence)
    assert.not_same(first:totable(), steps:predict_on_batch(sequence):totable())
    steps:reset_states()
    same(first, steps:predict_on_batch(sequence))
  end)
end)
