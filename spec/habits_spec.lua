-- What a reader of Keras writes out of habit: it works, or it is told what to write.

local k = require "lunula"
local layers = k.layers

local function small()
  return k.Sequential { k.Input { shape = { 3 } }, layers.Dense { 2, name = "a" },
    layers.Dense { 2, name = "b" } }
end

describe("a point instead of a colon", function ()
  local x, placeholder, model = k.ones { 2, 3 }, k.Input { 3 }, small()

  it("is told of methods of tensors", function ()
    assert.error_at_line(function () local _ = x.sum(1) end,
      "sum: a method is called with a colon: x:sum(…)")
    assert.error_at_line(function () local _ = x.sum() end, "x:sum(…)")
    assert.error_at_line(function () local _ = x.reshape { 3, 2 } end, "x:reshape(…)")
    assert.error_at_line(function () local _ = x.logsumexp(1) end, "x:logsumexp(…)")
    assert.error_at_line(function () local _ = placeholder.sum(1) end,
      "sum: a method is called with a colon: x:sum(…)")
    assert.near_all(x:sum(1), { 3, 3 })
    assert.equal(1, placeholder:sum(1).ndim)
    assert.near_all(k.ops.sum(1), 1)
  end)

  it("is told of methods of models, layers and the rest", function ()
    assert.error_at_line(function () local _ = model.predict(x) end,
      "predict is a method: model:predict(…), with a colon")
    assert.error_at_line(function () model.save "m.keras" end, "save is a method: model:save(…)")
    assert.error_at_line(function () model.add(layers.Dense(1)) end, "add is a method: model:add")
    assert.error_at_line(function () model.predict_step(k.ones { 1, 4 }) end,
      "predict_step is a method: model:predict_step")
    assert.error_at_line(function () local _ = model.layers[1].count_params() end,
      "count_params is a method: layer:count_params(…), with a colon")
    assert.error_at_line(function () local _ = model.layers[1].get_config() end,
      "get_config is a method: object:get_config(…), with a colon")
    assert.error_at_line(function () layers.Normalization().adapt(x) end,
      "adapt is a method: object:adapt(…), with a colon")
    assert.error_at_line(function () k.metrics.Mean().update_state(1) end,
      "update_state is a method")
    assert.error_at_line(function () k.optimizers.SGD().apply({}, {}) end, "apply is a method")
    assert.error_at_line(function () model.make_train_function() end,
      "make_train_function is a method")
  end)
end)

describe("a model", function ()
  local model = small()

  it("is no list", function ()
    assert.error_at_line(function () local _ = #model end, "is no list: model.layers is the list")
    assert.error_at_line(function () for i in ipairs(model) do print(i) end end, "#model.layers")
    assert.error_at_line(function () local _ = model[1] end, "model:get_layer(1) the first")
  end)

  it("finds layers by name or position", function ()
    assert.equal("a", model:get_layer(nil, 1).name)
    assert.equal("b", model:get_layer(-1).name)
    assert.equal("b", model:get_layer { index = 2 }.name)
    assert.equal("a", model:get_layer "a".name)
    assert.error_at_line(function () model:get_layer() end,
      'get_layer takes a name or a position, counted from 1: get_layer "a" or get_layer(1)')
    assert.error_at_line(function () model:get_layer("a", 1) end, "a name or a position")
    assert.error_at_line(function () model:get_layer(nil, 3) end, "has 2 layers, counted from 1")
  end)

  it("takes its options in one table, and nothing behind it", function ()
    local m = k.Sequential { k.Input { shape = { 2 } }, k.layers.Dense(1) }
    m:compile { loss = "mse" }
    local x, y = k.ops.ones { 4, 2 }, k.ops.ones { 4, 1 }
    local message = ": options have names, in one table, the last of 3 arguments; here is one "
      .. "more, "
    assert.error_at_line(function () m:fit(x, y, 2, 3) end, "fit" .. message .. "3")
    for _, name in ipairs { "fit", "evaluate", "train_on_batch", "test_on_batch" } do
      assert.error_at_line(function () m[name](m, x, y, {}, { verbose = 0 }) end,
        name .. message .. "{verbose=0}")
    end
    assert.error_at_line(function () m:predict(x, {}, 0) end,
      "predict: options have names, in one table, the last of 2 arguments; here is one more, 0")
    assert.is_truthy(m:fit(x, y, { verbose = 0 }, nil))
  end)

  it("takes its options behind the layers too", function ()
    assert.equal("own", k.Sequential({ layers.Dense(1) }, { name = "own" }).name)
    local two = k.Sequential(layers.Dense(1), layers.Dense(2), { name = "two" })
    assert.equal('Sequential "two" of 2 layers', tostring(two))
    assert.error_at_line(function () k.Sequential({ layers.Dense(1) }, "own") end,
      'a table of options by name, as Sequential({…}, { name = "m" }), got "own"')
  end)

  it("is distributed by k.distribution", function ()
    assert.error_at_line(function () local _ = model.distribute end,
      "has no distribute: k.distribution")
  end)
end)

describe("a comparison", function ()
  local x, y, placeholder = k.ones { 2 }, k.zeros { 2 }, k.Input { 3 }

  it("names the op that was meant", function ()
    assert.error_at_line(function () local _ = x > 0 end, "use k.ops.greater (and k.ops.where)")
    assert.error_at_line(function () local _ = x < 0 end, "use k.ops.less (and k.ops.where)")
    assert.error_at_line(function () local _ = x >= 0 end, "use k.ops.greater_equal (and")
    assert.error_at_line(function () local _ = x <= 0 end, "use k.ops.less_equal (and")
    assert.error_at_line(function () local _ = x > y end, "use k.ops.less or k.ops.greater (and")
    assert.error_at_line(function () local _ = placeholder > 0 end, "use ops.greater(x, 0)")
    assert.error_at_line(function () local _ = placeholder <= 2 end, "use ops.less_equal(x, 2)")
    assert.error_at_line(function () local _ = placeholder < placeholder end,
      "use ops.less(a, b) or ops.greater(a, b)")
  end)

  it("names it in a trace", function ()
    local layer = layers.Lambda(function (t) return t > 0 and t or -t end)
    local ok, message = pcall(function () return layer(placeholder) end)
    assert.is_false(ok)
    assert.is_truthy(message:find("k.ops.greater (and k.ops.where)", 1, true), message)
  end)
end)

describe("a name", function ()
  it("is found as Keras finds it", function ()
    assert.error_at_line(function () k.optimizers.get "rm_sprop" end,
      'unknown optimizer "rm_sprop" (did you mean "rmsprop"?)')
    assert.error_at_line(function () k.callbacks.get "terminate_on_na_n" end,
      'unknown callback "terminate_on_na_n"')
    assert.is_nil(k.metrics.io_u)
    assert.error_at_line(function () k.losses.get "crossentropy" end,
      '(did you mean "BinaryCrossentropy", ')
    small():compile { loss = "crossentropy" }      -- compile knows which, as Keras's does
    assert.error_at_line(function () small():compile { loss = "accuracy" } end,
      'unknown loss "accuracy"')
    assert.error_at_line(function () small():compile { loss = "msse" } end,
      'unknown loss "msse" (did you mean "mse"?)')
  end)

  it("of a type that is not computed in says what to do", function ()
    assert.error_at_line(function () k.config.set_floatx "float16" end,
      "set_floatx: everything computes in float32")
    assert.error_at_line(function () k.mixed_precision.set_global_policy "mixed_float16" end,
      "layers compute in float32, the policy mixed_float16 is not supported")
    k.mixed_precision.set_global_policy "float32"
    assert.equal("float32", k.mixed_precision.global_policy())
    assert.equal("float32", k.config.dtype_policy())
    assert.equal("lunula", k.config.backend())
    assert.equal("int32", k.utils.standardize_dtype "int")
    assert.equal("float32", k.utils.standardize_dtype())
    assert.error_at_line(function () k.utils.standardize_dtype "float" end,
      'standardize_dtype: "float" is no dtype')
    assert.error_at_line(function () local _ = k.preprocessing.sequence.pad_sequence end,
      "there is no preprocessing.sequence.pad_sequence (did you mean \"pad_sequences\"?)")
    assert.equal(k.utils.pad_sequences, k.preprocessing.sequence.pad_sequences)
  end)
end)

describe("Normalization over all axes", function ()
  it("takes data of any rank, as Keras does", function ()
    local norm = layers.Normalization { axis = false }
    norm:adapt(k.tensor { 1, 2, 3 })
    assert.near_all(norm(k.tensor { { 1 }, { 2 } }), { { -1.2247448 }, { 0 } }, 1e-6)
    local model = k.Sequential { k.Input { shape = { 1 } }, norm, layers.Dense(1) }
    assert.same({ 2, 1 }, { table.unpack(model:predict(k.ones { 2, 1 }, { verbose = 0 }).shape) })
    local wide = layers.Normalization { axis = false }
    wide:adapt(k.tensor { { 1, 2 }, { 3, 4 } })
    assert.near_all(wide(k.tensor { { 1, 2 } }), { { -1.3416407, -0.4472136 } }, 1e-6)
  end)
end)

describe("the small things", function ()
  it("are there", function ()
    local layer = layers.Dense(2)
    layer(k.ones { 1, 3 })
    local SGD = k.optimizers.SGD { 0.1, momentum = 0.9 }
    SGD:build(layer.trainable_variables)
    local before = SGD.variables[2]:numpy()
    local values = {}
    for i, variable in ipairs(SGD.variables) do values[i] = variable:numpy() end
    values[2] = before + 1
    SGD:set_weights(values)
    assert.near_all(SGD.variables[2], (before + 1):totable())
    assert.error_at_line(function () SGD:set_weights {} end, "set_weights takes a list of 4 values")
    assert.error_at_line(function () k.optimizers.SGD():set_weights {} end,
      "call optimizer:build(variables) before")
    local Watched = k.layer "WatchedByAMean" {
      init = function (self) self.seen = k.metrics.Mean { name = "seen" } end,
      call = function (self, x)
        self.seen:update_state(x)
        return x
      end,
    }
    local watched = Watched()
    assert.same({ watched.seen }, watched.metrics)
    assert.equal(2, #watched.metrics_variables)
    local constant = k.initializers.Constant(3)
    assert.same(constant:get_config(), constant:clone():get_config())
    assert.equal("Orthogonal", k.initializers.OrthogonalInitializer.name)
    local bar = k.utils.Progbar { target = 3, verbose = 0 }
    bar:add(2)
    bar:add(1)
    assert.equal(3, bar.step)
    assert.error_at_line(function() k.utils.Progbar { width = 30 } end,
      'Progbar: unknown option "width"; it takes target, verbose, unit')
    assert.error_at_line(function() k.utils.Progbar { target = "ten" } end,
      'Progbar: target must be a whole number of at least 1, got "ten"')
    assert.error_at_line(function() k.utils.Progbar(10) end, "Progbar: the options must be a table")
  end)
end)

describe("what Keras has and this has not", function ()
  local model = small()
  model:compile { optimizer = "sgd", loss = "mse" }
  local layer = model.layers[1]

  it("says what stands for it", function ()
    assert.error_at_line(function () layer:add_metric(1, "m") end,
      'layer "a" has no add_metric: keep a metric in a field')
    assert.error_at_line(function () layer:quantize "int8" end, 'stores less')
    assert.error_at_line(function () layer:enable_lora(4) end, 'has no enable_lora')
    assert.error_at_line(function () model:get_state_tree() end, "model.weights and optimizer.")
    assert.error_at_line(function () model.optimizer:stateless_apply() end,
      "optimizer:apply(gradients, variables)")
    assert.error_at_line(function () k.metrics.Mean():stateless_update_state() end,
      'metric "mean" has no stateless_update_state: its state is in it: metric:update_state(…)')
    assert.error_at_line(function () local _ = k.applications.ResNet50 end,
      "k has no applications: there are no models by name")
    assert.error_at_line(function () k.distribution.ModelParallel() end, "the whole model")
    assert.error_at_line(function () local _ = k.quantizers end, "float32")
    assert.error_at_line(function () k.name_scope "a" end, "a name is an option")
    assert.is_nil(k.no_such_thing)
  end)
end)
