-- Models of the user's own: k.model "Name" {init =, call =}.

local k = require "lunula"
local layers = k.layers

local TwoHeads = k.model "TwoHeads" {
  args = { { "units", "positive", default = 4 } },
  init = function(self)
    self.body = layers.Dense { self.units, activation = "relu" }
    self.heads = { layers.Dense(1), layers.Dense(2) }
    self.dropout = layers.Dropout(.5)
  end,
  call = function(self, x, ctx)
    local h = self.body(x)
    if ctx.training then h = self.dropout(h) end
    return self.heads[1](h), self.heads[2](h)
  end,
}

describe("subclassed models", function()
  it("find their layers and weights in their fields", function()
    local model = TwoHeads { 3 }
    local a, b = model(k.ones { 2, 5 })
    assert.same({ 2, 1 }, a.shape)
    assert.same({ 2, 2 }, b.shape)
    assert.equal(6, #model.weights)
    assert.equal(4, #model.layers)
    local built = TwoHeads {}
    built:build { false, 5 }
    assert.equal(6, #built.weights)
  end)

  it("predict and train", function()
    k.set_random_seed(3)
    local model = TwoHeads { 8 }
    local x = k.random.normal { 64, 5 }
    local a, b = model:predict(x)
    assert.near_all(a, (model(x)))
    assert.near_all(b, (select(2, model(x))))
    model:compile { optimizer = "adam", loss = { "mse", "mae" } }
    local history = model:fit(x, { k.zeros { 64, 1 }, k.zeros { 64, 2 } },
      { epochs = 20, verbose = 0 })
    local h = history.history
    assert.truthy(h.loss[20] < h.loss[1])
    assert.near_all(h.loss[20], h.output_1_loss[20] + h.output_2_loss[20], 1e-4)
  end)

  it("work as layers of other models", function()
    local x = k.Input { shape = { 5 } }
    local a, b = TwoHeads {} (x)
    local model = k.Model { inputs = x, outputs = layers.Concatenate {} { a, b } }
    assert.same({ 3, 3 }, model:predict(k.ones { 3, 5 }).shape)
    assert.equal(6, #model.weights)
  end)

  it("may look at values with run_eagerly", function()
    local Picky = k.model "Picky" {
      init = function(self) self.dense = layers.Dense(1) end,
      call = function(self, x)
        local y = self.dense(x)
        if k.ops.sum(x):item() > 0 then return y * 2 end
        return y
      end,
    }
    local model = Picky {}
    model:compile { optimizer = "sgd", loss = "mse", run_eagerly = true }
    model:fit(k.ones { 8, 3 }, k.zeros { 8, 1 }, { verbose = 0, epochs = 2 })
    assert.same({ 8, 1 }, model:predict(k.ones { 8, 3 }).shape)
    local traced = Picky {}
    traced:compile { optimizer = "sgd", loss = "mse" }
    assert.has_error(function() traced:fit(k.ones { 8, 3 }, k.zeros { 8, 1 }, { verbose = 0 }) end)
    local _, message = pcall(function()
      traced:fit(k.ones { 8, 3 }, k.zeros { 8, 1 }, { verbose = 0 })
    end)
    assert.truthy(tostring(message):find("run_eagerly", 1, true))
  end)
end)
