-- What a model traced stays as long as the model is what it was, and no longer; and not without
-- bound.

local k = require "lunula"
local layers = k.layers

local function function_of(model, mode)
  for key, entry in pairs(model._functions) do
    if key:find("^" .. mode .. ";") then return entry.call end
  end
end

local function count(model)
  local n = 0
  for _ in pairs(model._functions) do n = n + 1 end
  return n
end

local x = k.ones { 2, 3 }

describe("a traced step", function()
  it("outlives what happens to other models", function()
    local model = k.Sequential { k.Input { 3 }, layers.Dense(2) }
    model:compile { optimizer = "sgd", loss = "mse" }
    model:fit(x, k.zeros { 2, 2 }, { verbose = 0 })
    model:predict(x)
    local train, predict = function_of(model, "train"), function_of(model, "predict")
    local other = k.Sequential { k.Input { 3 }, layers.Dense(2) }
    other:add(layers.Dense(1))
    other:compile { optimizer = "sgd", loss = "mse" }
    k.models.clone_model(other)
    model:fit(x, k.zeros { 2, 2 }, { verbose = 0 })
    model:predict(x)
    assert.is_true(rawequal(train, function_of(model, "train")))
    assert.is_true(rawequal(predict, function_of(model, "predict")))
  end)

  it("does not outlive a change to a model inside", function()
    local inner = k.Sequential { k.Input { 3 }, layers.Dense { 3, kernel_initializer = "ones" } }
    local middle = k.Sequential { k.Input { 3 }, inner }
    local Outer = k.model "OuterOfVersions" {
      init = function(self) self.parts = { layers.Dropout(0.5), middle } end,
      call = function(self, y) return self.parts[2](self.parts[1](y)) end,
    }
    local outer = Outer {}
    assert.near_all(outer:predict(x), k.full({ 2, 3 }, 3))
    assert.near_all(middle:predict(x), k.full({ 2, 3 }, 3))
    assert.near_all(middle:predict(x), k.full({ 2, 3 }, 3))
    inner:add(layers.Lambda(function(y) return y * 2 end))
    assert.near_all(outer:predict(x), k.full({ 2, 3 }, 6))
    assert.near_all(middle:predict(x), k.full({ 2, 3 }, 6))
    inner:pop()
    assert.near_all(outer:predict(x), k.full({ 2, 3 }, 3))
    assert.near_all(middle:predict(x), k.full({ 2, 3 }, 3))
  end)

  it("is one of at most 32, the last used", function()
    local Sum = k.model "SumOfVersions" { call = function(_, y) return k.ops.sum(y, -1) end }
    local model = Sum {}
    for length = 1, 50 do
      assert.near_all(model:predict(k.ones { 1, length }), { length })
      assert.near_all(model:predict(k.ones { 1, 1 }), { 1 })
    end
    assert.equal(32, count(model))
    assert.truthy(model._functions["predict;single;|;float32,?,1"])
    assert.truthy(model._functions["predict;single;|;float32,?,50"])
    assert.is_nil(model._functions["predict;single;|;float32,?,10"])
    assert.near_all(model:predict(k.ones { 1, 10 }), { 10 })
  end)

  it("is one of those whose plans work in at most so many bytes", function()
    local functions = require "lunula.trainers.functions"
    assert.equal(256 << 20, functions.bytes)
    local Wide = k.model "WideOfVersions" {
      call = function(_, y)
        return k.ops.sum(k.ops.matmul(y, k.ops.ones { 1, 10000 }) ^ 1.5, -1)
      end,
    }
    local model, given, total, most = Wide {}, functions.bytes, 0, 0
    functions.bytes = 1 << 20
    local ok, problem = pcall(function()
      for length = 1, 20 do model:predict_on_batch(k.ones { 1, length, 1 }) end
    end)
    functions.bytes = given
    assert.is_true(ok, problem)
    for _, entry in pairs(model._functions) do
      local own = entry.call:memory()
      total, most = total + own, math.max(most, own)
    end
    assert.truthy(most > 100000)
    assert.truthy(total <= (1 << 20) + most)
    assert.truthy(count(model) < 10)
  end)
end)
