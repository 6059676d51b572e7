-- What is printed of the things that a script asks for at a prompt.

local k = require "lunula"

local function trained()
  local model = k.Sequential({ k.Input { shape = { 3 } }, k.layers.Dense { 2, name = "a" } },
    { name = "m" })
  model:compile { optimizer = "adam", loss = "mse", metrics = { "mae" } }
  return model, model:fit(k.zeros { 2, 3 }, k.zeros { 2, 2 }, { verbose = 0, epochs = 2 })
end

describe("a printed", function ()
  local model, history = trained()

  it("list shows what is in it", function ()
    assert.equal('[1] Dense{units=2, name="a"}', tostring(model.layers))
    assert.equal('Dense{units=2, activation="relu"}',
      tostring(k.layers.Dense { 2, activation = "relu", name = "dense" }))
    assert.equal('[1] variable "m/a/kernel" float32 (3, 2)\n[2] variable "m/a/bias" float32 (2,)',
      tostring(model.weights))
    assert.equal(tostring(model.weights), tostring(model.trainable_variables))
    assert.equal("{}", tostring(model.non_trainable_weights))
    assert.equal("[1] tensor float32 (3, 2)\n[2] tensor float32 (2,)",
      tostring(model:get_weights()))
    assert.equal('{"loss", "mae"}', tostring(model.metrics_names))
    assert.equal('[1] Mean{name="loss"}\n[2] MeanAbsoluteError{name="mae"}',
      tostring(model.metrics))
    assert.truthy(tostring(model.inputs):find "^%[1%] <KTensor")
    assert.truthy(tostring(model.optimizer.variables):find '^%[1%] variable "adam/iteration"')
    assert.equal("loss = {0, 0}\nmae = {0, 0}", tostring(history.history))
    assert.equal("{0, 1}", tostring(history.epoch))
    assert.equal("(None, 3)", tostring(model.input_shape))
  end)

  it("list is a plain one apart from that", function ()
    local again = k.Sequential { model.layers }
    assert.equal(2, #k.Sequential { k.Input { shape = { 3 } }, table.unpack(model.layers) }.weights)
    assert.equal(1, #again.layers)
    model:set_weights(model:get_weights())
    assert.same({ 3, 2 }, { table.unpack(model:get_weights()[1].shape) })
    assert.near_all(k.ops.stack(k.metrics.Mean().variables), { 0, 0 })
    local both = k.Model { inputs = model.inputs, outputs = model.outputs }
    assert.equal(2, both:predict(k.zeros { 1, 3 }, { verbose = 0 }).shape[2])
  end)

  it("table of facts shows them", function ()
    assert.truthy(tostring(k.memory()):find "\nlimit = 0\nlive = %d+\npeak = %d+$")
    assert.truthy(tostring(k.build_info()):find "\nversion = ")
  end)

  it("optimizer tells its rate", function ()
    assert.equal("Adam{learning_rate=0.001}", tostring(k.optimizers.Adam()))
    assert.equal("SGD{learning_rate=0.5, momentum=0.9}",
      tostring(k.optimizers.SGD { 0.5, momentum = 0.9 }))
    local decay = k.optimizers.schedules.CosineDecay(0.1, 10)
    assert.equal('SGD{learning_rate="CosineDecay"}', tostring(k.optimizers.SGD(decay)))
  end)

  it("module says what it is", function ()
    assert.equal("k.ops: a module; k.help(k.ops) lists its names", tostring(k.ops))
    for _, name in ipairs { "layers", "utils", "data", "losses", "config", "random", "saving" } do
      assert.equal("k." .. name, tostring(k[name]):match "^[%w.]+")
    end
    assert.truthy(tostring(k.ops.image):find "^k.ops.image")
    assert.truthy(tostring(k.optimizers.schedules):find "^k.optimizers.schedules")
    assert.truthy(tostring(k):find "k.help%(%)")
  end)
end)
