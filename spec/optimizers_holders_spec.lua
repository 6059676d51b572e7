-- Optimizers that hold others: LossScaleOptimizer, MultiOptimizer. Their numbers as recorded from
-- Keras are among those of numbers_spec.

local k = require "lunula"
local core = require "lunula.core"
local scratch = require "spec.support.scratch"

local o = k.optimizers

local function variable(value, name)
  return core.variable { value = k.tensor(value, { dtype = "float32" }), name = name or "v",
    trainable = true }
end

-- A model that is compiled with the optimizer, the same at each call.
local function model_with(optimizer, options)
  k.utils.set_random_seed(4)
  local model = k.Sequential { k.Input { shape = { 3 } }, k.layers.Dense { 4, name = "first" },
    k.layers.Dense { 1, name = "last" }, name = "net" }
  options = options or {}
  options.optimizer, options.loss = optimizer, "mse"
  model:compile(options)
  return model
end

local x = k.ops.reshape(k.ops.sin(k.ops.arange(24, { dtype = "float32" })), { 8, 3 })
local y = k.ops.sum(x, -1, true)

local function fit(model, epochs, more)
  local options = { epochs = epochs, batch_size = 4, shuffle = false, verbose = 0 }
  for key, value in pairs(more or {}) do options[key] = value end
  return model:fit(x, y, options).history.loss
end

local function same_values(a, b)
  assert.equal(#a, #b)
  for i, one in ipairs(a) do assert.equal(one.value:tobytes(), b[i].value:tobytes()) end
end

-- The model goes on from a file as if nothing had happened.
local function check_file(name, model)
  local path = scratch.path(name .. ".safetensors")
  fit(model, 2)
  model:save(path)
  local loaded = k.models.load_model(path)
  same_values(model.optimizer.variables, loaded.optimizer.variables)
  assert.same(model.optimizer:rates(), loaded.optimizer:rates())
  fit(model, 2)
  fit(loaded, 2)
  same_values(model.weights, loaded.weights)
  same_values(model.optimizer.variables, loaded.optimizer.variables)
end

describe("LossScaleOptimizer", function ()
  teardown(scratch.clear)

  local function scaled(initial, growth, inner)
    return o.LossScaleOptimizer { inner or o.SGD { 0.1, momentum = 0.9 }, initial, growth }
  end

  it("leaves out a step that overflows, and halves the scale", function ()
    local optimizer, v = scaled(8, 2), variable { 1, -2 }
    local seen = {}
    for i, g in ipairs { { .8, -1.6 }, { 1.6, -3.2 }, { math.huge, 1 }, { .8, .8 }, { .8, .8 } } do
      optimizer:apply({ k.tensor(g) }, { v })
      seen[i] = { optimizer.dynamic_scale.value:item(), optimizer.step_counter.value:item(),
        optimizer.iterations }
    end
    assert.same({ { 8, 1, 1 }, { 16, 0, 2 }, { 8, 0, 2 }, { 8, 1, 3 }, { 16, 0, 4 } }, seen)
    assert.near_all(v.value, { .88241, -1.85182 })
    assert.equal(32, optimizer:scale_loss(k.tensor(2)):item())
    assert.is_true(optimizer:check_finite { k.tensor { 1, 2 }, nil, k.tensor(3) }:item())
    assert.is_false(optimizer:check_finite { k.tensor { 1, 0 / 0 } }:item())
  end)

  it("steps the same inside a trace", function ()
    local function steps(traced)
      local optimizer, v = scaled(8, 2), variable { 1, -2 }
      local function step(g) optimizer:apply({ g }, { v }) end
      local f = traced and core.trace({ { shape = { 2 }, dtype = "float32" } }, step) or step
      for _, g in ipairs { { 1, 2 }, { 3, 0 / 0 }, { 1, 1 }, { 1, 2 }, { -math.huge, 1 } } do
        f(k.tensor(g))
      end
      return { v.value:totable(), optimizer.dynamic_scale.value:item(), optimizer.iterations }
    end
    assert.same(steps(false), steps(true))
  end)

  it("lets fit find the scale, and trains as its inner optimizer would", function ()
    for _, eager in ipairs { false, true } do
      local options = { run_eagerly = eager }
      local plain = model_with(o.SGD { 0.05 }, options)
      local model = model_with(scaled(2.0 ^ 20, 100, o.SGD { 0.05 }), options)
      fit(plain, 3)
      fit(model, 3)
      for i, weight in ipairs(plain.weights) do
        assert.near_all(model.weights[i].value, weight.value, 1e-6)
      end
      local large = model_with(scaled(2.0 ^ 127, 100), options)
      fit(large, 4)
      assert.is_true(large.optimizer.iterations < 8)
      assert.is_true(large.optimizer.dynamic_scale.value:item() < 2.0 ^ 127)
    end
  end)

  it("leaves a loss that is not finite to fit", function ()
    local model = model_with(scaled(8, 2))
    fit(model, 1)
    local before = model.optimizer.dynamic_scale.value:item()
    assert.has_error(function ()
      model:fit(x * (0 / 0), y, { verbose = 0 })
    end)
    assert.equal(before, model.optimizer.dynamic_scale.value:item())
    assert.equal(2, model.optimizer.iterations)
  end)

  it("goes through files and configs", function ()
    check_file("scaled", model_with(scaled(64, 3)))
    local optimizer = scaled(64, 3, o.Adam { 0.3 })
    local again = o.deserialize(o.serialize(optimizer))
    assert.equal(64, again.initial_scale)
    assert.equal(3, again.dynamic_growth_steps)
    assert.equal("Adam{learning_rate=0.3}", tostring(again.inner_optimizer))
    again.learning_rate = 0.2
    assert.equal(0.2, again.inner_optimizer.learning_rate)
    assert.equal(k.mixed_precision.LossScaleOptimizer, o.LossScaleOptimizer)
    local config = optimizer:get_config()
    config.use_ema, config.ema_momentum, config.dynamic = false, 0.99, true    -- an older file
    assert.equal(64, o.LossScaleOptimizer.from_config(config).initial_scale)
  end)

  it("refuses options that are the inner optimizer's", function ()
    assert.error_at_line(function () o.LossScaleOptimizer { function () end } end,
      "inner_optimizer must be an optimizer, got function")
    assert.error_at_line(function () o.LossScaleOptimizer { "sgd", weight_decay = 0.1 } end,
      "weight_decay is an option of the inner optimizer")
    assert.error_at_line(function () o.LossScaleOptimizer { "sgd", dynamic = false } end,
      "give loss_scale_factor to the optimizer alone")
    assert.error_at_line(function () o.LossScaleOptimizer { "sgd", 0 } end, "initial_scale must be")
    assert.error_at_line(function () o.LossScaleOptimizer {} end, "inner_optimizer is missing")
  end)
end)

describe("MultiOptimizer", function ()
  teardown(scratch.clear)

  local function map()
    return o.OptimizerMap { o.SGD { 0.1 }, { ["net/first/.*"] = o.Adam { 0.01 } } }
  end

  it("gives each variable the optimizer that the map says", function ()
    local both = o.MultiOptimizer { map(), loss_scale_factor = 4 }
    local v, w = variable({ 1, -2 }, "v"), variable({ 1 }, "net/first/w")
    both:apply({ k.tensor { 1, 1 }, k.tensor { 4 } }, { v, w })
    assert.near_all(v.value, { 0.975, -2.025 })
    assert.near_all(w.value, { 0.99 })
    assert.equal(1, both.iterations)
    assert.equal(8, both:scale_loss(2))
    assert.same({ "adam", "sgd" }, { both.optimizers[1].name, both.optimizers[2].name })
    assert.same({ 1, 1 }, { both.optimizers[1].iterations, both.optimizers[2].iterations })
    assert.equal(8, #both.variables)
    both.loss_scale_factor = nil
    assert.is_nil(both.optimizers[2].loss_scale_factor)
  end)

  it("trains in fit as two optimizers by hand, and goes through files", function ()
    local model = model_with(o.MultiOptimizer { map() })
    local first = model.layers[1].kernel.value:totable()
    fit(model, 1)
    assert.is_false(k.ops.all(k.ops.equal(model.layers[1].kernel, k.tensor(first))):item())
    assert.equal(2, model.optimizer.iterations)
    check_file("several", model)
  end)

  it("changes nothing in a step that is not finite", function ()
    local both, v, w = o.MultiOptimizer { map() }, variable { 1 }, variable({ 1 }, "net/first/w")
    assert.error_at_line(function ()
      both:apply({ k.tensor { 1 }, k.tensor { 0 / 0 } }, { v, w })
    end, 'the gradient of "net/first/w" is not finite')
    assert.near_all(v.value, { 1 })
    assert.equal(0, both.iterations)
  end)

  it("takes a function too", function ()
    local sgd, adam = o.SGD { 1 }, o.Adam { 0.1 }
    local both = o.MultiOptimizer { function (each) return each.rank == 1 and sgd or adam end }
    local v = variable { 1 }
    both:apply({ k.tensor { 1 } }, { v })
    assert.near_all(v.value, { 0 })
    local wrong = o.MultiOptimizer { function () return o.LossScaleOptimizer "sgd" end }
    assert.error_at_line(function () wrong:build { v } end, "cannot be a LossScaleOptimizer")
  end)

  it("has a map that can be asked and added to", function ()
    local asked, adam = map(), o.Adam { 0.5 }
    asked["last/kernel"] = adam
    assert.equal(adam, asked["last/kernel"])
    assert.equal(asked.default_optimizer, asked["net/second/kernel"])
    assert.equal(2, #asked)
    assert.error_at_line(function () asked["last/kernel"] = adam end, "already an optimizer")
    assert.error_at_line(function () asked.x = o.MultiOptimizer { map() } end,
      "cannot be a MultiOptimizer")
    assert.error_at_line(function () asked(3) end, "OptimizerMap: a variable is wanted, got 3")
    asked["net/f.*"] = adam
    assert.error_at_line(function () return asked["net/first/w"] end, "several patterns fit")
    local again = k.saving.deserialize_keras_object(k.saving.serialize_keras_object(asked))
    assert.equal("Adam{learning_rate=0.5}", tostring(again["last/kernel"]))
  end)

  it("has no rate of its own", function ()
    local both = o.MultiOptimizer { map() }
    assert.error_at_line(function () return both.learning_rate end, "has no learning_rate")
    assert.error_at_line(function () both.learning_rate = 1 end, "has no learning_rate")
  end)
end)
