-- Models as configs and back: the same architecture, the same numbers once the weights are set.

local k = require "lunula"
local layers, ops = k.layers, k.ops

local function same_after_round_trip(model, x)
  local copy = k.models.clone_model(model)
  copy:set_weights(model:get_weights())
  local wanted, got = { model(x) }, { copy(x) }
  assert.equal(#wanted, #got)
  for i = 1, #wanted do assert.near_all(got[i], wanted[i]) end
  assert.same(model:get_config(), copy:get_config())
  return copy
end

describe("configs of models", function()
  it("keep stacks", function()
    local model = k.Sequential { k.Input { shape = { 3 } },
      layers.Dense { 4, activation = "relu" }, layers.Dense(1) }
    local copy = same_after_round_trip(model, k.ones { 2, 3 })
    assert.equal(model.name, copy.name)
    local late = k.models.clone_model(k.Sequential { layers.Dense(2) })
    assert.same({ 1, 2 }, late(k.ones { 1, 5 }).shape)
  end)

  it("keep graphs with shared layers, ops and several ends", function()
    local a, b = k.Input { shape = { 3 }, name = "a" }, k.Input { shape = { 3 }, name = "b" }
    local shared = layers.Dense { 4, activation = "tanh" }
    local joined = layers.Concatenate {} { shared(a), shared(b) }
    local model = k.Model {
      inputs = { a, b }, outputs = { layers.Dense(1)(joined), ops.sum(joined * 2, 1, true) - 1 },
    }
    same_after_round_trip(model, { k.ones { 2, 3 }, -k.ones { 2, 3 } })
    local ends = model:get_config()
    assert.same({ { "a", 0, 0 }, { "b", 0, 0 } }, ends.input_layers)
  end)

  it("keep nested models", function()
    local inner = k.Sequential { k.Input { shape = { 3 } }, layers.Dense(2) }
    local x = k.Input { shape = { 3 } }
    same_after_round_trip(k.Model { inputs = x, outputs = layers.Dense(1)(inner(x)) },
      k.ones { 2, 3 })
  end)

  it("leave out what other models did with a shared layer", function()
    local shared = layers.Dense(2)
    shared(k.Input { shape = { 3 } })
    local x = k.Input { shape = { 3 } }
    local model = k.Model { inputs = x, outputs = layers.Activation "relu" (shared(x)) }
    same_after_round_trip(model, k.ones { 2, 3 })
  end)

  it("keep what a model was compiled with", function()
    local model = k.Sequential { k.Input { shape = { 3 } }, layers.Dense(1) }
    assert.is_nil(model:get_compile_config())
    model:compile {
      optimizer = k.optimizers.Adam { learning_rate = .25 }, loss = k.losses.Huber { .5 },
      metrics = { "mae", k.metrics.AUC {} },
    }
    model.optimizer.learning_rate = .125
    local copy = k.models.clone_model(model)
    copy:compile_from_config(model:get_compile_config())
    assert.equal(.125, copy.optimizer.learning_rate)
    assert.same(model:get_compile_config(), copy:get_compile_config())
    copy:fit(k.ones { 4, 3 }, k.ones { 4, 1 }, { verbose = 0 })
  end)

  it("read the calls of Keras 2", function()
    local model = k.Model.from_config {
      name = "old",
      layers = {
        { class_name = "InputLayer", name = "i",
          config = { batch_input_shape = { false, 3 }, dtype = "float32", name = "i" },
          inbound_nodes = {} },
        { class_name = "Dense", name = "d", config = { name = "d", units = 2 },
          inbound_nodes = { { { "i", 0, 0, {} } } } },
      },
      input_layers = { { "i", 0, 0 } }, output_layers = { { "d", 0, 0 } },
    }
    assert.same({ 4, 2 }, model:predict(k.ones { 4, 3 }).shape)
  end)
end)

describe("clone_model", function()
  local function graph()
    local a, b = k.Input { shape = { 3 }, name = "a" }, k.Input { shape = { 3 }, name = "b" }
    local shared = layers.Dense { 4, name = "shared", activation = "tanh" }
    local joined = shared(a) * 2 + shared(b)
    return k.Model { inputs = { a = a, b = b }, name = "pair",
      outputs = { layers.Lambda(function(x) return x ^ 2 end)(joined), layers.Dense(1)(joined) } }
  end

  it("asks clone_function once for each layer", function()
    local model, asked = graph(), {}
    local copy = k.models.clone_model(model, { clone_function = function(layer)
      asked[#asked + 1] = layer.name
      local config = layer:get_config()
      if config.units then config.activation = "relu" end
      return layer.from_config(config)
    end })
    table.sort(asked)
    assert.same({ "dense", "lambda", "shared" }, { asked[1]:match "%a+", asked[2]:match "%a+",
      asked[3] })
    assert.equal("relu", copy:get_layer("shared"):get_config().activation)
    assert.equal("tanh", model:get_layer("shared"):get_config().activation)
    assert.equal(#model.weights, #copy.weights)
    assert.equal("pair", copy.name)
    local x = { a = k.ones { 2, 3 }, b = k.ones { 2, 3 } }
    assert.same({ 2, 4 }, copy:predict(x, { verbose = 0 }).shape)
  end)

  it("stands on other inputs when they are given", function()
    local model = graph()
    local t = k.Input { shape = { 5 } }
    local left, right = layers.Dense(3)(t), k.Input { shape = { 3 }, name = "right" }
    local copy = k.models.clone_model(model, { input_tensors = { a = left, b = right } })
    assert.equal(left, copy.inputs[1])
    local stack = k.Sequential { k.Input { shape = { 3 } }, layers.Dense(2) }
    local fixed = k.Input { batch_shape = { 7, 3 } }
    assert.same({ 7, 2 }, k.models.clone_model(stack, fixed).output_shape)
    assert.error_at_line(function() k.models.clone_model(stack, { input_tensors = { fixed, t } })
      end, "a Sequential has one input, got 2")
    assert.error_at_line(function() k.models.clone_model(model, { input_tensors = { 3 } }) end,
      'model "pair" has 2 inputs, got 1')
  end)

  it("makes new weights, keeps what was compiled and frozen", function()
    local model = k.Sequential { k.Input { shape = { 3 } }, layers.Dense(2) }
    model:compile { optimizer = k.optimizers.SGD(.25),
      loss = function(y, p) return (y - p) ^ 2 end }
    model.trainable = false
    local copy = k.models.clone_model(model)
    assert.are_not.equal(model.weights[1], copy.weights[1])
    assert.equal(.25, copy.optimizer.learning_rate)
    assert.is_false(copy.trainable)
  end)

  it("refuses what it cannot do", function()
    local Own = k.model "Own" { call = function(_, x) return x end }
    assert.equal("Own", k.models.clone_model(Own {}).class_name)
    assert.error_at_line(function()
      k.models.clone_model(Own {}, { clone_function = print })
    end, "are for Sequential and functional models")
    assert.error_at_line(function() k.models.clone_model(3) end, "takes a model, got 3")
    assert.error_at_line(function()
      k.models.clone_model(graph(), { clone_function = function() return 3 end })
    end, "clone_function returned 3")
  end)
end)
