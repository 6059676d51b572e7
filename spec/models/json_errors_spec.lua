-- What is wrong with a text that describes a model: the error tells the place in the text, and
-- stands at the user's line.

local k = require "lunula"

local layers = k.layers
local read = k.models.model_from_json

local function stack(entries)
  return '{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": ['
    .. entries .. "]}}"
end

local input = [[{"module": "keras.layers", "class_name": "InputLayer", "name": "i",
  "config": {"batch_shape": [null, 3], "name": "i"}, "inbound_nodes": []}]]

local function graph(entries, inputs, outputs)
  return ([[{"module": "keras.src.models.functional", "class_name": "Functional", "config": {
    "name": "f", "layers": [%s], "input_layers": %s, "output_layers": %s}}]]):format(
    input .. ", " .. entries, inputs or '["i", 0, 0]', outputs or '["d", 0, 0]')
end

-- A Dense called on a tensor.
local function dense(name, from, call, tensor, options)
  return ([[{"module": "keras.layers", "class_name": "Dense", "name": "%s",
    "config": {"units": 2, "name": "%s"}, "inbound_nodes": [{"args": [{
    "class_name": "__keras_tensor__", "config": {"shape": [null, 3], "dtype": "float32",
    "keras_history": ["%s", %d, %d]}}], "kwargs": {%s}}]}]]):format(name, name, from, call or 0,
    tensor or 0, options or "")
end

local function op(class, config, nodes)
  return ([[{"module": "keras.src.ops.numpy", "class_name": "%s", "name": "d",
    "config": {"name": "d"%s}, "inbound_nodes": %s}]]):format(class, config, nodes)
end

-- { what, text, message, custom objects }
local cases = {
  { "no text", 3, "model_from_json takes the text of a model, got 3" },
  { "no JSON", "{", "model_from_json: this is no JSON: unterminated object at line 1, column 1" },
  { "more than JSON", "{} {}",
    "this is no JSON: there is more after the value at line 1, column 4" },
  { "deep JSON", ("["):rep(100000),
    "this is no JSON: nested too deeply, more than 500 levels, at line 1, column 501" },
  { "no model", "3", "a model is an object, got 3" },
  { "no class", "{}", "a layer has a class_name, got {}" },
  { "a layer", '{"class_name": "Dense", "config": {"units": 3}}',
    '(Dense); a model is wanted (layers.deserialize reads layers)' },
  { "an unknown model", '{"class_name": "Squential", "config": {}}',
    'unknown layer "Squential" (did you mean "Sequential"?)' },
  { "an unknown class", stack '{"class_name": "Dnse", "config": {"units": 3}}',
    'model_from_json: at .config.layers[0]: layer "s" (Sequential): unknown layer "Dnse" (did '
    .. 'you mean "Dense"?); classes of your own are given in custom_objects' },
  { "an unknown field of a layer", stack '{"class_name": "Dense", "confg": {"units": 3}}',
    'at .config.layers[0]: layer "s" (Sequential): a layer has an unknown field "confg" (did you '
    .. 'mean "config"?)' },
  { "an unknown field of a config",
    stack '{"class_name": "Dense", "config": {"unit": 3, "name": "d"}}',
    'at .config.layers[0].config: layer "d" (Dense): Dense: unknown option "unit" in the config '
    .. '(did you mean "units"?)' },
  { "an unknown field of a model", '{"class_name": "Sequential", "config": {"layer": []}}',
    'at .config: the config of a Sequential has an unknown field "layer" (did you mean "layers"?)'
  },
  { "an unknown field inside", stack [[{"class_name": "Dense", "config": {"units": 3,
    "name": "d", "kernel_initializer": {"class_name": "Constant", "config": {"valu": 3}}}}]],
    'at .config.layers[0].config.kernel_initializer.config: layer "d" (Dense): Constant: unknown '
    .. 'option "valu" in the config (did you mean "value"?)' },
  { "a wrong value", stack '{"class_name": "Dense", "config": {"units": -3, "name": "d"}}',
    'at .config.layers[0].config: layer "d" (Dense): Dense: units must be a positive integer, '
    .. "got -3" },
  { "a wrong value inside a wrapper", stack [[{"class_name": "TimeDistributed", "config": {
    "name": "t", "layer": {"class_name": "Dense", "config": {"units": "a"}}}}]],
    'at .config.layers[0].config.layer.config: layer "t" (TimeDistributed): Dense: units must be '
    .. 'a positive integer, got "a"' },
  { "a wrong value in a list of cells", stack [[{"class_name": "RNN", "config": {"name": "r",
    "cell": {"class_name": "StackedRNNCells", "config": {"cells": [
    {"class_name": "GRUCell", "config": {"units": 2}},
    {"class_name": "GRUCell", "config": {"units": 0}}]}}}}]],
    "at .config.layers[0].config.cell.config.cells" },
  { "two of a name", stack [[{"class_name": "ReLU", "config": {"name": "a"}},
    {"class_name": "ReLU", "config": {"name": "a"}}]],
    'at .config.layers[1]: layer "s" (Sequential): there is another layer named "a"' },
  { "layers that are no list", '{"class_name": "Sequential", "config": {"layers": {"a": 1}}}',
    "at .config.layers: a list of layers is wanted, got {a=1}" },
  { "layers that do not fit", stack [[{"class_name": "InputLayer", "config": {
    "batch_shape": [null, 3]}}, {"class_name": "Conv2D", "config": {"filters": 3,
    "kernel_size": 3, "name": "c"}}]],
    'at .config.layers[1]: layer "c" (Conv2D): takes an input of rank 4, got shape (None, 3)' },
  { "a nested model that is broken", stack(graph(dense("d", "x"))),
    'at .config.layers[0].config.layers[1].inbound_nodes[0].args: layer "f" (Functional): there '
    .. 'is no layer "x"' },

  { "a layer that is not there", graph(dense("d", "x")),
    'at .config.layers[1].inbound_nodes[0].args: layer "f" (Functional): there is no layer "x"' },
  { "a call that is not there", graph(dense("d", "i", 1)),
    'at .config.layers[1].inbound_nodes[0].args: layer "f" (Functional): layer "i" has 1 call, '
    .. "counted from 0; there is no call 1" },
  { "a tensor that is not there", graph(dense("d", "i", 0, 1)),
    'at .config.layers[1].inbound_nodes[0]: layer "f" (Functional): call 0 of layer "i" gives 1 '
    .. "tensor, counted from 0; there is no tensor 1" },
  { "an unknown option of a call", graph(dense("d", "i", 0, 0, '"maks": 3')),
    'at .config.layers[1].inbound_nodes[0]: layer "d" (Dense): the call got an unknown option '
    .. '"maks" (did you mean "mask"?)' },
  { "a circle", graph(dense("d", "e") .. ", " .. dense("e", "d")),
    'at .config.layers[1].inbound_nodes[0]: layer "f" (Functional): the layers "d", "e" wait for '
    .. "each other" },
  { "a small circle", graph(dense("d", "d")), 'layer "d" waits for itself' },
  { "calls that are no list", graph(op("Sum", "", "3")),
    "at .config.layers[1].inbound_nodes: layer \"f\" (Functional): a list of calls is wanted" },
  { "a call that is none", graph(op("Sum", "", "[3]")),
    'at .config.layers[1].inbound_nodes[0]: layer "f" (Functional): a call is wanted, got 3' },
  { "an unknown op", graph(op("Sun", "", "[]")),
    'at .config.layers[1]: layer "d" (Sun): unknown op "Sun" (did you mean "Sin"?)' },
  { "an unknown option of an op", graph(op("Sum", ', "axes": 1', "[]")),
    'at .config.layers[1].config: layer "d" (Sum): Sum: unknown option "axes" in the config' },
  { "an input that is not there", graph(dense("d", "i"), '["j", 0, 0]'),
    'at .config.input_layers: layer "f" (Functional): there is no layer "j"' },
  { "an output that is not there", graph(dense("d", "i"), nil, '[["d", 0, 0], ["d", 2, 0]]'),
    'at .config.output_layers[1]: layer "f" (Functional): layer "d" has 1 call, counted from 0; '
    .. "there is no call 2" },
  { "an output by name that is not there", graph(dense("d", "i"), nil, '{"a": ["d", 0, 3]}'),
    'at .config.output_layers.a: layer "f" (Functional): call 0 of layer "d" gives 1 tensor' },
  { "no outputs", graph(dense("d", "i"), nil, "[]"),
    'at .config.output_layers: layer "f" (Functional): the ends of a model are told by' },
  { "an op of TensorFlow", [[{"class_name": "Sequential", "keras_version": "2.4.0", "config": {
    "layers": [{"class_name": "TFOpLambda", "config": {"name": "x", "function": "math.foo"}}]}}]],
    'at .config.layers[0]: the op "math.foo" of TensorFlow is not known here' },
  { "a batch normalization by samples", [[{"class_name": "Sequential", "keras_version": "1.2.2",
    "config": {"name": "s", "layers": [{"class_name": "BatchNormalization", "config": {"mode": 1,
    "name": "b"}}]}}]], 'BatchNormalization: unknown option "mode"' },
  { "a batch normalization of parts", [[{"class_name": "Sequential", "keras_version": "2.4.0",
    "config": {"name": "s", "layers": [{"class_name": "BatchNormalization", "config": {"name": "b",
    "fused": false, "adjustment": null, "virtual_batch_size": 8}}]}}]],
    'BatchNormalization: unknown option "virtual_batch_size"' },
  { "an unknown optimizer", [[{"class_name": "Sequential", "config": {"layers": []},
    "compile_config": {"optimizer": "adm", "loss": "mse"}}]],
    'at .compile_config: unknown optimizer "adm" (did you mean "adam"?)' },
  { "an unknown metric", [[{"class_name": "Sequential", "config": {"layers": []},
    "compile_config": {"optimizer": "adam", "metrics": [{"class_name": "Foo", "config": {}}]}}]],
    'at .compile_config.metrics[0]: unknown metric "Foo"' },
  { "a custom object that is none", stack '{"class_name": "Foo", "config": {}}',
    '"Foo" stands for function', { Foo = function () end } },
  { "custom objects that are none", stack "", "custom_objects is a table of classes and functions "
    .. "by name, got 3", 3 },
}

describe("a text that is wrong", function ()
  for _, case in ipairs(cases) do
    it("because of " .. case[1], function ()
      assert.error_at_line(function () read(case[2], case[4]) end, case[3])
    end)
  end

  it("is told of in layers.deserialize and from_config too", function ()
    assert.error_at_line(function ()
      layers.deserialize { class_name = "TimeDistributed",
        config = { layer = { class_name = "Dense", config = { unit = 3 } } } }
    end, 'layers.deserialize: at .config.layer.config: Dense: unknown option "unit"')
    assert.error_at_line(function ()
      k.Model.from_config { layers = {}, input_layers = { "a", 0, 0 }, output_layers = {} }
    end, 'Model.from_config: at .input_layers: there is no layer "a"')
    assert.error_at_line(function () k.Sequential.from_config { layers = { 3 } } end,
      "Sequential.from_config: at .layers[0]: a layer is an object, got 3")
  end)

  it("leaves nothing behind", function ()
    assert.is_false(pcall(read, graph(dense("d", "x"))))
    assert.error_at_line(function () layers.Dense(-1) end, "Dense: units must be")
    local model = read(graph(dense("d", "i")))
    assert.same({ 2, 2 }, model(k.ones { 2, 3 }).shape)
  end)
end)

describe("a model that cannot be written", function ()
  it("is an error that tells the layer", function ()
    local x = k.Input { shape = { 2 } }
    local v = layers.Dense(1)
    v:build { false, 3 }
    local model = k.Model { inputs = x, outputs = x * v.bias }
    assert.error_at_line(function () model:to_json() end, "to_json: at .config.layers[1]"
      .. '.inbound_nodes[0]: the variable "bias" is used outside of a layer')
  end)
end)
