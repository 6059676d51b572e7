-- Models as JSON: what real Keras wrote is read, with Keras's numbers, and written again as Keras
-- wrote it; what we write we read. That Keras reads it is asked by hand: spec/golden/check_ours.py.

local k = require "lunula"
local declare = require "lunula.declare"
local json = require "lunula.saving.json"
local nest = require "lunula.utils.nest"
local paths = require "lunula.utils.paths"
local warn = require "lunula.utils.warn"
local golden = require "spec.support.golden"
local own = require "spec.support.own_models"

local layers = k.layers
local read = k.models.model_from_json
local custom = { custom_objects = own.custom }

local function quietly(fn)
  return function ()
    local sink = warn.sink
    local _ <close> = setmetatable({}, { __close = function () warn.sink = sink end })
    warn.sink = function () end
    fn()
  end
end

local function tensors(records)
  local list = {}
  for i, record in ipairs(records) do list[i] = golden.tensor(record.tensor or record) end
  return list
end

local function flat_results(...)
  local results, flat = table.pack(...), {}
  for i = 1, results.n do
    nest.each(results[i], function (y) flat[#flat + 1] = y end)
  end
  return flat
end

-- From the beginning, if there are states of earlier calls.
local function call(model, inputs)
  for _, layer in ipairs(model.layers) do
    if layer.stateful then layer:reset_state() end
  end
  return flat_results(model(#inputs == 1 and inputs[1] or inputs, { training = false }))
end

local function predict(model, inputs)
  return flat_results(model:predict(#inputs == 1 and inputs[1] or inputs,
    { batch_size = inputs[1].shape[1], verbose = 0 }))
end

local function same_numbers(got, wanted, tolerance)
  assert.equal(#wanted, #got)
  for i, y in ipairs(wanted) do
    assert.same(y.shape, got[i].shape)
    assert.near_all(got[i], y, tolerance or 0)
  end
end

-- Text, model, text: the same; and the same numbers with the same weights.
local function check_round_trip(model, inputs)
  local text = model:to_json(custom)
  local copy = read(text, custom)
  assert.equal(text, copy:to_json(custom))
  if not inputs then return copy end
  local wanted = call(model, inputs)
  if not copy.built then call(copy, inputs) end
  copy:set_weights(model:get_weights())
  same_numbers(call(copy, inputs), wanted)
  return copy
end

-- ---- models of Keras ---------------------------------------------------------------------------

-- Inputs of strings are no inputs of a graph: json_errors_spec.lua.
local unreadable = { k3_string_preprocessing = true }

-- Texts that say less than Keras would, or other names.
local shortened = { k3_text_minimal = true, k3_custom_layer = true, k3_compiled = true }

-- What differs without a difference: shapes that layers were built with, None, policies and their
-- names, masks that are not there, NumPy's and Keras's own tensors, a tensor given by position or
-- by name.
local function plain(value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, inner in pairs(value) do
    if key ~= "build_config" and inner ~= k.None then copy[key] = plain(inner) end
  end
  if copy.class_name == "DTypePolicy" then return copy.config.name end
  if copy.class_name == "__numpy__" then copy.class_name = "__tensor__" end
  local kwargs = copy.kwargs
  if kwargs then
    if kwargs.mask and kwargs.mask[1] == nil then kwargs.mask = nil end
    if kwargs.value then
      copy.args[2], kwargs.value = kwargs.value, nil
    end
  end
  return copy
end

-- A model within, built by its own shape, is not yet within another one when it is read.
local function check_paths(model, record)
  if record.source ~= "keras" then return end
  for i, weight in ipairs(record.weights) do
    local path = paths.of(model.weights[i])
    if weight.path ~= path then assert.equal("/" .. path, weight.path:sub(-#path - 1)) end
  end
end

local names = {}
for file in io.popen "ls spec/golden/models":lines() do
  names[#names + 1] = file:match "^(.*)%.json$"
end

describe("a model that Keras wrote", function ()
  for _, name in ipairs(names) do
    local record = not unreadable[name] and golden.read("models/" .. name .. ".json")
    if record then
      it("is read: " .. name, quietly(function ()
        local model = read(record.json, custom)
        if not record.inputs then return check_round_trip(model) end
        local inputs = tensors(record.inputs)
        if not model.built then call(model, inputs) end
        check_paths(model, record)
        model:set_weights(tensors(record.weights))
        same_numbers(predict(model, inputs), tensors(record.outputs), 2e-5)
        if record.source == "keras" then
          assert.same(record.output_names, model.output_names)
        end
        check_round_trip(model, inputs)
      end))
    end
    if record and record.source == "keras" and not shortened[name] then
      it("is written as Keras wrote it: " .. name, quietly(function ()
        local model = read(record.json, custom)
        assert.same(plain(json.decode(record.json)), plain(json.decode(model:to_json())))
      end))
    end
  end
end)

-- ---- models of ours ----------------------------------------------------------------------------

describe("a model of ours", function ()
  for _, form in ipairs(own) do
    it("comes back: " .. form.name, quietly(function ()
      check_round_trip(form.make(k, layers), own.inputs(k, form))
    end))
  end

  for _, name in ipairs(layers.names()) do
    local made
    for _, case in ipairs(golden.read("layers/" .. name .. ".json") or {}) do
      if own.fits(case) and case.call.keywords.training ~= true then made = made or case end
    end
    if made then
      it("comes back with a layer " .. name, quietly(function ()
        check_round_trip(own.of_case(k, made))
      end))
    end
  end

  it("of one's own class comes back", function ()
    local Heads = k.model "Heads" {
      args = { { "units", "positive", default = 4 }, { "body", "layer" } },
      init = function (self) self.heads = { layers.Dense(self.units), layers.Dense(2) } end,
      call = function (self, x)
        x = self.body(x)
        return self.heads[1](x), self.heads[2](x)
      end,
    }
    local model = Heads { 3, body = layers.Dense { 5, activation = "relu" } }
    local x = k.ones { 2, 4 }
    local wanted = { model(x) }
    local text = model:to_json()
    local copy = read(text, { Heads = Heads })
    copy:set_weights(model:get_weights())          -- built as the text says
    same_numbers({ copy(x) }, wanted)
    assert.equal(text, copy:to_json())
  end)

  it("may have its own get_config and from_config", function ()
    local Steps = k.model "Steps" {
      init = function (self) self.steps = {} end,
      call = function (self, x)
        for _, step in ipairs(self.steps) do x = step(x) end
        return x
      end,
      get_config = function (self)
        return { name = self.name, steps = self.steps, note = k.None }
      end,
      from_config = function (class, config)
        assert.equal(k.None, config.note)
        local model = class { name = config.name }
        for i, step in ipairs(config.steps) do model.steps[i] = layers.deserialize(step) end
        return model
      end,
    }
    local model = Steps {}
    model.steps = { layers.Dense(3), layers.Activation "tanh" }
    local x = k.ones { 2, 4 }
    local wanted = model(x)
    local copy = read(model:to_json(), { custom_objects = { Steps = Steps } })
    copy(x)
    copy:set_weights(model:get_weights())
    assert.near_all(copy(x), wanted, 0)
  end)

  it("keeps a layer one that stands in several places", quietly(function ()
    local x = k.Input { shape = { 3, 4 } }
    local part = k.Sequential { k.Input { shape = { 4 } }, layers.Dense(4), name = "part" }
    local dense = layers.Dense { 4, name = "shared" }
    local inner = k.Model { inputs = x, outputs = dense(x), name = "inner" }
    local y = layers.TimeDistributed(part)(layers.TimeDistributed { part, name = "again" } (x))
    local model = k.Model { inputs = x, outputs = dense(inner(y)) }
    assert.equal(4, #model.weights)
    local text = model:to_json()
    assert.truthy(text:find('"shared_object_id": 2', 1, true))
    local copy = check_round_trip(model, { k.ones { 2, 3, 4 } })
    assert.equal(4, #copy.weights)
  end))

  it("starts with strings and comes back", quietly(function ()
    local model = k.Sequential {
      layers.StringLookup { vocabulary = { "dog", "cat" } },
      layers.Embedding { 3, 2 }, layers.Flatten {},
    }
    local x = { { "cat", "cow" }, { "dog", "cat" } }
    local wanted = model:predict(x, { verbose = 0 })
    local copy = read(model:to_json())
    copy:set_weights(model:get_weights())
    assert.near_all(copy:predict(x, { verbose = 0 }), wanted, 0)
  end))
end)

-- ---- the text ----------------------------------------------------------------------------------

describe("the text", function ()
  it("has Keras's fields in Keras's order", function ()
    local model = k.Sequential { k.Input { shape = { 3 }, name = "i" },
      layers.Dense { 2, name = "d", kernel_initializer = "zeros" }, name = "s" }
    local policy = '{"module": "keras", "class_name": "DTypePolicy", '
      .. '"config": {"name": "float32"}, "registered_name": null}'
    local zeros = '{"module": "keras.initializers", "class_name": "Zeros", "config": {}, '
      .. '"registered_name": null}'
    assert.equal('{"module": "keras", "class_name": "Sequential", "config": {"name": "s", '
      .. '"trainable": true, "dtype": ' .. policy .. ', "layers": [{"module": "keras.layers", '
      .. '"class_name": "InputLayer", "config": {"name": "i", "dtype": "float32", '
      .. '"sparse": false, "ragged": false, "batch_shape": [null, 3], "optional": false}, '
      .. '"registered_name": null}, {"module": "keras.layers", "class_name": "Dense", '
      .. '"config": {"name": "d", "trainable": true, "dtype": ' .. policy .. ', "units": 2, '
      .. '"activation": "linear", "use_bias": true, "kernel_initializer": ' .. zeros
      .. ', "bias_initializer": ' .. zeros .. ', "kernel_regularizer": null, '
      .. '"bias_regularizer": null, "kernel_constraint": null, "bias_constraint": null}, '
      .. '"registered_name": null, "build_config": {"input_shape": [null, 3]}}], '
      .. '"build_input_shape": [null, 3]}, "registered_name": null, '
      .. '"build_config": {"input_shape": [null, 3]}, "compile_config": {}}', model:to_json())
  end)

  it("is the same every time, in lines when that is wished", function ()
    local model = k.Sequential { layers.Dense { 2, name = "d" }, name = "s" }
    assert.equal(model:to_json(), model:to_json())
    local lines = model:to_json { indent = 2 }
    assert.truthy(lines:find('\n  "class_name": "Sequential",\n', 1, true))
    assert.equal(model:to_json(), read(lines):to_json())
    assert.error_at_line(function () model:to_json { indnt = 2 } end, "indnt")
    assert.error_at_line(function () model:to_json { indent = "2" } end,
      'to_json: indent must be a whole number of at least 0, got "2"')
  end)

  it("keeps whole numbers and floats apart, to the last digit", function ()
    local values = { 1, 1.0, 0.1, 1e-7, 0.009999999776482582, 1e300, -0.0, 1 / 3, 2^53 }
    local text = json.encode(values)
    assert.equal("[1, 1.0, 0.1, 1e-07, 0.009999999776482582, 1e+300, -0.0, 0.3333333333333333, "
      .. "9007199254740992.0]", text)
    for i, value in ipairs(json.decode(text)) do
      assert.equal(values[i], value)
      assert.equal(math.type(values[i]), math.type(value))
    end
  end)

  it("leaves out closures that the model was compiled with, and says so", function ()
    local model = k.Sequential { k.Input { shape = { 3 } }, layers.Dense(1) }
    model:compile { optimizer = "sgd", loss = function (y, p) return (y - p) ^ 2 end }
    local said
    local sink = warn.sink
    warn.sink = function (text) said = text end
    local text = model:to_json()
    warn.sink = sink
    assert.truthy(said:find("compiled", 1, true))
    assert.truthy(text:find('"compile_config": {}', 1, true))
  end)

  it("tells activations with options as Keras does, or so that Keras refuses them", function ()
    local function written(activation)
      local model = k.Sequential { k.Input { shape = { 3 } }, layers.Dense { 2, activation } }
      check_round_trip(model, { k.ones { 2, 3 } })
      local record = json.decode(model:to_json()).config.layers[2].config.activation
      return record.module, record.class_name, record.registered_name
    end
    local a = k.activations
    assert.same({ "keras.layers", "ReLU", k.None }, { written(a.relu { max_value = 6 }) })
    assert.same({ k.None, "hard_sigmoid", "hard_sigmoid" },
      { written(a.hard_sigmoid { slope = 0.2 }) })
    assert.same({ "keras.layers", "LeakyReLU", k.None },
      { written(layers.LeakyReLU { 0.1, name = "leak" }) })
    local read_layer = layers.deserialize { class_name = "Dense", config = { units = 2,
      activation = { class_name = "LeakyReLU", config = { name = "leak", alpha = 0.25 } } } }
    assert.equal(0.25, read_layer.activation.negative_slope)
  end)

  it("keeps what the model was compiled with", function ()
    local model = k.Sequential { k.Input { shape = { 3 } }, layers.Dense(1) }
    model:compile { optimizer = k.optimizers.SGD { 0.5, momentum = 0.25 }, loss = "mse",
      metrics = { "mae" } }
    local copy = read(model:to_json())
    assert.equal(0.25, copy.optimizer.momentum)
    copy:fit(k.ones { 4, 3 }, k.ones { 4, 1 }, { verbose = 0 })
  end)
end)

-- ---- names of users ----------------------------------------------------------------------------

describe("what a user made", function ()
  local function cube(x) return x ^ 3 end

  it("is given by name for each reading", function ()
    local model = k.Sequential { k.Input { shape = { 2 } },
      layers.Lambda { cube, name = "third_power" },
      layers.Dense { 2, activation = cube, kernel_initializer = function (shape)
        return k.ones(shape)
      end } }
    local function ones(shape) return k.ones(shape) end
    assert.error_at_line(function () model:to_json() end,
      "to_json: at .config.layers[2].config.activation: a Lua function without a name cannot be "
      .. "written; give it one in custom_objects, or by register_keras_serializable")
    model = k.Sequential { k.Input { shape = { 2 } },
      layers.Lambda { cube, name = "third_power" },
      layers.Dense { 2, activation = cube, kernel_initializer = ones } }
    local objects = { cube = cube, ones = ones }
    local text = model:to_json { custom_objects = objects }
    local copy = read(text, { custom_objects = objects })
    local x = k.tensor { { 1, 2 } }
    assert.near_all(copy(x), model(x), 0)
    assert.equal(text, copy:to_json())             -- the names are remembered
    assert.error_at_line(function () read(text) end,
      'no function is known by the name "cube"; pass it in custom_objects')
  end)

  it("a closure of a Lambda has the name of its layer when it has none", function ()
    local model = k.Sequential { k.Input { shape = { 2 } },
      layers.Lambda { function (x) return x * 2 end, name = "twice" } }
    local text = model:to_json()
    local copy = read(text, { twice = function (x) return x * 2 end })
    assert.near_all(copy(k.ones { 1, 2 }), { { 2, 2 } })
    assert.error_at_line(function () read(text) end, 'no function is known by the name "twice"')
  end)

  it("may stand for code of Python, which is never executed", function ()
    for _, code in ipairs { '{"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}',
        '["4wEAAAA=", null, null]' } do
      local text = ([[{"module": "keras", "class_name": "Sequential", "config": {"name": "s",
        "layers": [{"module": "keras.layers", "class_name": "InputLayer",
        "config": {"batch_shape": [null, 2]}}, {"module": "keras.layers", "class_name": "Lambda",
        "config": {"name": "odd", "function": %s}}]}}]]):format(code)
      assert.error_at_line(function () read(text) end, "the file holds Python code, which is "
        .. 'never executed; pass a function named "odd" in custom_objects')
      local model = read(text, { odd = function (x) return x + 1 end })
      assert.near_all(model(k.zeros { 1, 2 }), { { 1, 1 } })
    end
  end)

  it("replaces a class of ours only when it is given", function ()
    local text = k.Sequential { k.Input { shape = { 2 } }, layers.ReLU {} } :to_json()
    local Mine = k.layer "ReLU" {
      args = { "max_value", "negative_slope", "threshold" },
      call = function (_, x) return x * 0 end,
    }
    assert.near_all(read(text)(k.ones { 1, 2 }), { { 1, 1 } })
    assert.near_all(read(text, { ReLU = Mine })(k.ones { 1, 2 }), { { 0, 0 } })
    declare.registry("layer").ReLU = layers.find "ReLU"
  end)
end)

-- ---- Keras 2 -----------------------------------------------------------------------------------

describe("a text of Keras 2", function ()
  local function stack(first, version)
    return ([[{"class_name": "Sequential", "config": {"name": "s", "layers": [%s]}%s}]]):format(
      first, version and (', "keras_version": "%s"'):format(version) or "")
  end

  local function gru(more)
    return ([[{"class_name": "GRU", "config": {"name": "g", "units": 2,
      "batch_input_shape": [null, 3, 2]%s}}]]):format(more or "")
  end

  it("has the hard sigmoid of Keras 2", function ()
    local dense = [[{"class_name": "Activation", "config": {"name": "a",
      "activation": "hard_sigmoid", "batch_input_shape": [null, 1]}}]]
    local x = k.tensor { { 1 } }
    assert.near_all(read(stack(dense, "2.2.4"))(x), { { 0.7 } })
    assert.near_all(read(stack(dense))(x), { { 0.7 } })
    assert.near_all(read(stack(dense, "3.1.0"))(x), { { 2 / 3 } })
    local text = read(stack(dense, "2.2.4")):to_json()
    assert.near_all(read(text)(x), { { 0.7 } })
  end)

  it("has the gates of its version", function ()
    local function gates(more, version)
      local layer = read(stack(gru(more), version)).layers[1]
      return layer.reset_after, declare.class_of(layer.recurrent_activation).name
    end
    assert.same({ false, "hard_sigmoid" }, { gates("", "2.2.4") })
    assert.same({ false, "sigmoid" }, { gates("", "2.3.1") })
    assert.same({ true, "sigmoid" }, { gates(', "reset_after": true', "2.21.0") })
    assert.same({ false, "tanh" }, { gates(', "recurrent_activation": "tanh"', "2.1.0") })
    assert.same({ true, "sigmoid" }, { gates("", "3.0.0") })
  end)

  it("may nest and share and call with constants", function ()
    local text = [=[{"class_name": "Model", "keras_version": "2.4.0", "config": {"name": "m",
      "layers": [
        {"class_name": "InputLayer", "name": "a", "config": {"batch_input_shape": [null, 2],
          "dtype": "float32", "sparse": false, "name": "a"}, "inbound_nodes": []},
        {"class_name": "TFOpLambda", "name": "minus", "config": {"name": "minus",
          "trainable": true, "dtype": "float32", "function": "math.subtract"},
          "inbound_nodes": [["_CONSTANT_VALUE", -1, 1.0, {"y": ["a", 0, 0], "name": null}]]},
        {"class_name": "TFOpLambda", "name": "both", "config": {"name": "both",
          "trainable": true, "dtype": "float32", "function": "concat"},
          "inbound_nodes": [[["a", 0, 0, {"axis": 1}], ["minus", 0, 0, {"axis": 1}]]]},
        {"class_name": "SlicingOpLambda", "name": "cut", "config": {"name": "cut",
          "trainable": true, "dtype": "float32", "function": "__operators__.getitem"},
          "inbound_nodes": [["both", 0, 0, {"slice_spec": [{"start": null, "stop": null,
          "step": null}, {"start": 1, "stop": null, "step": null}, null]}]]}],
      "input_layers": [["a", 0, 0]], "output_layers": [["cut", 0, 0]]}}]=]
    local model = read(text)
    assert.near_all(model(k.tensor { { 3, 5 } }), { { { 5 }, { -2 }, { -4 } } })
    check_round_trip(model, { k.tensor { { 3, 5 } } })
  end)
end)

-- ---- layers alone ------------------------------------------------------------------------------

describe("layers.serialize and deserialize", function ()
  it("keep the shapes a layer was built with", function ()
    local layer = layers.Dense { 3, name = "d" }
    assert.is_nil(layers.serialize(layer).build_config)
    layer:build { false, 4 }
    local record = layers.serialize(layer)
    assert.same({ "keras.layers", "Dense", { input_shape = { false, 4 } } },
      { record.module, record.class_name, record.build_config })
    local copy = layers.deserialize(json.decode(json.encode(record)))
    assert.same({ 4, 3 }, copy.kernel.shape)
    local attention = layers.MultiHeadAttention { 2, 3 }
    attention(k.ones { 1, 5, 4 }, k.ones { 1, 3, 6 })
    record = layers.serialize(attention)
    assert.same({ shapes_dict = { query_shape = { 1, 5, 4 }, value_shape = { 1, 3, 6 } } },
      record.build_config)
    assert.equal(attention:count_params(), layers.deserialize(record):count_params())
  end)

  it("know that an embedding needs no shape", function ()
    local layer = layers.Embedding { 5, 3 }
    layer:build()
    local text = json.encode(layers.serialize(layer))
    assert.truthy(text:find('"build_config": {"shapes_dict": {}}', 1, true))
    assert.same({ 5, 3 }, layers.deserialize(json.decode(text)).embeddings.shape)
    local record = layers.serialize(layers.Dense(3))
    record.build_config = { shapes_dict = {} }
    assert.error_at_line(function () layers.deserialize(record) end, "has no input_shape")
  end)

  it("read the tensors that configs hold", function ()
    local function tensor(kind, value)
      return { class_name = kind, config = { value = value, dtype = "float32" } }
    end
    local function auc(weights)
      return k.metrics.deserialize { module = "keras.metrics", class_name = "AUC",
        config = { multi_label = true, num_labels = 2, label_weights = weights } }
    end
    for _, kind in ipairs { "__tensor__", "__numpy__" } do
      assert.same({ 0.75, 0.25 }, auc(tensor(kind, { 0.75, 0.25 })).label_weights)
      local constant = k.initializers.deserialize {
        class_name = "Constant", config = { value = tensor(kind, { 1, 2 }) },
      }
      assert.near_all(constant { 2 }, { 1, 2 })
      local scale = layers.deserialize { class_name = "Normalization", config = {
        axis = { -1 }, mean = tensor(kind, { 1, 2 }), variance = tensor(kind, { 4, 4 }),
      } }
      assert.near_all(scale(k.tensor { { 3, 4 } }), { { 1, 1 } })
    end
    assert.same({ 0.75, 0.25 }, k.metrics.AUC { label_weights = k.tensor { 0.75, 0.25 } }
      .label_weights)
    assert.error_at_line(function () auc(tensor("__tensor__", { { 1 }, { 2 } })) end,
      "label_weights must be a list of numbers")
    assert.error_at_line(function () auc(tensor("__tensor__", { "a" })) end, "a number is wanted")
  end)

  it("read short records, and whole models", function ()
    assert.equal(5, layers.deserialize { class_name = "Dense", config = { units = 5 } } .units)
    local model = k.Sequential { k.Input { shape = { 3 } }, layers.Dense(2) }
    local copy = layers.deserialize(layers.serialize(model))
    assert.same({ 1, 2 }, copy(k.ones { 1, 3 }).shape)
    assert.equal(model, layers.deserialize(model))
  end)

  it("take None for what it is, and refuse it where it cannot be", function ()
    local record = json.decode [[{"class_name": "LSTM", "config": {"units": 2, "name": null,
      "activation": null, "use_bias": null}}]]
    local layer = layers.deserialize(record)
    assert.equal("linear", declare.class_of(layer.activation).name)
    assert.is_nil(layer.use_bias)
    assert.equal(k.None, layer:get_config().use_bias)
    assert.truthy(layer.name:find "^lstm")
    for name, wanted in pairs { dropout = "a number from 0 to 1", trainable = "true or false" } do
      record.config = { units = 2, [name] = k.None }
      assert.error_at_line(function () layers.deserialize(record) end,
        ("LSTM: %s must be %s, got None"):format(name, wanted))
    end
    local both = json.decode [[{"class_name": "Bidirectional", "config": {"merge_mode": null,
      "layer": {"class_name": "GRU", "config": {"units": 2}}}}]]
    assert.is_nil(layers.deserialize(both).merge_mode)
  end)
end)
