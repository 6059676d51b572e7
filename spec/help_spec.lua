-- k.help: every function of a module has a text, every text has its function; what it answers.

local k = require "lunula"
local declare = require "lunula.declare"
local functions = require "lunula.help.functions"
local help = require "lunula.help"
local live_names = require "spec.support.live_names"
local options = require "lunula.help.options"

-- What users do not call, and what Input{} and the doors tell.
local untold = {
  ["saving.check_ending"] = true, ["saving.load_training"] = true, ["saving.save_training"] = true,
  ["config.layout"] = true, ["models.declare"] = true,
}

-- Names that are said to be missing: their texts wait for them.
local function waiting()
  local names = {}
  for line in io.lines "spec/support/names_missing.txt" do names[line:match "%S*$"] = true end
  return names
end

local function check(x, ...)
  local text, message = help.text(x)
  assert.is_string(text, message)
  for _, word in ipairs { ... } do
    assert.is_truthy(text:find(word, 1, true), ("%q is not in:\n%s"):format(word, text))
  end
end

describe("k.help", function ()
  local model = k.Sequential { k.Input { shape = { 3 } }, k.layers.Dense(2) }
  local ask = k.help   -- the facade hands itself in

  for _, module in ipairs(functions.of_modules) do
    it("has a sentence for all functions of k." .. module, function ()
      local missing = {}
      for name, value in pairs(k[module]) do
        local text = type(value) == "function" and help.text(name)
        if type(value) == "function" and not untold[module .. "." .. name]
          and not (text and text:find "\n") then
          missing[#missing + 1] = name
        end
      end
      assert.equal("", table.concat(missing, " "))
    end)

    it("has no text for what is not in k." .. module, function ()
      local left, expected = {}, waiting()
      for name in pairs(functions[module]) do
        if k[module][name] == nil and not expected[module .. "." .. name] then
          left[#left + 1] = name
        end
      end
      assert.equal("", table.concat(left, " "))
    end)
  end

  it("knows the classes of all modules by name", function ()
    local missing = {}
    for _, row in ipairs(functions.modules) do
      for name, value in pairs(k[row[1]]) do
        if declare.is_class(value) and not help.text(name) then
          missing[#missing + 1] = row[1] .. "." .. name
        end
      end
    end
    assert.equal("", table.concat(missing, " "))
    check("DataParallel", "auto_shard_dataset")
  end)

  it("knows the facade and its modules", function ()
    for name in pairs(functions.facade) do assert.is_function(k[name], name) end
    for name, value in pairs(k) do
      local told = type(value) ~= "function" or functions.facade[name] or help.text(value)
      assert.is_truthy(told, name)
    end
    for _, row in ipairs(functions.modules) do
      assert.is_table(k[row[1]])
      check(k[row[1]], "k." .. row[1] .. ": ")
      check(row[1], "k." .. row[1] .. ": ")
    end
    for _, row in ipairs(functions.inner) do check(row[1], "k." .. row[1] .. ": " .. row[2]) end
    check(k.utils.bounding_boxes, "k.utils.bounding_boxes: ", "compute_iou")
  end)

  it("knows methods that are there", function ()
    for owner, list in pairs(functions.methods) do
      local word = owner == "model" and "sequential" or owner == "tensor" and "variable"
        or owner == "callback" and "callback_list" or owner
      for name in pairs(list) do
        assert.is_true(owner == "tensor" and k.ones { 1 }[name] ~= nil
          or live_names.has(word .. ":" .. name) or false, owner .. ":" .. name)
      end
    end
  end)

  it("has a text for every hook of callbacks, and every kind of features", function ()
    for _, name in ipairs(require("lunula.callbacks.callback").hooks) do
      assert.is_table(functions.methods.callback[name], name)
    end
    for name in pairs(require("lunula.features.kinds").doors) do
      local told = functions.methods.feature_space[name]
        or help.text("FeatureSpace"):find("FeatureSpace." .. name .. " {", 1, true)
      assert.is_truthy(told, name)
    end
  end)

  it("knows fields", function ()
    check("trainable_weights", "layer.trainable_weights\n  The weights that training changes.")
    check("layer.input_spec", "What the inputs must be like.")
  end)

  it("knows all options of fit and its kin, and none else", function ()
    local left = {}
    for name in pairs(options) do left[name] = true end
    for name, row in pairs(functions.methods.model) do
      for _, option in ipairs(row.module and require(row.module).options or {}) do
        assert.is_string(options[option], option)
        left[option] = nil
        check(name, ("\n  %s "):format(option))
      end
    end
    assert.is_nil(next(left))
  end)

  it("answers names, values and objects", function ()
    assert.is_function(ask)
    check(nil, "k.layers ", "k.utils ", "k.help(x)", '"?padding"', "value_and_grad")
    check("fit", "model:fit(x, y, { batch_size=", "Trains on samples")
    check("mish", "mish{}", "tanh(softplus(x))")
    check(k.losses.mse, "k.losses.mean_squared_error(y_true, y_pred", "mean (y_true - y_pred)^2")
    check("batch_dot", "k.backend.batch_dot(x, y, axes=None)\n  Products of rows")
    check(k.backend.batch_dot, "k.backend.batch_dot(")
    check("on_epoch_end", "callback:on_epoch_end(epoch, logs)\n  An epoch of fit ends")
    check(model.fit, "model:fit(x, y, {")
    check("model:summary", "line_length=", "Prints the layers")
    check(model.layers[1].count_params, "layer:count_params()")
    check("to_categorical", "k.utils.to_categorical(x, num_classes)", "Class ids")
    check(k.utils.to_categorical, "k.utils.to_categorical(x")
    check("k.utils.plot_model", "show_shapes=", ".svg")
    check("timeseries_dataset_from_array", "sequence_stride=1")
    check(k.data.from, "k.data.from(x, y)")
    check("TensorBoard", "log_dir")
    check("zeros", "ops.zeros(", "k.zeros(shape, dtype)")
    check(k.zeros, "k.zeros(shape, dtype)")
    check(k.ones { 2 }.sum, "ops.sum(x, axis")
    check(k.random.normal, "k.random.normal(shape")
    check(k.ops, "softmax", "cumsum")
    check(k.layers, "Dense", "TimeDistributed")
    check(k.ops.image, "k.ops.image: ops on images", "resize")
    check("k.ops.linalg", "k.ops.linalg: ", "solving")
    check(k, "k.layers ", "Sequential", "value_and_grad")
    check(k.None, "Keras's None")
    check(k.preprocessing.sequence, "pad_sequences")
    check(k.metric, 'k.metric "Name"', "update_state")
    check("k.optimizer", "update_step", "learning_rate")
    check("callback", "on_epoch_end", "epoch counts from 0")
    check(k.loss, "function (self, y_true, y_pred)")
  end)

  it("looks for a word", function ()
    check("?padding", "  Conv2D ", "  MaxPooling2D ", "utils.pad_sequences")
    check("? one_hot", "  ops.one_hot ")
    assert.is_truthy(help.text "?padding":find "^  ZeroPadding1D")
    assert.is_truthy(help.text "?a":find "… and %d+ more$")
    local nothing, message = help.text "?no such thing"
    assert.is_nil(nothing)
    assert.equal('nothing is found for "no such thing"', message)
    assert.is_truthy(select(2, help.text "from_lists"):find('k.help "?from_lists" looks', 1, true))
  end)
end)
