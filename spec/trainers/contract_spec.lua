-- The training contract: a model's own train_step, test_step, predict_step, compute_loss,
-- compute_metrics, metrics and compile are called, traced or eager, in place of the built-in ones.

local k = require "lunula"
local layers, ops = k.layers, k.ops

local function data()
  k.set_random_seed(3)
  return k.random.normal { 24, 3 }, k.random.normal { 24, 1 }
end

local options = { batch_size = 8, epochs = 2, shuffle = false, verbose = 0 }

local function parts()
  k.set_random_seed(4)
  local x = k.Input { shape = { 3 } }
  local h = layers.Dense { 4, activation = "tanh", kernel_regularizer = "l2" } (x)
  return { inputs = x, outputs = layers.Dense(1)(layers.BatchNormalization()(h)) }
end

local function fitted(class, compile, eager)
  local model = class(parts())
  local o = { optimizer = "adam", loss = "mse", metrics = { "mae" }, run_eagerly = eager }
  for name, value in pairs(compile or {}) do o[name] = value end
  model:compile(o)
  local x, y = data()
  local history = model:fit(x, y, options).history
  local weights = {}
  for i, value in ipairs(model:get_weights()) do weights[i] = value:totable() end
  return weights, history, model
end

-- The built-in step, as Keras's guide writes it.
local Own = k.model "OwnStep" {
  train_step = function (self, batch)
    local x, y, sample_weight = k.utils.unpack_x_y_sample_weight(batch)
    local y_pred
    local loss, _, grads = k.value_and_grad(function ()
      y_pred = self(x, { training = true })
      return self:compute_loss { x = x, y = y, y_pred = y_pred, sample_weight = sample_weight }
    end, self.trainable_weights)()
    self.optimizer:apply(grads, self.trainable_weights)
    for _, metric in ipairs(self.metrics) do
      if metric.name == "loss" then metric:update_state(loss)
      else metric:update_state(y, y_pred) end
    end
    return self:get_metrics_result()
  end,
}

describe("a train step of the user's own", function ()
  for _, eager in ipairs { false, true } do
    it("trains as the built-in one does" .. (eager and ", eagerly" or ""), function ()
      local weights, history = fitted(k.Model, {}, eager)
      local own, own_history = fitted(Own, {}, eager)
      assert.near_table(weights, own, 1e-6)
      assert.near_table(history, own_history, 1e-6)
    end)
  end

  it("calls the one above", function ()
    local calls = 0
    local Child = k.model "ChildStep" {
      parent = k.Model,
      train_step = function (self, batch)
        calls = calls + 1
        return k.Model.train_step(self, batch)
      end,
      test_step = function (self, batch)
        calls = calls + 10
        return k.Model.test_step(self, batch)
      end,
      predict_step = function (self, batch) return 2 * k.Model.predict_step(self, batch) end,
    }
    local weights, history = fitted(k.Model)
    local own, own_history, model = fitted(Child)
    assert.same(weights, own)
    assert.same(history, own_history)
    assert.equal(1, calls)                                           -- traced once
    local x, y = data()
    model:evaluate(x, y)
    assert.equal(11, calls)
    assert.near_table((2 * model(x)):totable(), model:predict(x):totable(), 1e-6)
  end)

  it("names its logs, which stand behind those of the metrics", function ()
    local Logs = k.model "OwnLogs" {
      train_step = function (self, batch)
        local logs = k.Model.train_step(self, batch)
        logs.zeta, logs.alpha = ops.max(batch[1]), 7
        return logs
      end,
      test_step = function (_, batch) return { first = ops.sum(batch[1]) } end,
    }
    local _, history, model = fitted(Logs)
    local x, y = data()
    assert.equal(7, history.alpha[2])
    assert.is_number(history.zeta[2])
    assert.truthy(history.loss[2] < history.loss[1])
    local list = { model:train_on_batch(x, y) }
    assert.equal(4, #list)
    assert.equal(7, list[3])                                         -- loss, mae, alpha, zeta
    assert.is_near(ops.sum(x):item(), model:evaluate(x, y, { batch_size = 24 }), 1e-4)
    local more = model:fit(x, y, { validation_data = { x, y }, verbose = 0 }).history
    assert.is_number(more.val_first[1])
  end)

  it("can be called without fit, as the built-in one can", function ()
    local x, y = data()
    for _, class in ipairs { k.Model, Own } do
      local model, fit = class(parts()), class(parts())
      if class == k.Model then
        assert.error_at_line(function () model:train_step { x, y } end,
          "must be compiled before train_step")
      end
      for _, one in ipairs { model, fit } do
        one:compile { optimizer = "adam", loss = "mse", metrics = { "mae" } }
      end
      local logs
      for _ = 1, 2 do
        model:reset_metrics()
        logs = model:train_step { x, y }
      end
      local history = fit:fit(x, y, { epochs = 2, batch_size = 24, shuffle = false,
        verbose = 0 }).history
      assert.is_near(history.loss[2], logs.loss:item(), 1e-6)
      assert.is_near(history.mae[2], logs.mae:item(), 1e-6)
      for i, value in ipairs(fit:get_weights()) do
        assert.near_all(model:get_weights()[i], value, 1e-6)
      end
      model:reset_metrics()
      assert.is_near(fit:evaluate(x, y), model:test_step { x, y }.loss:item(), 1e-6)
    end
  end)

  it("gets the batch as it was given", function ()
    local seen
    local Batch = k.model "BatchSeen" {
      init = function (self) self.dense = layers.Dense(1) end,
      call = function (self, x) return self.dense(x) end,
      train_step = function (_, batch)
        seen = batch
        return { loss = 1 }
      end,
    }
    local x, y = data()
    local model = Batch {}
    model:compile { run_eagerly = true }
    local function given(...)
      model:fit(...)
      return seen
    end
    assert.truthy(k.is_tensor(given(x, { verbose = 0 })))
    assert.equal(2, #given(x, y, { verbose = 0 }))
    assert.equal(3, #given(x, y, { verbose = 0, sample_weight = y }))
    assert.truthy(k.is_tensor(given({ a = x, b = y }, { verbose = 0 }).b))
    assert.truthy(k.is_tensor(given({ x, y }, nil, { verbose = 0 })[1][2]))
    assert.equal(2, #given { x, y, verbose = 0 })
  end)

  it("is told by the line what it returns wrongly", function ()
    local x, y = data()
    local function fails(text, step)
      local model = k.model "BadStep" { train_step = step } (parts())
      model:compile { loss = "mse" }
      assert.error_at_line(function () model:fit(x, y, { verbose = 0 }) end, text)
    end
    fails("train_step must return its logs, a table of numbers by name", function () return 3 end)
    fails('the log "loss" of train_step must be a number, got "low"',
      function () return { loss = "low" } end)
    fails('the log "y" of train_step must be one number, its shape is (None, 1)',
      function (_, batch) return { y = batch[2] } end)
    local model = k.model "BadMetrics" { metrics = { "mae" } } (parts())
    assert.error_at_line(function () return model.metrics end,
      'model "bad_metrics": metrics must be a list of metrics, got "mae"')
  end)

  for _, eager in ipairs { false, true } do
    it("does not apply what is not finite" .. (eager and ", eagerly" or ""), function ()
      local x, y = data()
      local bad = x:totable()
      bad[10][2] = 0 / 0
      local function after(given_x, given_y)
        local model = Own(parts())
        model:compile { optimizer = "adam", loss = "mse", run_eagerly = eager }
        local ok, message = pcall(model.fit, model, given_x, given_y,
          { batch_size = 8, shuffle = false, verbose = 0 })
        local weights = {}
        for i, value in ipairs(model:get_weights()) do weights[i] = value:totable() end
        return weights, ok, message
      end
      local weights, ok, message = after(bad, y)
      assert.falsy(ok)
      assert.truthy(message:find("is not a finite number at batch 2 of epoch 1", 1, true))
      local first, first_y = {}, y:totable()
      for i = 1, 8 do first[i] = bad[i] end
      assert.same(after(first, { table.unpack(first_y, 1, 8) }), weights)
    end)
  end
end)

describe("a loss and metrics of the model's own", function ()
  it("are computed by compute_loss and compute_metrics", function ()
    local told = {}
    local Computed = k.model "Computed" {
      compute_loss = function (self, x, y, y_pred, sample_weight, training)
        told.training, told.weight = training, sample_weight
        return ops.mean(ops.square(y - y_pred)) + ops.sum(self.losses[1]) + 0 * ops.sum(x)
      end,
      compute_metrics = function (self, x, y, y_pred, sample_weight)
        local results = k.Model.compute_metrics(self, x, y, y_pred, sample_weight)
        results.twice = 2 * results.loss
        return results
      end,
    }
    local weights = fitted(k.Model)
    local own, history, model = fitted(Computed)
    assert.near_table(weights, own, 1e-6)
    assert.is_near(2 * history.loss[2], history.twice[2], 1e-5)
    assert.is_true(told.training)
    local x, y = data()
    local loss, mae, twice = model:evaluate(x, y)
    assert.is_false(told.training)
    assert.is_near(2 * loss, twice, 1e-5)
    assert.is_number(mae)
    assert.is_near(loss, model:compute_loss { x = x, y = y, y_pred = model(x) }:item(), 1e-5)
  end)

  it("lists metrics in fields, and resets them each epoch", function ()
    local Fields = k.model "Fields" {
      init = function (self)
        self.dense, self.count = layers.Dense(1), k.metrics.Sum { name = "count" }
      end,
      call = function (self, x) return self.dense(x) end,
      compute_metrics = function (self, x, y, y_pred, sample_weight)
        self.count:update_state(ops.ones_like(y))
        return k.Model.compute_metrics(self, x, y, y_pred, sample_weight)
      end,
    }
    local x, y = data()
    local model = Fields {}
    model:compile { loss = "mse", metrics = { "mae" } }
    assert.same({ 24, 24 }, model:fit(x, y, options).history.count)
    assert.same({ "loss", "mae", "count" }, model.metrics_names)
    model:reset_metrics()
    assert.equal(0, model.count:read())
    assert.equal(24, (select(3, model:evaluate(x, y))))
  end)

  it("finds those that a step makes, also in later epochs", function ()
    local Late = k.model "Late" {
      init = function (self) self.dense = layers.Dense(1) end,
      call = function (self, x) return self.dense(x) end,
      train_step = function (self, batch)
        self.late = self.late or k.metrics.Sum { name = "late" }
        self.late:update_state(k.ops.ones { 2 })
        return k.Model.train_step(self, batch)
      end,
    }
    local x, y = data()
    local model = Late {}
    model:compile { loss = "mse" }
    local function batches()
      local left = 3
      return function ()
        left = left - 1
        if left >= 0 then return x, y end
      end
    end
    local history = model:fit(batches, { epochs = 3, verbose = 0 }).history
    assert.same({ 6, 6, 6 }, history.late)
  end)

  it("may be the only ones, as Keras's guides have it", function ()
    local Guide = k.model "Guide" {
      init = function (self)
        self.dense = layers.Dense(1)
        self.loss_tracker = k.metrics.Mean { name = "loss" }
        self.mae_metric = k.metrics.MeanAbsoluteError { name = "mae" }
        self.metrics = { self.loss_tracker, self.mae_metric }
      end,
      call = function (self, x) return self.dense(x) end,
      train_step = function (self, batch)
        local x, y = k.utils.unpack_x_y_sample_weight(batch)
        local y_pred
        local loss, _, grads = k.value_and_grad(function ()
          y_pred = self(x, { training = true })
          return ops.mean(k.losses.mean_squared_error(y, y_pred))
        end, self.trainable_weights)()
        self.optimizer:apply(grads, self.trainable_weights)
        self.loss_tracker:update_state(loss)
        self.mae_metric:update_state(y, y_pred)
        return { loss = self.loss_tracker:result(), mae = self.mae_metric:result() }
      end,
    }
    local x, y = data()
    local model = Guide {}
    model:compile { optimizer = "sgd" }
    local history = model:fit(x, y, options).history
    assert.truthy(history.loss[2] < history.loss[1])
    assert.same({ "loss", "mae" }, model.metrics_names)
  end)
end)

describe("a GAN", function ()
  local GAN = k.model "GAN" {
    args = { { "discriminator" }, { "generator" }, { "latent_dim" } },
    compile = function (self, o)
      k.Model.compile(self)
      self.d_optimizer, self.g_optimizer, self.loss_fn = o.d_optimizer, o.g_optimizer, o.loss_fn
      self.d_metric = k.metrics.Mean { name = "d_loss" }
      self.g_metric = k.metrics.Mean { name = "g_loss" }
    end,
    metrics = function (self) return { self.d_metric, self.g_metric } end,
    train_step = function (self, real)
      local n = 8
      local fake = self.generator(k.random.normal { n, self.latent_dim })
      local both = ops.concatenate({ fake, real }, 0)
      local labels = ops.concatenate({ ops.ones { n, 1 }, ops.zeros { n, 1 } }, 0)
      local d_weights, g_weights =
        self.discriminator.trainable_weights, self.generator.trainable_weights
      local d_loss, _, grads = k.value_and_grad(function ()
        return self.loss_fn(labels, self.discriminator(both))
      end, d_weights)()
      if self.trains_d then self.d_optimizer:apply(grads, d_weights) end
      local noise = k.random.normal { n, self.latent_dim }
      local g_loss, _, g_grads = k.value_and_grad(function ()
        return self.loss_fn(ops.zeros { n, 1 }, self.discriminator(self.generator(noise)))
      end, g_weights)()
      if self.trains_g then self.g_optimizer:apply(g_grads, g_weights) end
      self.d_metric:update_state(d_loss)
      self.g_metric:update_state(g_loss)
      return { d_loss = self.d_metric:result(), g_loss = self.g_metric:result() }
    end,
  }

  local function make()
    k.set_random_seed(6)
    local gan = GAN {
      k.Sequential { k.Input { 3 }, layers.Dense { 4, activation = "relu" }, layers.Dense(1) },
      k.Sequential { k.Input { 2 }, layers.Dense(3) }, 2,
    }
    gan:compile { d_optimizer = k.optimizers.Adam { 0.01 }, g_optimizer = k.optimizers.SGD { 0.01 },
      loss_fn = k.losses.BinaryCrossentropy { from_logits = true } }
    return gan
  end

  local function bytes(model)
    local list = {}
    for i, value in ipairs(model:get_weights()) do list[i] = value:tobytes() end
    return list
  end

  for _, which in ipairs { "d", "g" } do
    it("touches only the weights of one, " .. which, function ()
      local gan, x = make(), data()
      gan["trains_" .. which] = true
      local d, g = bytes(gan.discriminator), bytes(gan.generator)
      gan:fit(x, { batch_size = 8, epochs = 2, verbose = 0 })
      local same_d = table.concat(d) == table.concat(bytes(gan.discriminator))
      local same_g = table.concat(g) == table.concat(bytes(gan.generator))
      assert.same({ which == "g", which == "d" }, { same_d, same_g })
    end)
  end

  it("trains both with an optimizer each", function ()
    local gan, x = make(), data()
    gan.trains_d, gan.trains_g = true, true
    local history = gan:fit(x, options).history
    assert.truthy(history.d_loss[2] ~= history.d_loss[1])
    assert.equal(6, gan.d_optimizer.iterations)
    assert.equal(6, gan.g_optimizer.iterations)
  end)
end)
