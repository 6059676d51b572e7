-- The ops of TensorFlow in models of Keras 2: options that mean something else there, or have other
-- defaults, give TensorFlow's numbers; what cannot be meant here is refused.

local k = require "lunula"

local read = k.models.model_from_json

-- A model of one op on x; outputs: how many there are.
local function model_of(op, options, outputs)
  local list = {}
  for i = 1, outputs or 1 do list[i] = ('["op", 0, %d]'):format(i - 1) end
  return read(([=[{"class_name": "Model", "keras_version": "2.4.0", "config": {"name": "m",
    "layers": [
      {"class_name": "InputLayer", "name": "x", "config": {"batch_input_shape": [2, 3],
        "dtype": "float32", "sparse": false, "name": "x"}, "inbound_nodes": []},
      {"class_name": "TFOpLambda", "name": "op", "config": {"name": "op", "trainable": true,
        "dtype": "float32", "function": "%s"}, "inbound_nodes": [["x", 0, 0, {%s}]]}],
    "input_layers": [["x", 0, 0]], "output_layers": [%s]}}]=]):format(op, options,
    table.concat(list, ", ")))
end

local x = k.tensor { { 3, 0, 0 }, { 4, 0, 12 } }

describe("an op of TensorFlow", function ()
  it("splits by sizes, not by positions", function ()
    local first, second = table.unpack { model_of("split",
      '"num_or_size_splits": [1, 2], "axis": 1', 2)(x) }
    assert.near_all(first, { { 3 }, { 4 } })
    assert.near_all(second, { { 0, 0 }, { 0, 12 } })
    assert.near_all(model_of("split", '"num_or_size_splits": [3], "axis": 1')(x), x)
    assert.error_at_line(function ()
      model_of("split", '"num_or_size_splits": [-1, 2], "axis": 1', 2)
    end, "at .config.layers[1]: a split by sizes takes whole numbers, got {-1, 2}")
  end)

  it("sums up along the first axis when none is said", function ()
    assert.near_all(model_of("math.cumsum", "")(x), { { 3, 0, 0 }, { 7, 0, 12 } })
    assert.near_all(model_of("math.cumsum", '"axis": 1, "reverse": true')(x),
      { { 3, 0, 0 }, { 16, 12, 12 } })
  end)

  it("normalizes along axes that are said, from the square of an epsilon", function ()
    for _, options in ipairs { "", '"axis": null' } do
      assert.error_at_line(function () model_of("math.l2_normalize", options) end,
        "at .config.layers[1]: l2_normalize without an axis is not read")
    end
    local rows = model_of("math.l2_normalize", '"axis": 1, "epsilon": 100.0')
    assert.near_all(rows(x), { { 0.3, 0, 0 }, { 4 / 160 ^ 0.5, 0, 12 / 160 ^ 0.5 } }, 1e-6)
    assert.near_all(model_of("math.l2_normalize", '"axis": 1')(x * 1e-9),
      { { 3e-3, 0, 0 }, { 4e-3, 0, 12e-3 } }, 1e-6)
  end)

  it("refuses an option that would be left out", function ()
    for _, name in ipairs { "adjoint_a", "adjoint_b" } do
      assert.error_at_line(function ()
        model_of("linalg.matmul", ('"b": ["x", 0, 0], "%s": true'):format(name))
      end, ('at .config.layers[1]: the op matmul has no option "%s"'):format(name))
    end
    local other = model_of("linalg.matmul",
      '"b": ["x", 0, 0], "transpose_b": true, "adjoint_a": false')
    assert.near_all(other(x), { { 9, 12 }, { 12, 160 } })
  end)

  it("that is not known is not suggested", function ()
    local ok, problem = pcall(model_of, "math.squared_difference", "")
    assert.is_false(ok)
    assert.matches('the op "math.squared_difference" of TensorFlow is not known here', problem)
    assert.is_nil(tostring(problem):find('did you mean "math.squared_difference"', 1, true))
  end)
end)
