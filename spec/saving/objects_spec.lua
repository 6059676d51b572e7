-- What files call the classes and functions of users, and objects as data.

local k = require "lunula"
local scratch = require "spec.support.scratch"

local saving, layers = k.saving, k.layers

local function double(x) return x * 2 end

describe("a registered class", function ()
  local registered = saving.register_keras_serializable "shop"
  local Twice = k.layer "Twice" { abstract = true, call = function (_, x) return x * 2 end }
  local Thrice = k.layer "Thrice" { abstract = true, call = function (_, x) return x * 3 end }

  teardown(function ()
    scratch.clear()
    for name in pairs(saving.get_custom_objects()) do saving.get_custom_objects()[name] = nil end
  end)

  it("is written and found by package and name", function ()
    assert.equal(Twice, registered(Twice))
    assert.equal(Thrice, registered(Thrice))
    assert.equal("shop>Twice", saving.get_registered_name(Twice))
    assert.equal("Dense", saving.get_registered_name(layers.Dense))
    assert.equal(Twice, saving.get_registered_object "shop>Twice")
    assert.equal(Thrice, k.utils.get_registered_object "shop>Thrice")
    assert.is_nil(saving.get_registered_object "shop>Nonesuch")
    local record = saving.serialize_keras_object(Twice { name = "t" })
    assert.equal("shop>Twice", record.registered_name)
    assert.equal("Twice", record.class_name)
    assert.equal("t", saving.deserialize_keras_object(record).name)
  end)

  it("is loaded without custom_objects", function ()
    registered(Twice)
    local model = k.Sequential { k.Input { shape = { 2 } }, Twice {} }
    model:save(scratch.path "twice.safetensors")
    local copy = k.models.load_model(scratch.path "twice.safetensors")
    assert.near_all(copy(k.ones { 1, 2 }), { { 2, 2 } })
  end)

  it("may be a function, with a name", function ()
    saving.register_keras_serializable("shop", "double")(double)
    local record = saving.serialize_keras_object(layers.Dense { 2, activation = double })
    assert.equal("shop>double", record.config.activation.config)
    assert.equal(double, saving.deserialize_keras_object(record).activation)
    assert.error_at_line(function () registered(double) end, "a function needs a name")
    assert.error_at_line(function () registered(5) end, "a class or a function is wanted, got 5")
    assert.error_at_line(function () saving.register_keras_serializable(5) end, "got 5")
  end)
end)

describe("a scope of names", function ()
  local Once = k.layer "Once" { abstract = true, call = function (_, x) return x end }
  local record = { class_name = "Once", config = { name = "o" } }

  it("ends with its block, or with its function", function ()
    do
      local _ <close> = saving.custom_object_scope { Once = Once }
      assert.equal("o", saving.deserialize_keras_object(record).name)
    end
    assert.error_at_line(function () saving.deserialize_keras_object(record) end,
      'no class is known by the name "Once"')
    assert.equal("o", saving.custom_object_scope({ Once = Once }, function (given)
      return saving.deserialize_keras_object(given).name
    end, record))
    assert.equal("o", saving.deserialize_keras_object(record, { Once = Once }).name)
    assert.error_at_line(function () saving.custom_object_scope(5) end, "custom_objects is a table")
    local _ <close> = saving.custom_object_scope { x = 9 }
    assert.error_at_line(function () k.metrics.get "x" end,
      '"x" stands for 9 among the custom objects; a class or a function is wanted')
  end)
end)

describe("an object as data", function ()
  local function round(value)
    return saving.deserialize_keras_object(saving.serialize_keras_object(value))
  end

  it("comes back", function ()
    assert.equal(3, round(layers.Dense(3)).units)
    assert.equal("adam", round(k.optimizers.Adam {}).name)
    local loss, metric = round(k.losses.MeanSquaredError {}), round(k.metrics.MeanSquaredError {})
    assert.equal("loss", getmetatable(loss).class.kind)
    assert.equal("metric", getmetatable(metric).class.kind)
    assert.equal(.5, round(k.optimizers.schedules.ExponentialDecay(.5, 10, .9))
      .initial_learning_rate)
    assert.same({ 1, "a", { b = 2 } }, round { 1, "a", { b = 2 } })
    assert.same({ 1, 2 }, round({ k.tensor { 1, 2 } })[1]:totable())
  end)

  it("is told when nobody knows its class", function ()
    assert.error_at_line(function ()
      saving.deserialize_keras_object { class_name = "Nonesuch", config = {} }
    end, "custom_objects")
    assert.error_at_line(function () saving.deserialize_keras_object(5) end, "got 5")
  end)
end)
