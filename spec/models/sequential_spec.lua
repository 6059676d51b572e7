-- Sequential: growing, shrinking, building late, and training as a whole.

local k = require "lunula"
local layers = k.layers

describe("Sequential", function()
  it("is built by an Input, by input_shape, or by the first data", function()
    local built = k.Sequential { k.Input { shape = { 3 } }, layers.Dense(4), layers.Dense(2) }
    assert.same({ false, 2 }, built.output_shape)
    assert.equal(4, #built.weights)
    local shaped = k.Sequential { layers.Dense { 4, input_shape = { 3 } }, layers.Dense(2) }
    assert.same({ false, 3 }, shaped.input_shape)
    local late = k.Sequential { layers.Dense(4), layers.Dense(2) }
    assert.equal(0, #late.weights)
    assert.falsy(late.built)
    assert.same({ 5, 2 }, late:predict(k.ones { 5, 3 }).shape)
    assert.truthy(late.built)
    assert.same({ false, 3 }, late.input_shape)
    local by_hand = k.Sequential { layers.Dense(4) }
    by_hand:build { false, 3 }
    assert.equal(2, #by_hand.weights)
  end)

  it("grows and shrinks", function()
    local model = k.Sequential {}
    model:add(k.Input { shape = { 3 } })
    model:add(layers.Dense(4))
    model:add(layers.Dense(2))
    assert.equal(2, #model.layers)
    assert.same({ 1, 2 }, model:predict(k.ones { 1, 3 }).shape)
    local last = model:pop()
    assert.equal(2, last.units)
    assert.same({ 1, 4 }, model:predict(k.ones { 1, 3 }).shape)
    model:add(layers.Dense(7))
    assert.same({ 1, 7 }, model:predict(k.ones { 1, 3 }).shape)
    assert.same({ false, 7 }, model.output_shape)
  end)

  it("predicts the same eagerly, in batches and at once", function()
    local model = k.Sequential { k.Input { shape = { 3 } },
      layers.Dense { 8, activation = "tanh" }, layers.Dense(2) }
    local x = k.random.normal { 70, 3 }
    local eager = model(x)
    assert.near_all(model:predict(x), eager)
    assert.near_all(model:predict(x, { batch_size = 7 }), eager)
    assert.near_all(model:predict_on_batch(x), eager)
    assert.near_all(model:predict_on_batch(x), eager)
    assert.near_all(model:predict(x:totable()), eager)
  end)

  it("leaves nothing behind when a layer does not fit", function()
    local model = k.Sequential { k.Input { shape = { 3 } }, layers.Dense(4) }
    assert.has_error(function() model:add(layers.Reshape { { 5 } }) end)
    assert.equal(1, #model.layers)
    assert.same({ false, 4 }, model.output_shape)
    assert.error_at_line(function()
      model:add(k.Input { shape = { 2 } })
    end, "can only stand first")
    assert.error_at_line(function() model:add "dense" end, "is no layer")
    assert.error_at_line(function() model:add(function(x) return x end) end, "layers.Lambda")
    local dense = layers.Dense { 4, name = "twin" }
    model:add(dense)
    assert.error_at_line(function()
      model:add(layers.Dense { 4, name = "twin" })
    end, "must be unique")
  end)

  it("grows and shrinks at its end", function()
    local model = k.Sequential { k.Input { shape = { 3 } }, layers.Dense { 4, name = "first" } }
    local x = k.ones { 2, 3 }
    local y = model:predict(x)
    for i = 1, 3 do model:add(layers.Dense { i, name = "d" .. i }) end
    assert.same({ false, 3 }, model.output_shape)
    assert.equal(4, #model.layers)
    assert.equal("d3", model:pop().name)
    assert.same({ 2, 2 }, model:predict(x).shape)
    model:pop()
    model:pop()
    assert.near_all(model:predict(x), y, 0)
    local first = model:pop()
    assert.same({ false, 3 }, model.output_shape)
    model:add(first)
    assert.near_all(model:predict(x), y, 0)
    assert.near_all(k.models.clone_model(model):predict(x).shape, { 2, 4 })
    local named = k.Sequential { k.Input { shape = { 3 }, name = "in" } }
    assert.error_at_line(function() named:add(layers.Dense { 1, name = "in" }) end, "unique")
    assert.equal(0, #named.layers)
    -- A layer that was called elsewhere since.
    local shared = layers.Dense(5)
    named:add(shared)
    shared(k.Input { shape = { 3 } })
    named:pop()
    assert.same({ false, 3 }, named.output_shape)
  end)

  -- Instructions of Lua's machine, which do not depend on the load of the processor.
  it("is built in time that grows with its layers, not with their square", function()
    local function work_of(count)
      local work = 0
      local hook, mask, every = debug.gethook()
      debug.sethook(function() work = work + 1 end, "", 1000)
      local model = k.Sequential { k.Input { shape = { 2 } } }
      for _ = 1, count do model:add(layers.Dense(2)) end
      debug.sethook(hook, mask, every)
      return work
    end
    work_of(10)
    assert.truthy(work_of(400) / work_of(100) < 5)
  end)

  it("learns a line", function()
    k.set_random_seed(1)
    local x = k.random.uniform({ 200, 1 }, -1, 1)
    local y = 3 * x - 1
    local model = k.Sequential { layers.Dense(1) }
    model:compile { optimizer = k.optimizers.SGD { learning_rate = .3 }, loss = "mse" }
    local history = model:fit(x, y, { epochs = 30, verbose = 0 })
    assert.equal(30, #history.history.loss)
    assert.truthy(history.history.loss[30] < 1e-3)
    local kernel, bias = table.unpack(model:get_weights())
    assert.near_all(kernel, { { 3 } }, .05)
    assert.near_all(bias, { -1 }, .05)
  end)

  it("gets and sets weights", function()
    local model = k.Sequential { k.Input { shape = { 2 } }, layers.Dense(1) }
    model:set_weights { { { 2 }, { 3 } }, { 4 } }
    assert.near_all(model:predict(k.tensor { { 1, 1 } }), { { 9 } })
    local before = model:get_weights()
    model:set_weights { { { 0 }, { 0 } }, { 0 } }
    assert.near_all(before[1], { { 2 }, { 3 } })
    assert.near_all(model:predict(k.tensor { { 1, 1 } }), { { 0 } })
    assert.error_at_line(function() model:set_weights { { 1 } } end, "2 weights")
    assert.error_at_line(function() model:set_weights { { { 1, 2 } }, { 4 } } end, "has shape")
  end)

  it("predicts a tiny batch with little Lua on the way", function()
    local model = k.Sequential { k.Input { shape = { 4 } },
      layers.Dense { 8, activation = "relu" }, layers.Dense(1) }
    local x = k.ones { 1, 4 }
    local y = model:predict_on_batch(x)
    assert.near_all(model:predict_on_batch(x), y)
    model:set_weights { k.zeros { 4, 8 }, k.zeros { 8 }, k.zeros { 8, 1 }, k.ones { 1 } }
    assert.near_all(model:predict_on_batch(x), { { 1 } })
    model:add(layers.Dense { 2, use_bias = false, kernel_initializer = "ones" })
    assert.near_all(model:predict_on_batch(x), { { 1, 1 } })
  end)
end)
