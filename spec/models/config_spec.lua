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
