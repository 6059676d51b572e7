-- What n ranks train is what one process trains: every script here says the same alone, with 2 and
-- with 4 ranks, on each of them, to 1e-5.

local job = require "rocks.mpi.spec.support.job"
local scratch = require "spec.support.scratch"

teardown(scratch.clear)

local nets = [[
local O, L = k.optimizers, k.layers
local function data(n)
  k.set_random_seed(3)
  return k.random.normal { n, 6 }, k.random.normal { n, 1 }, k.random.uniform { n }
end
local function net(optimizer, loss)
  k.set_random_seed(rank)                 -- rank 0's weights are those of all
  local m = k.Sequential { k.Input { shape = { 6 } },
    L.Dense { 16, activation = "relu", kernel_regularizer = "l2" }, L.Dense { 1 } }
  k.set_random_seed(5)
  m:compile { optimizer = optimizer, loss = loss or "mse",
    metrics = { "mae", "RootMeanSquaredError" } }
  return m
end
local function tell(m, history)
  local names = {}
  for name in pairs(history.history) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    names[i] = ("%s %.5f"):format(name, history.history[name][#history.epoch])
  end
  say("%s; %s", sums(m), table.concat(names, " "))
end
]]

job.describe("the weights and logs of n ranks are those of one process", function()
  it("for each kind of step", function()
    job.as_one(nets .. [[
      local x, y = data(101)
      for _, optimizer in ipairs {
        O.SGD { 0.05, momentum = 0.9 }, O.Adam { 0.01 }, O.SGD { 0.1, clipnorm = 0.1 },
        O.SGD { 0.1, clipvalue = 0.01 }, O.Adam { 0.01, global_clipnorm = 0.1 },
        O.SGD { 0.1, gradient_accumulation_steps = 2 }, O.LossScaleOptimizer { O.Adam { 0.01 } },
        O.AdamW { 0.01, use_ema = true },
      } do
        local m = net(optimizer)
        tell(m, m:fit(x, y, { batch_size = 32, epochs = 3, verbose = 0, validation_split = 0.2 }))
      end
    ]])
  end)

  it("with weights, with every reduction, and eagerly", function()
    job.as_one(nets .. [[
      local x, y, w = data(101)
      for _, how in ipairs { "sum_over_batch_size", "sum", "mean_with_sample_weight", "none" } do
        local m = net(O.SGD { 0.001 }, k.losses.MeanSquaredError { reduction = how })
        tell(m, m:fit(x, y, { batch_size = 33, epochs = 2, verbose = 0, sample_weight = w,
          validation_data = { x, y, w }, validation_batch_size = 50 }))
      end
      local m = net "adam"
      m:compile { optimizer = O.SGD { 0.05, clipnorm = 1 }, loss = "mae", run_eagerly = true }
      tell(m, m:fit(x, y, { batch_size = 40, epochs = 1, verbose = 0 }))
    ]])
  end)

  it("with weights of classes, and epochs of so many steps", function()
    job.as_one(nets .. [[
      local x, _, w = data(101)
      local y = k.ops.cast(k.ops.greater(x[{ {}, 1 }], 0), "int32")
      local m = net "sgd"
      m:add(L.Dense { 2, activation = "softmax" })
      m:compile { optimizer = O.SGD { 0.05 }, loss = "sparse_categorical_crossentropy",
        metrics = { "accuracy" } }
      local o = { batch_size = 16, epochs = 2, verbose = 0, class_weight = { [0] = 1, 3 },
        steps_per_epoch = 3, validation_split = 0.25, validation_steps = 1 }
      tell(m, m:fit(x, y, o))
      local given = 0
      local function batches()
        given = given + 1
        return x, y, w
      end
      tell(m, m:fit(batches, { epochs = 2, verbose = 0, steps_per_epoch = 2 }))
      say("%d batches", given)
    ]])
  end)

  it("eagerly, where a state stays as it was on one rank", function()
    job.as_one([[
      local x = k.ops.reshape(k.ops.arange(16) / 8, { 16, 1 })
      local y = k.ops.cast(k.ops.greater(x, 0.99), "float32")     -- the first ranks have zeros
      local m = k.Sequential { k.Input { shape = { 1 } },
        k.layers.Dense { 1, bias_initializer = "ones", activation = "sigmoid" } }
      m:compile { optimizer = k.optimizers.SGD { 0.0 }, loss = "mse", run_eagerly = true,
        metrics = { k.metrics.TruePositives {}, k.metrics.FalsePositives {} } }
      m:fit(x, y, { batch_size = 16, epochs = 1, verbose = 0, shuffle = false })
      m:set_weights { k.zeros { 1, 1 }, k.ones { 1 } }
      say("%.5f %.5f %.5f", m:evaluate(x, y, { batch_size = 16 }))
    ]])
  end)

  it("with batches whose last is smaller than the ranks are many", function()
    job.as_one(nets .. [[
      local x, y = data(33)
      local m = net(O.Adam { 0.01 })
      tell(m, m:fit(x, y, { batch_size = 8, epochs = 3, verbose = 0, validation_data = { x, y } }))
      local loss, mae = m:evaluate(x, y, { batch_size = 16 })
      say("%.5f %.5f", loss, mae)
      say("%.5f %.5f", m:train_on_batch(x, y))
      say("%.5f %.5f", m:test_on_batch(x, y))
      local few, of_few = k.ops.slice(x, { 0, 0 }, { 1, 6 }), k.ops.slice(y, { 0, 0 }, { 1, 1 })
      say("%.5f %.5f", m:train_on_batch(few, of_few, { sample_weight = { 2 } }))
      say("%.5f %.5f", m:test_on_batch(few, of_few))
      say("%s", sums(m))
    ]])
  end)

  it("with masks, and a metric of counts", function()
    job.as_one([[
      local L = k.layers
      k.set_random_seed(7)
      local ids = k.ops.cast(k.random.uniform { 50, 7 } * 5, "int32")
      local y = k.ops.cast(k.random.uniform { 50, 7, 1 } * 3, "int32")
      local m = k.Sequential { k.Input { shape = { 7 }, dtype = "int32" },
        L.Embedding { 5, 4, mask_zero = true }, L.LSTM { 6, return_sequences = true },
        L.Dense { 3, activation = "softmax" } }
      m:compile { optimizer = k.optimizers.Adam { 0.01 }, loss = "sparse_categorical_crossentropy",
        metrics = { "accuracy" } }
      local h = m:fit(ids, y, { batch_size = 16, epochs = 2, verbose = 0 })
      say("%s; %.5f %.5f", sums(m), h.history.loss[2], h.history.accuracy[2])
      local target = k.ops.cast(k.random.uniform { 50, 1 } * 2, "float32")
      local x = k.random.normal { 50, 3 }
      local n = k.Sequential { k.Input { shape = { 3 } }, L.Dense { 1, activation = "sigmoid" } }
      n:compile { optimizer = k.optimizers.SGD { 0.1 }, loss = "binary_crossentropy",
        metrics = { k.metrics.AUC {}, k.metrics.Precision {}, "accuracy" } }
      n:fit(x, k.ops.floor(target), { batch_size = 16, epochs = 2, verbose = 0 })
      say("%.5f %.5f %.5f %.5f", n:evaluate(x, k.ops.floor(target)))
    ]])
  end)

  it("with a train step of the model's own, and batch statistics of the whole batch", function()
    job.as_one([[
      local L, ops = k.layers, k.ops
      local Net = k.model "Net" {
        init = function(self)
          self.norm = L.BatchNormalization { synchronized = true }
          self.dense, self.out = L.Dense { 8, activation = "tanh" }, L.Dense { 1 }
        end,
        call = function(self, x) return self.out(self.norm(self.dense(x))) end,
        train_step = function(self, data)
          local x, y = table.unpack(data)
          local value, _, grads = k.value_and_grad(function(input)
            return ops.mean(ops.square(y - self(input, { training = true })))
          end, self.trainable_weights)(x)
          self.optimizer:apply(grads, self.trainable_weights)
          return { loss = value, twice = value * 2 }
        end,
      }
      k.set_random_seed(3)
      local x, y = k.random.normal { 50, 6 }, k.random.normal { 50, 1 }
      local m = Net {}
      m:compile { optimizer = k.optimizers.SGD { 0.1 }, loss = "mse" }
      local h = m:fit(x, y, { batch_size = 24, epochs = 3, verbose = 0 })
      say("%s; %.5f %.5f", sums(m), h.history.loss[3], h.history.twice[3])
    ]])
  end)
end)

job.describe("a loop of the user's own", function()
  it("follows the mean of the ranks' gradients, each of its own rows", function()
    job.as_one(nets .. [[
      local x, y = data(48)
      local m = net "sgd"
      local optimizer = O.Adam { 0.01 }
      m:set_weights(net "sgd":get_weights())
      k.set_random_seed(1)
      for _, w in ipairs(m.weights) do w:assign(k.ops.ones_like(w) * 0.1) end
      local first, count = 48 * rank // size, 48 // size
      local mine, target = k.ops.slice(x, { first, 0 }, { count, 6 }),
        k.ops.slice(y, { first, 0 }, { count, 1 })
      for _ = 1, 5 do
        local _, _, grads = k.value_and_grad(function(input)
          return k.ops.mean(k.ops.square(m(input) - target))
        end, m.trainable_weights)(mine)
        optimizer:apply(grads, m.trainable_weights)
      end
      say("%s", sums(m))
    ]])
  end)
end)

job.describe("n ranks", function()
  it("run the example, and say what one process says", function()
    job.as_one([[
      local answer = dofile "examples/many_machines.lua"
      say("%.2f", answer)
    ]], 2e-2)
  end)

  it("give the same bits again", function()
    local script = nets .. [[
      local x, y = data(101)
      local m = net(O.Adam { 0.01 })
      m:add(L.Dropout { 0.5 }) m:add(L.BatchNormalization {}) m:add(L.Dense { 1 })
      m:compile { optimizer = "adam", loss = "mse" }
      m:fit(x, y, { batch_size = 32, epochs = 3, verbose = 0 })
      for _, w in ipairs(m:get_weights()) do say("%s", w:tobytes():gsub(".", function(c)
        return ("%02x"):format(c:byte()) end)) end
    ]]
    local first, well, text = job.run(4, script)
    local again = job.run(4, script)
    assert(well, text)
    for rank = 0, 3 do
      assert.not_equal("", first[rank])
      assert.equal(first[0], first[rank])
      assert.equal(first[0], again[rank])
    end
  end)

  it("sum in buckets of LUNULA_MPI_BUCKET bytes", function()
    local function exchanges(bytes)
      local results, well, text = job.run(2, nets .. [[
        local mpi = require "lunula.mpi"
        local x, y = data(8)
        local m = net "sgd"
        m:train_on_batch(x, y)
        local _, before = mpi.spent()
        m:train_on_batch(x, y)
        local _, now = mpi.spent()
        say("%d", now - before)
      ]], "LUNULA_MPI_BUCKET=" .. bytes)
      assert(well, text)
      return tonumber(results[0])
    end
    local one = exchanges(1 << 20)
    assert.equal(one + 4, exchanges(1))       -- the loss, then the four weights
    local _, well, text = job.run(2, nets .. [[
      local x, y = data(8)
      net "sgd":train_on_batch(x, y)]], "LUNULA_MPI_BUCKET=much")
    assert.is_false(well)
    assert.matches("script.lua:%d+: .*LUNULA_MPI_BUCKET must be a number of bytes, got much", text)
  end)

  it("keep the moving moments of their own rows as means", function()
    job.as_one([[
      local x = k.random.normal({ 64, 3 }, { seed = 1 }) * 2 + 1
      local m = k.Sequential { k.Input { shape = { 3 } }, k.layers.BatchNormalization {},
        k.layers.Dense { 1, kernel_initializer = "zeros" } }
      m:compile { optimizer = k.optimizers.SGD { 0.0 }, loss = "mse" }
      m:fit(x, k.ops.zeros { 64, 1 }, { batch_size = 64, epochs = 1, verbose = 0 })
      for i, v in ipairs(m.layers[1].moving_mean.value:totable()) do say("%.5f", v) end
    ]])
  end)

  it("refuse what they cannot share", function()
    local stateful = [[
      local x, y = k.ops.zeros { 8, 4, 2 }, k.ops.zeros { 8, 3 }
      local m = k.Sequential { k.Input { batch_shape = { 4, 4, 2 } },
        k.layers.LSTM { 3, stateful = true } }
      m:compile { optimizer = "sgd", loss = "mse" }
      %s
    ]]
    for _, call in ipairs {
      "m.fit, m, x, y, { batch_size = 4, verbose = 0 }", "m.evaluate, m, x, y, { batch_size = 4 }",
      "m.predict, m, x, { batch_size = 4 }",
    } do
      local results = job.run(2, stateful:format('say("%s", select(2, pcall(' .. call .. ")))"))
      assert.matches("keeps states from batch to batch", results[0])
      assert.matches("keeps states from batch to batch", results[1])
    end
    local results = job.run(4, nets .. [[
      local m = net "sgd"
      local x, y = data(10)
      say("%s", select(2, pcall(m.fit, m, x, y, { batch_size = 3, verbose = 0 })))
    ]])
    assert.matches("batch_size is that of all ranks together; it is 3, and there are 4 ranks",
      results[2])
  end)
end)
