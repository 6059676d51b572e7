-- Metrics, losses and optimizers of the user's own: k.metric, k.loss and k.optimizer "Name" {…}.

local k = require "lunula"
local layers, ops = k.layers, k.ops

local function model_of(compile)
  k.set_random_seed(2)
  local model = k.Sequential { k.Input { 3 }, layers.Dense { 4, activation = "tanh" },
    layers.Dense(1) }
  model:compile(compile)
  return model
end

local function data()
  k.set_random_seed(3)
  return k.random.normal { 20, 3 }, k.random.normal { 20, 1 }
end

local options = { batch_size = 4, epochs = 3, verbose = 0, shuffle = false }

local function history(compile)
  local x, y = data()
  return model_of(compile):fit(x, y, options).history
end

describe("k.metric", function ()
  local function class(more)
    local spec = {
      args = { { "scale", default = 1 } },
      init = function (self)
        self.total = self:add_weight { name = "total", initializer = "zeros" }
        self.count = self:add_weight { name = "count", shape = {}, initializer = "ones" }
      end,
      update_state = function (self, y_true, y_pred)
        self.total:assign(self.total + ops.sum(ops.abs(y_true - y_pred)) * self.scale)
        self.count:assign(self.count + ops.cast(ops.dim(y_true, 0), "float32"))
      end,
      result = function (self) return self.total / (self.count - 1) end,
    }
    for name, value in pairs(more or {}) do spec[name] = value end
    return k.metric "OwnMae" (spec)
  end

  it("is a metric that fit resets each epoch", function ()
    local got = history { loss = "mse", metrics = { "mae", class() { scale = 2 } } }
    for i = 1, 3 do assert.is_near(2 * got.mae[i], got.own_mae[i], 1e-5) end
  end)

  it("may give a table of results", function ()
    local Two = class { result = function (self)
      return { twice = 2 * self.total, once = self.total.value }
    end }
    local got = history { loss = "mse", metrics = { Two {} } }
    assert.is_near(2 * got.once[3], got.twice[3], 1e-4)
  end)

  it("refuses what nobody would read", function ()
    local function refuses(text, more)
      assert.error_at_line(function () class(more) end, text)
    end
    refuses('metric "OwnMae" has a method "update_stat"; did you mean "update_state"?',
      { update_stat = function () end })
    refuses('metric "OwnMae": "unit" is no hook', { unit = 3 })
    refuses('result must be a function, got 3', { result = 3 })
    assert.error_at_line(function () k.metric "None" { update_state = function () end } end,
      'metric "None" needs result = function (self, …) … end')
    assert.error_at_line(function () k.metric { result = 3 } end, "k.metric takes a name first")
    local metric = k.metrics.Sum()
    assert.error_at_line(function () metric:add_weight { nam = "total" } end,
      'unknown option "nam" (did you mean "name"?)')
  end)
end)

describe("k.loss", function ()
  local Own = k.loss "OwnLoss" {
    args = { { "power", default = 2 } },
    call = function (self, y_true, y_pred)
      return ops.mean((y_true - y_pred) ^ self.power, -1)
    end,
  }

  it("trains as the same formula of ours", function ()
    assert.near_table(history { loss = "mse" }.loss, history { loss = Own {} }.loss, 1e-6)
    assert.near_table(history { loss = "mse" }.loss, history { loss = "OwnLoss" }.loss, 1e-6)
    assert.near_table(history { loss = "mean_squared_error" }.loss,
      history { loss = Own { reduction = "sum_over_batch_size" } }.loss, 1e-6)
  end)

  it("refuses a declaration without a call", function ()
    assert.error_at_line(function () k.loss "Bare" {} end, 'loss "Bare" needs call')
    assert.error_at_line(function () k.loss "Bare" { cal = function () end } end,
      'did you mean "call"?')
  end)

  it("is not found by half a name", function ()
    local model = model_of { loss = "mse" }
    assert.error_at_line(function () model:compile { loss = "categorical_crosentropy" } end,
      'unknown loss "categorical_crosentropy" (did you mean "CategoricalCrossentropy"?)')
  end)
end)

describe("k.optimizer", function ()
  local Momentum = k.optimizer "OwnMomentum" {
    learning_rate = 0.05,
    args = { { "momentum", default = 0.9 } },
    build = function (self, variables)
      k.optimizers.Optimizer.build(self, variables)
      self.velocities = {}
      for _, variable in ipairs(variables) do
        self.velocities[variable] = self:add_variable_from_reference(variable, "velocity")
      end
    end,
    update_step = function (self, gradient, variable, learning_rate)
      local v = self.velocities[variable]
      v:assign(self.momentum * v - learning_rate * gradient)
      variable:assign(variable + v)
    end,
  }

  it("trains as the same rule of ours", function ()
    for _, eager in ipairs { false, true } do
      local ours = k.optimizers.SGD { 0.05, momentum = 0.9 }
      assert.near_table(history { optimizer = ours, loss = "mse", run_eagerly = eager }.loss,
        history { optimizer = Momentum {}, loss = "mse", run_eagerly = eager }.loss, 1e-6)
    end
    local function clipped(optimizer)
      return history { optimizer = optimizer, loss = "mse" }.loss
    end
    assert.near_table(
      clipped(k.optimizers.SGD { 0.1, momentum = 0.5, clipnorm = 0.1,
        gradient_accumulation_steps = 2 }),
      clipped(Momentum { 0.1, momentum = 0.5, clipnorm = 0.1, gradient_accumulation_steps = 2 }),
      1e-6)
  end)

  it("leaves everything when a batch is not finite, though it assigns by itself", function ()
    local x, y = data()
    local bad = x:totable()
    bad[10][2] = 0 / 0
    local model = model_of { optimizer = Momentum {}, loss = "mse" }
    model:fit(x, y, options)
    local before = {}
    for i, value in ipairs(model:get_weights()) do before[i] = value:totable() end
    local rows, targets = {}, y:totable()
    for i = 1, 4 do rows[i] = bad[8 + i] end
    assert.has_error(function ()
      model:fit(rows, { table.unpack(targets, 9, 12) }, options)
    end)
    for i, value in ipairs(model:get_weights()) do assert.same(before[i], value:totable()) end
    for _, velocity in pairs(model.optimizer.velocities) do
      assert.truthy(ops.all(ops.isfinite(velocity)):item())
    end
  end)

  it("has a rate and a count that are numbers", function ()
    local optimizer = Momentum {}
    assert.equal(0.05, optimizer.learning_rate)
    optimizer.learning_rate = 0.1
    assert.equal(0.1, optimizer.learning_rate)
    assert.equal(0, optimizer.iterations)
    local x, y = data()
    model_of { optimizer = optimizer, loss = "mse" }:fit(x, y, options)
    assert.equal(15, optimizer.iterations)
    optimizer.iterations = 3
    assert.equal(3, optimizer.iterations)
  end)

  it("refuses a declaration without an update_step", function ()
    assert.error_at_line(function () k.optimizer "Bare" {} end,
      'optimizer "Bare" needs update_step')
    assert.error_at_line(function () k.optimizer "Bare" { updat_step = function () end } end,
      'did you mean "update_step"?')
  end)
end)

describe("a model", function ()
  it("says what it has not", function ()
    local model = model_of { loss = "mse" }
    assert.error_at_line(function () return model.distribute_strategy end,
      "has no distribute_strategy: k.distribution shares batches out")
    assert.error_at_line(function () model:make_train_function() end,
      "has no make_train_function: fit traces train_step by itself")
  end)
end)
