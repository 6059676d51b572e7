-- compile, fit, evaluate: what a training run counts, weighs, shuffles and stops at.

local k = require "lunula"
local layers = k.layers

local function line_data(n)
  local x = k.random.uniform({ n, 2 }, -1, 1)
  return x, k.ops.sum(x * k.tensor { 1, -2 }, 1, true) + .5
end

local function line_model(options)
  local model = k.Sequential { k.Input { shape = { 2 } },
    layers.Dense { 1, kernel_initializer = "zeros" } }
  options = options or {}
  options.optimizer = options.optimizer or k.optimizers.SGD { learning_rate = .1 }
  options.loss = options.loss or "mse"
  model:compile(options)
  return model
end

describe("fit", function()
  before_each(function() k.set_random_seed(7) end)

  it("does the same in a trace as eagerly", function()
    local x, y = line_data(50)
    local traced, eager = line_model { metrics = { "mae" } },
      line_model { metrics = { "mae" }, run_eagerly = true }
    local options = { epochs = 3, shuffle = false, batch_size = 16, verbose = 0 }
    local a, b = traced:fit(x, y, options), eager:fit(x, y, options)
    assert.near_all(a.history.loss, b.history.loss, 1e-5)
    assert.near_all(a.history.mae, b.history.mae, 1e-5)
    assert.near_all(traced:get_weights()[1], eager:get_weights()[1], 1e-5)
  end)

  it("takes one step of gradient descent as by hand", function()
    local model = line_model()
    model:fit(k.tensor { { 1, 2 }, { 3, 4 } }, k.tensor { { 1 }, { 2 } }, { verbose = 0 })
    -- gradient of mean (0 - y)^2: -2/2 sum y x = -(1*1 + 2*3), -(1*2 + 2*4); bias -(1 + 2)
    assert.near_all(model:get_weights()[1], { { .7 }, { 1 } })
    assert.near_all(model:get_weights()[2], { .3 })
  end)

  it("is decided by the seed", function()
    local x, y = line_data(40)
    local function run()
      k.set_random_seed(11)
      local model = line_model()
      return model:fit(x, y, { epochs = 2, verbose = 0, batch_size = 8 }).history.loss
    end
    assert.same(run(), run())
  end)

  it("validates, on a split or on data", function()
    local x, y = line_data(50)
    local model = line_model { metrics = { "mae" } }
    local history = model:fit(x, y, { epochs = 2, validation_split = .2, verbose = 0 }).history
    assert.equal(2, #history.val_loss)
    assert.equal(2, #history.val_mae)
    history = model:fit(x, y, { epochs = 4, validation_data = { x, y }, validation_freq = 2,
      verbose = 0 }).history
    assert.equal(2, #history.val_loss)
    local loss, mae = model:evaluate(x, y)
    assert.near_all(loss, history.val_loss[2], 1e-5)
    assert.near_all(mae, history.val_mae[2], 1e-5)
    assert.near_all(model:evaluate(x, y, { return_dict = true }).mae, mae)
    assert.error_at_line(function()
      model:fit(x, y, { validation_split = .999 })
    end, "leaves no samples")
  end)

  it("weighs samples and classes", function()
    local x, y = k.tensor { { 1, 0 }, { 0, 1 } }, k.tensor { { 1 }, { 1 } }
    local model = line_model()
    model:fit(x, y, { sample_weight = k.tensor { 1, 0 }, verbose = 0 })
    local kernel = model:get_weights()[1]:totable()
    assert.truthy(kernel[1][1] > 0 and kernel[2][1] == 0)
    local classifier = k.Sequential { k.Input { shape = { 2 } },
      layers.Dense { 2, kernel_initializer = "zeros" } }
    classifier:compile {
      optimizer = k.optimizers.SGD { learning_rate = .1 },
      loss = k.losses.SparseCategoricalCrossentropy { from_logits = true },
    }
    classifier:fit(x, k.tensor { 0, 1 }, { class_weight = { [0] = 0, [1] = 2 }, verbose = 0 })
    kernel = classifier:get_weights()[1]:totable()
    assert.near_all(kernel[1], { 0, 0 })
    assert.truthy(kernel[2][2] > 0)
    assert.error_at_line(function()
      model:fit(x, y, { sample_weight = k.tensor { 1, 1 }, class_weight = { [0] = 1 } })
    end, "not both")
  end)

  it("takes iterator functions", function()
    local x, y = line_data(32)
    local function batches()
      local i = 0
      return function()
        i = i + 1
        if i <= 4 then
          return k.ops.slice(x, { (i - 1) * 8, 0 }, { 8, -1 }),
            k.ops.slice(y, { (i - 1) * 8, 0 }, { 8, -1 })
        end
      end
    end
    local model, other = line_model(), line_model()
    local history = model:fit(batches, { epochs = 3, verbose = 0 })
    other:fit(x, y, { epochs = 3, batch_size = 8, shuffle = false, verbose = 0 })
    assert.equal(3, #history.history.loss)
    assert.near_all(model:get_weights()[1], other:get_weights()[1])
    assert.near_all(model:evaluate(batches), (other:evaluate(x, y)), 1e-5)
    assert.near_all(model:predict(batches), model:predict(x))
    local endless = function() return x, y end
    model:fit(endless, { steps_per_epoch = 3, epochs = 2, verbose = 0 })
    assert.error_at_line(function()
      model:fit(batches(), { epochs = 2, verbose = 0 })
    end, "new iterator")
  end)

  it("has several outputs, losses and weights of losses", function()
    local x = k.Input { shape = { 2 } }
    local model = k.Model { inputs = x,
      outputs = { layers.Dense { 1, name = "a" } (x), layers.Dense { 1, name = "b" } (x) } }
    model:compile {
      optimizer = "sgd", loss = { a = "mse", b = "mae" }, loss_weights = { a = 1, b = .5 },
      metrics = { a = { "mae" } },
    }
    local data = k.ones { 8, 2 }
    local h = model:fit(data, { a = k.zeros { 8, 1 }, b = k.ones { 8, 1 } },
      { verbose = 0 }).history
    assert.near_all(h.loss[1], h.a_loss[1] + .5 * h.b_loss[1], 1e-5)
    assert.truthy(h.a_mae)
    assert.error_at_line(function()
      model:compile { loss = { c = "mse" } }
      model:fit(data, { data, data }, { verbose = 0 })
    end, 'names "c"')
  end)

  -- The names and numbers are those of Keras.
  it("takes None for the loss, its weight and the metrics of an output", function()
    local function evaluated(options)
      local x = k.Input { shape = { 2 } }
      local function dense(name)
        return layers.Dense { 1, name = name, kernel_initializer = "ones" } (x)
      end
      local model = k.Model { inputs = x, outputs = { dense "a", dense "b" } }
      options.optimizer = "sgd"
      model:compile(options)
      local copy = k.models.model_from_json(model:to_json())
      copy:set_weights(model:get_weights())
      local all = { model, copy }
      for i, one in ipairs(all) do
        all[i] = one:evaluate(k.ones { 4, 2 }, { k.zeros { 4, 1 }, k.ones { 4, 1 } },
          { verbose = 0, return_dict = true })
      end
      assert.same(all[1], all[2])
      return all[1]
    end
    local both, b_mae = { loss = 5, a_loss = 4, b_loss = 1 }, { loss = 5, a_loss = 4, b_loss = 1,
      b_mae = 1 }
    for _, none in ipairs { false, k.None } do
      assert.same(both, evaluated { loss = "mse", metrics = none, loss_weights = none })
      assert.same(b_mae, evaluated { loss = "mse", metrics = { none, { "mae" } } })
      assert.same(b_mae, evaluated { loss = "mse", metrics = { a = none, b = { "mae" } } })
      assert.same(b_mae, evaluated { loss = "mse", weighted_metrics = { none, { "mae" } } })
      assert.same({ loss = 4 }, evaluated { loss = { "mse", none } })
      assert.same({ loss = 4 }, evaluated { loss = { a = "mse", b = none } })
      assert.same({ loss = 2 }, evaluated { loss = { "mse", none }, loss_weights = { .5, none } })
      assert.same({ loss = 4.5, a_loss = 4, b_loss = 1 },
        evaluated { loss = { "mse", "mae" }, loss_weights = { none, .5 } })
      local _, problem = pcall(evaluated, { loss = "mse", metrics = { { "mae" }, { none } } })
      assert.truthy(problem:find("compile: a metric is wanted, got None", 1, true))
    end
    assert.same(both, evaluated { loss = "mse", metrics = {} })
    assert.same(b_mae, evaluated { loss = "mse", metrics = { {}, { "mae" } } })
  end)

  it("chooses the accuracy by the shapes", function()
    local x = k.random.normal { 12, 2 }
    local function accuracy_of(units, y, loss)
      local model = k.Sequential { k.Input { shape = { 2 } },
        layers.Dense { units, activation = units > 1 and "softmax" or "sigmoid" } }
      model:compile { optimizer = "sgd", loss = loss, metrics = { "accuracy" } }
      model:fit(x, y, { verbose = 0 })
      return k.help and model.metrics[2].class_name or model.metrics[2]
    end
    local function class_of(...)
      return require("lunula.declare").class_of(accuracy_of(...)).name
    end
    assert.equal("BinaryAccuracy", class_of(1, k.zeros { 12 }, "binary_crossentropy"))
    assert.equal("SparseCategoricalAccuracy",
      class_of(3, k.zeros { 12 }, "sparse_categorical_crossentropy"))
    assert.equal("SparseCategoricalAccuracy",
      class_of(3, k.zeros { 12, 1 }, "sparse_categorical_crossentropy"))
    assert.equal("CategoricalAccuracy",
      class_of(3, k.utils.to_categorical(k.zeros { 12 }, 3), "categorical_crossentropy"))
  end)

  it("adds the losses of regularizers and of add_loss", function()
    local model = k.Sequential {
      k.Input { shape = { 2 } },
      layers.Dense { 1, kernel_initializer = "ones",
        kernel_regularizer = k.regularizers.L2 { .5 } },
    }
    model:compile { optimizer = k.optimizers.SGD { learning_rate = 0 }, loss = "mse" }
    local loss = model:evaluate(k.zeros { 4, 2 }, k.zeros { 4, 1 })
    assert.near_all(loss, 1)
    assert.near_all(model:train_on_batch(k.zeros { 4, 2 }, k.zeros { 4, 1 }), 1)
  end)

  it("keeps constraints", function()
    local model = k.Sequential {
      k.Input { shape = { 2 } }, layers.Dense { 1, kernel_constraint = "non_neg",
        use_bias = false },
    }
    model:compile { optimizer = k.optimizers.SGD { learning_rate = 5 }, loss = "mse" }
    model:fit(k.ones { 8, 2 }, -10 * k.ones { 8, 1 }, { verbose = 0 })
    assert.near_all(model:get_weights()[1], { { 0 }, { 0 } })
  end)

  it("moves the statistics of batch normalization and respects freezing", function()
    local norm = layers.BatchNormalization { momentum = .5 }
    local model = k.Sequential { k.Input { shape = { 2 } }, norm, layers.Dense(1) }
    model:compile { optimizer = "sgd", loss = "mse" }
    local x = k.tensor { { 2, 4 }, { 4, 8 } }
    model:fit(x, k.zeros { 2, 1 }, { verbose = 0 })
    assert.near_all(norm.moving_mean.value, { 1.5, 3 })
    norm.trainable = false
    local gamma = norm.gamma.value:totable()
    model:fit(x, k.zeros { 2, 1 }, { verbose = 0 })
    assert.near_all(norm.moving_mean.value, { 1.5, 3 })
    assert.near_all(norm.gamma.value, gamma)
  end)

  it("stops at a loss that is not finite and says where", function()
    local x, y = line_data(32)
    local bad = x:totable()
    bad[20][1] = 0 / 0
    local model = line_model()
    assert.error_at_line(function()
      model:fit(bad, y, { batch_size = 8, shuffle = false, verbose = 0 })
    end, "not a finite number at batch 3 of epoch 1")
  end)

  it("counts batches anew in every epoch, and fits again after it stopped", function()
    local x, y = line_data(32)
    local model = line_model()
    local good = model:get_weights()
    assert.error_at_line(function()
      model:fit(x, y, {
        batch_size = 8, epochs = 3, verbose = 0,
        callbacks = { { on_epoch_begin = function(_, epoch)
          if epoch == 1 then model.weights[1]:assign { { 0 / 0 }, { 0 } } end
        end } },
      })
    end, "not a finite number at batch 1 of epoch 2")
    model:set_weights(good)
    assert.equal(2, #model:fit(x, y, { epochs = 2, verbose = 0 }).history.loss)
  end)

  it("ends where a batch does not fill the variable that a layer assigns", function()
    local Keep = k.layer "Keep" {
      build = function(self)
        self:add_weight { name = "last", shape = { 4 }, trainable = false }
      end,
      call = function(self, x)
        self.last:assign(x:sum(1))
        return x
      end,
    }
    local at = debug.getinfo(1, "l").currentline - 4
    local model = k.Sequential { k.Input { shape = { 2 } }, Keep(), layers.Dense(1) }
    model:compile { loss = "mse", optimizer = "sgd" }
    local x, y = line_data(8)
    model:fit(x, y, { batch_size = 4, shuffle = false, verbose = 0 })
    local kept = x:sum(1)[{ { 5, 8 } }]
    assert.near_all(kept, model.layers[1].last.value)
    for _, size in ipairs { 8, 2, 1 } do
      local options = { batch_size = size, shuffle = false, verbose = 0 }
      local text = ('variable "last" is (4,), the value is (%d,); op at '):format(size)
      local function fit() model:fit(x, y, options) end
      local function predict() model:predict(x, { batch_size = size, verbose = 0 }) end
      for _, f in ipairs { fit, predict } do
        assert.error_at_line(f, text)
        assert.matches("training_spec.lua:" .. at, select(2, pcall(f)), 1, true)
      end
    end
    assert.near_all(kept, model.layers[1].last.value)
  end)

  it("does not need a new trace for another learning rate", function()
    local model = line_model()
    local x, y = line_data(16)
    model:fit(x, y, { verbose = 0 })
    local before = model:get_weights()[1]:totable()
    model.optimizer.learning_rate = 0
    model:fit(x, y, { verbose = 0 })
    assert.near_all(model:get_weights()[1], before)
  end)

  -- evaluate of Keras 3.15: what is found under the name of a metric, then the rest by alphabet.
  it("returns results in Keras's order", function()
    local x = k.Input { 3 }
    local h = layers.Dense(4)(x)
    local model = k.Model { inputs = x,
      outputs = { layers.Dense { 1, name = "b" } (h), layers.Dense { 1, name = "a" } (h) } }
    model:compile { loss = { "mse", "mae" }, metrics = { { "mae", "mse" }, { "mse" } },
      weighted_metrics = { { "mae" }, {} } }
    local y = { k.ones { 4, 1 }, k.ones { 4, 1 } }
    local list, named = { model:evaluate(k.ones { 4, 3 }, y) },
      model:evaluate(k.ones { 4, 3 }, y, { return_dict = true })
    for i, name in ipairs { "loss", "b_loss", "a_loss", "a_mse", "b_mae", "b_mse",
      "b_weighted_mae" } do
      assert.equal(named[name], list[i])
      assert.equal(name, model.metrics_names[i])
    end
  end)

  it("refuses names that are no loss, with the nearest", function()
    local model = line_model()
    model:compile { loss = "crossentropy" }
    assert.error_at_line(function() model:compile { loss = "crossentropi" } end,
      'unknown loss "crossentropi" (did you mean "crossentropy"?)')
    assert.error_at_line(function() model:compile { loss = "accuracy" } end,
      'unknown loss "accuracy"')
    assert.error_at_line(function() model:compile { metrics = { "accurracy" } } end,
      'unknown metric "accurracy" (did you mean "accuracy"?)')
  end)

  it("trains batch by batch", function()
    local model = line_model { metrics = { "mae" } }
    local x, y = line_data(16)
    local loss, mae = model:train_on_batch(x, y)
    assert.equal("number", type(loss))
    assert.equal("number", type(mae))
    local evaluated = model:evaluate(x, y)
    local again = model:train_on_batch(x, y)
    assert.is_near(evaluated, again, 1e-6)             -- the metrics begin anew, as in Keras
    assert.truthy(again < loss)
    local tested = model:test_on_batch(x, y, { return_dict = true })
    assert.truthy(tested.loss < again)
  end)

  it("draws the same numbers whatever was traced before", function()
    local core = require "lunula.core"
    local function model()
      local one = k.Sequential { k.Input { shape = { 2 } },
        layers.Dense { 8, kernel_initializer = k.initializers.GlorotUniform(1) },
        layers.Dropout(.5), layers.Dropout { .5, seed = 3 },
        layers.Dense { 1, kernel_initializer = k.initializers.GlorotUniform(2) } }
      one:compile { optimizer = "sgd", loss = "mse" }
      return one
    end
    local x, y = line_data(32)
    local first, second = model(), model()
    local seed, stream, draw = core.random_state()
    first:fit(x, y, { epochs = 2, verbose = 0 })
    second:predict(x)
    second:test_on_batch(x, y)
    core.random_state(seed, stream, draw)
    second:fit(x, y, { epochs = 2, verbose = 0 })
    for i, weight in ipairs(first:get_weights()) do
      assert.same(weight:totable(), second:get_weights()[i]:totable())
    end
  end)

  it("shuffles every row once", function()
    local feed = require "lunula.trainers.prepared_batches"
    local order = feed.permutation(3, 40, 5):totable()
    local seen = {}
    for _, row in ipairs(order) do seen[row] = (seen[row] or 0) + 1 end
    for row = 3, 39 do assert.equal(1, seen[row]) end
    assert.not_same(order, feed.permutation(3, 40, 6):totable())
    assert.same(order, feed.permutation(3, 40, 5):totable())
    for block, row in ipairs(feed.permutation(0, 8, 1, 4):totable()) do
      assert.equal((block - 1) // 4, row // 4)
    end
  end)
end)
