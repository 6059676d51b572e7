-- Models come and go without a trace in memory; predicting and training in a loop keeps it level.

local k = require "lunula"
local layers = k.layers

local function settled()
  collectgarbage()
  collectgarbage()
  return k.memory().live, collectgarbage "count"
end

local function make()
  local x = k.Input { shape = { 8 } }
  local h = layers.BatchNormalization {} (layers.Dense { 16, activation = "relu" } (x))
  local model = k.Model { inputs = x, outputs = layers.Dense(1)(layers.Dropout(.5)(h)) }
  model:compile { optimizer = "adam", loss = "mse", metrics = { "mae" } }
  return model
end

describe("memory", function()
  local x, y = k.random.normal { 64, 8 }, k.random.normal { 64, 1 }

  it("is given back when models are forgotten", function()
    local function cycle()
      local model = make()
      model:fit(x, y, { verbose = 0 })
      model:predict(x)
      model:predict_on_batch(x)
    end
    for _ = 1, 5 do cycle() end
    local live, lua = settled()
    for _ = 1, 40 do cycle() end
    local live_after, lua_after = settled()
    assert.truthy(live_after <= live + 4096, ("%d -> %d bytes"):format(live, live_after))
    assert.truthy(lua_after <= lua + 64, ("%.0f -> %.0f KB of Lua"):format(lua, lua_after))
  end)

  it("stays level while a model works", function()
    local model = make()
    local function work()
      model:fit(x, y, { epochs = 2, verbose = 0, batch_size = 16, validation_split = .25 })
      model:evaluate(x, y)
      model:predict(x)
      model:train_on_batch(x, y)
      for _ = 1, 50 do model:predict_on_batch(x) end
    end
    for _ = 1, 5 do work() end
    local live, lua = settled()
    for _ = 1, 40 do work() end
    local live_after, lua_after = settled()
    assert.truthy(live_after <= live + 4096, ("%d -> %d bytes"):format(live, live_after))
    assert.truthy(lua_after <= lua + 64, ("%.0f -> %.0f KB of Lua"):format(lua, lua_after))
  end)

  it("makes no garbage per batch in fit", function()
    local model = make()
    local many_x, many_y = k.random.normal { 6400, 8 }, k.random.normal { 6400, 1 }
    model:fit(many_x, many_y, { verbose = 0, batch_size = 64, shuffle = false })
    settled()
    collectgarbage "stop"
    local before = collectgarbage "count"
    model:fit(many_x, many_y, { verbose = 0, batch_size = 64, shuffle = false })
    local few = collectgarbage "count" - before
    before = collectgarbage "count"
    model:fit(many_x, many_y, { verbose = 0, batch_size = 4, shuffle = false })
    local many = collectgarbage "count" - before
    collectgarbage "restart"
    assert.truthy(many < few + 16, ("%.0f KB for 100 batches, %.0f KB for 1600"):format(few, many))
  end)
end)
