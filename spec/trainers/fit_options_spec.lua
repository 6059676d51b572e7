-- The smaller promises of fit, evaluate and predict.

local k = require "lunula"
local layers, ops = k.layers, k.ops

local function still_model(options)
  local model = k.Sequential {
    k.Input { shape = { 1 } },
    layers.Dense { 1, kernel_initializer = "ones", use_bias = false },
  }
  options = options or {}
  options.optimizer = k.optimizers.SGD { learning_rate = 0 }
  options.loss = options.loss or "mse"
  model:compile(options)
  return model
end

describe("fit", function()
  it("may be told all in one table, as evaluate and predict", function()
    local model = still_model()
    local x, y = k.tensor { { 1 }, { 2 } }, k.zeros { 2, 1 }
    assert.same({ 2.5, 2.5 }, model:fit { x = x, y = y, epochs = 2, verbose = 0 }.history.loss)
    assert.same({ 2.5 }, model:fit { x, y, verbose = 0 }.history.loss)
    assert.near_all(model:evaluate { x = x, y = y, batch_size = 1 }, 2.5)
    assert.near_all(model:predict { x = x, batch_size = 1 }, x)
    assert.error_at_line(function() model:fit { x = x, y = y, epoch = 2 } end,
      'fit: unknown option "epoch" (did you mean "epochs"?)')
  end)

  it("leaves the data of an input named x alone", function()
    local x = k.Input { shape = { 1 }, name = "x" }
    local model = k.Model { inputs = { x = x, y = k.Input { shape = { 1 }, name = "y" } },
      outputs = x * 2 }
    assert.near_all(model:predict { x = k.ones { 1, 1 }, y = k.zeros { 1, 1 } }, { { 2 } })
  end)

  it("weighs the last, smaller batch by its size", function()
    local model = still_model { metrics = { "mae" } }
    local x, y = k.tensor { { 1 }, { 2 }, { 3 }, { 4 }, { 10 } }, k.zeros { 5, 1 }
    local h = model:fit(x, y, { batch_size = 4, verbose = 0 }).history
    assert.near_all(h.loss[1], 130 / 5)
    assert.near_all(h.mae[1], 4)
    assert.near_all(model:evaluate(x, y, { batch_size = 2, return_dict = true }).loss, 26)
  end)

  it("stops after steps_per_epoch and begins at initial_epoch", function()
    local model = still_model()
    local x, y = k.tensor { { 1 }, { 2 }, { 100 }, { 100 } }, k.zeros { 4, 1 }
    local history = model:fit(x, y, {
      batch_size = 1, steps_per_epoch = 2, initial_epoch = 3, epochs = 5, shuffle = false,
      verbose = 0,
    })
    assert.same({ 3, 4 }, history.epoch)
    assert.near_all(history.history.loss, { 2.5, 2.5 })
    assert.near_all(model:evaluate(x, y, { batch_size = 1, steps = 1 }), 1)
    assert.same({ 2, 1 }, model:predict(x, { batch_size = 1, steps = 2 }).shape)
  end)

  it("comes to every sample once an epoch, in batches too", function()
    for _, shuffle in ipairs { true, "batch" } do
      local seen = {}
      local model = still_model { run_eagerly = true, loss = function(y_true)
        for _, row in ipairs(y_true:totable()) do seen[#seen + 1] = row[1] end
        return y_true * 0
      end }
      local x = k.tensor { { 0 }, { 1 }, { 2 }, { 3 }, { 4 }, { 5 } }
      model.trainable = false
      model:fit(x, x, { batch_size = 2, shuffle = shuffle, verbose = 0 })
      if shuffle == "batch" then
        for i = 1, 6, 2 do assert.equal(seen[i] // 2, seen[i + 1] // 2) end
      end
      table.sort(seen)
      assert.same({ 0, 1, 2, 3, 4, 5 }, seen)
    end
  end)

  it("trains on the first samples and validates on the last, none left out", function()
    local numbers = k.tensor { { 1 }, { 2 }, { 4 }, { 8 }, { 16 }, { 32 }, { 64 } }
    local function first(y_true) return y_true end -- the mean tells which samples there were
    for _, case in ipairs { { .2, 5 }, { .25, 5 }, { .5, 3 }, { .8, 1 } } do
      local fraction, rows = case[1], case[2]
      for _, how in ipairs { {}, { run_eagerly = true } } do
        for batch = 1, 8 do
          local model = still_model { loss = first, run_eagerly = how.run_eagerly }
          model.trainable = false
          local history = model:fit(numbers, numbers, {
            validation_split = fraction, batch_size = batch, verbose = 0,
          }).history
          assert.near_all(history.loss[1], (2 ^ rows - 1) / rows)
          assert.near_all(history.val_loss[1], (2 ^ 7 - 2 ^ rows) / (7 - rows))
        end
      end
    end
  end)

  it("validates in batches of its own size, for so many steps, after the listed epochs", function()
    local model, epoch_now, heard = still_model(), nil, {}
    local x = k.tensor { { 1 }, { 2 }, { 3 }, { 4 }, { 100 }, { 100 } }
    local history = model:fit(x, k.zeros { 6, 1 }, {
      epochs = 5, batch_size = 3, verbose = 0, validation_data = { x, k.zeros { 6, 1 } },
      validation_batch_size = 2, validation_steps = 2, validation_freq = { 2, 5 },
      callbacks = { {
        on_epoch_begin = function(_, epoch) epoch_now = epoch end,
        on_test_batch_end = function(_, batch) heard[#heard + 1] = epoch_now .. "/" .. batch end,
      } },
    }).history
    assert.same({ "1/0", "1/1", "4/0", "4/1" }, heard)
    assert.near_all(history.val_loss, { 30 / 4, 30 / 4 })
  end)

  it("refuses another frequency, also where there is no validation", function()
    local model, x = still_model(), k.zeros { 2, 1 }
    local function fails(value, message)
      assert.error_at_line(function () model:fit(x, x, { validation_freq = value }) end, message)
    end
    fails("x", 'fit: validation_freq must be a number of epochs, or a list of epochs, got "x"')
    fails({}, "fit: validation_freq must be a number of epochs, or a list of epochs, got {}")
    fails(0, "fit: validation_freq must be a whole number of at least 1, got 0")
    fails(1.5, "fit: validation_freq must be a whole number of at least 1, got 1.5")
    fails({ 1, "2" }, 'fit: validation_freq[2] must be a whole number of at least 1, got "2"')
  end)

  it("takes another order of the samples in every epoch and in every fit", function()
    for _, shuffle in ipairs { true, "batch" } do
      local orders, seen = {}, {}
      local model = still_model { run_eagerly = true, loss = function(y_true)
        for _, row in ipairs(y_true:totable()) do seen[#seen + 1] = row[1] end
        return y_true * 0
      end }
      model.trainable = false
      local x = ops.reshape(ops.arange(40), { 40, 1 })
      for _ = 1, 2 do
        model:fit(x, x, {
          batch_size = 20, epochs = 3, shuffle = shuffle, verbose = 0,
          callbacks = { { on_epoch_end = function()
            orders[#orders + 1], seen = table.concat(seen, " "), {}
          end } },
        })
      end
      assert.equal(6, #orders)
      for i, order in ipairs(orders) do
        for j = 1, i - 1 do assert.not_equal(orders[j], order) end
      end
    end
  end)

  it("gives a sample the weight of its class, told by an id or by a one", function()
    local function one(y_true) return ops.ones_like(y_true[{ {}, { 1, 1 } }]) end
    local options = { class_weight = { [0] = 2, [2] = 5, [7] = 100 }, verbose = 0 }
    local x = k.ones { 4, 1 }
    for _, y in ipairs { { { 0 }, { 1 }, { 2 }, { 2 } },
      { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 }, { 0, 0, 1 } } } do
      local model = still_model { loss = one }
      model.trainable = false
      assert.near_all(model:fit(x, k.tensor(y), options).history.loss[1], (2 + 1 + 5 + 5) / 4)
    end
  end)

  it("refuses weights that nobody would read", function()
    local x, weights = k.ones { 4, 1 }, k.ones { 4 }
    local input = k.Input { shape = { 1 } }
    local model = k.Model { inputs = input, outputs = {
      k.layers.Dense { 1, name = "left" }(input), k.layers.Dense { 1, name = "right" }(input),
    } }
    model:compile { loss = "mse" }
    local function refuses(given, message)
      assert.error_at_line(function()
        model:fit(x, { x, x }, { sample_weight = given, verbose = 0 })
      end, message)
      assert.error_at_line(function()
        model:evaluate(x, { x, x }, { sample_weight = given })
      end, message)
    end
    refuses({ lefft = weights },
      'sample_weight has an entry "lefft", but the names are left, right (did you mean "left"?)')
    refuses({ weights },
      "sample_weight must be a tensor, or a list of 2, one for each output, got 1")
    model:fit(x, { x, x }, { sample_weight = { left = weights }, verbose = 0 })
    local one = still_model()
    one:fit(x, x, { sample_weight = { weights }, verbose = 0 })
    assert.error_at_line(function()
      one:fit(x, x, { class_weight = { [-1] = 2 }, verbose = 0 })
    end, 'class_weight: "-1" is not a class id')
    assert.error_at_line(function()
      one:fit(x, x, { validation_data = { x, x, batch_size = 2 }, verbose = 0 })
    end, 'a further entry ["batch_size"]; validation_batch_size and validation_steps are options')
  end)

  it("shows what stands where a number is wanted", function()
    local x = k.ones { 4, 1 }
    assert.error_at_line(function() still_model():fit(x, x, { epochs = "3" }) end,
      'fit: epochs must be a whole number of at least 1, got "3"')
    assert.error_at_line(function() still_model():fit(x, x, { epochs = { 3 } }) end, "got {3}")
  end)

  it("wants samples", function()
    local model = still_model()
    local none = k.zeros { 0, 1 }
    assert.error_at_line(function() model:fit(none, none) end, "x has no samples")
    assert.error_at_line(function() model:evaluate(none, none) end, "x has no samples")
    assert.error_at_line(function() model:predict(none) end, "x has no samples")
  end)

  it("reports weighted metrics beside plain ones", function()
    local model = still_model { metrics = { "mae" }, weighted_metrics = { "mae", "mse" } }
    local results = model:evaluate(k.tensor { { 1 }, { 3 } }, k.zeros { 2, 1 },
      { sample_weight = k.tensor { 1, 0 }, return_dict = true })
    assert.near_all(results.mae, 2)
    assert.near_all(results.weighted_mae, 1)
    assert.near_all(results.mse, 1)
    assert.near_all(results.loss, .5)
  end)

  it("tells what is wrong with validation data before it trains", function()
    local model = still_model()
    local epochs = 0
    assert.error_at_line(function()
      model:fit(k.ones { 4, 1 }, k.ones { 4, 1 }, {
        validation_data = { k.ones { 4, 2 }, k.ones { 4, 1 } }, verbose = 0,
        callbacks = { { on_epoch_begin = function() epochs = epochs + 1 end } },
      })
    end, "expects shape (None, 1), got (None, 2)")
    assert.equal(0, epochs)
  end)

  it("evaluates with the averaged weights", function()
    local model = k.Sequential { k.Input { shape = { 1 } }, layers.Dense { 1, use_bias = false } }
    model:compile {
      optimizer = k.optimizers.SGD { learning_rate = .1, use_ema = true, ema_momentum = .5 },
      loss = "mse",
    }
    local x, y = k.ones { 8, 1 }, k.zeros { 8, 1 }
    local during
    model:fit(x, y, {
      epochs = 2, verbose = 0, validation_data = { x, y },
      callbacks = {
        k.callbacks.SwapEMAWeights {},
        { on_test_begin = function() during = model:get_weights()[1]:totable()[1][1] end },
      },
    })
    assert.near_all(model:get_weights()[1], { { during } })    -- at the end the averages stay
  end)

  it("takes a step only every n-th batch when gradients gather", function()
    local model = k.Sequential {
      k.Input { shape = { 1 } }, layers.Dense { 1, kernel_initializer = "zeros", use_bias = false },
    }
    model:compile {
      optimizer = k.optimizers.SGD { learning_rate = .5, gradient_accumulation_steps = 2 },
      loss = "mse",
    }
    model:train_on_batch(k.ones { 2, 1 }, k.ones { 2, 1 })
    assert.near_all(model:get_weights()[1], { { 0 } })
    model:train_on_batch(k.ones { 2, 1 }, k.ones { 2, 1 })
    assert.near_all(model:get_weights()[1], { { 1 } })
  end)

  it("trains through a Lambda that runs in Lua", function()
    local warn = require "lunula.utils.warn"
    local old_sink, warned = warn.sink, 0
    warn.sink = function() warned = warned + 1 end
    k.set_random_seed(1)
    local model = k.Sequential {
      k.Input { shape = { 3 } }, layers.Dense(4),
      layers.Lambda(function(x) return x:sum():item() > 0 and x * 2 or x * 3 end), layers.Dense(1),
    }
    model:compile { optimizer = k.optimizers.SGD { learning_rate = .05 }, loss = "mse" }
    local x = k.random.normal { 32, 3 }
    local losses = model:fit(x, k.zeros { 32, 1 }, { epochs = 20, verbose = 0 }).history.loss
    warn.sink = old_sink
    assert.truthy(losses[20] < losses[1])
    assert.equal(1, warned)
  end)
end)

describe("predict", function()
  it("joins batches whose size it could not know before", function()
    local x = k.Input { shape = { false, 2 } }
    local model = k.Model { inputs = x, outputs = { layers.Dense(3)(x), ops.sum(x, { 1, 2 }) } }
    local data = k.random.normal { 70, 5, 2 }
    local a, b = model:predict(data)
    assert.same({ 70, 5, 3 }, a.shape)
    assert.near_all(b, ops.sum(data, { 1, 2 }), 1e-4)
    assert.same({ 3, 9, 3 }, (model:predict(k.ones { 3, 9, 2 })).shape)
  end)

  it("tells its callbacks", function()
    local model, heard = still_model(), {}
    model:predict(k.ones { 5, 1 }, {
      batch_size = 2,
      callbacks = { k.callbacks.LambdaCallback {
        on_predict_begin = function() heard[#heard + 1] = "begin" end,
        on_predict_batch_end = function(batch) heard[#heard + 1] = batch end,
        on_predict_end = function() heard[#heard + 1] = "end" end,
      } },
    })
    assert.same({ "begin", 0, 1, 2, "end" }, heard)
  end)

  it("takes the dtype that it is given", function()
    local model = k.Sequential { k.Input { shape = { 2 } },
      layers.Dense { 1, kernel_initializer = "ones" } }
    local bytes = k.tensor({ { 1, 2 } }, { dtype = "uint8" })
    assert.near_all(model:predict(bytes), { { 3 } })
    assert.near_all(model:predict(k.tensor({ { 1, 2 } }, { dtype = "int32" })), { { 3 } })
    assert.near_all(model:predict { { 1, 2 } }, { { 3 } })
  end)
end)
