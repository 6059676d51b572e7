-- Losses against the numbers of Keras (t and p below), their weights, masks and refusals.

local k = require "lunula"

local t, p = { { 0, 1 }, { 1, 0 } }, { { .6, .4 }, { .3, .7 } }

local function value(loss, y_true, y_pred, weight)
  return loss(k.tensor(y_true or t), k.tensor(y_pred or p), weight):item()
end

local class_names = {}
for name, class in pairs(k.losses) do
  local is_class = type(class) == "table" and class.name == name
  if is_class and name ~= "Loss" and name ~= "LossFunctionWrapper" then
    class_names[#class_names + 1] = name
  end
end

describe("losses", function()
  local golden = {
    MeanSquaredError = .425, MeanAbsoluteError = .65, MeanSquaredLogarithmicError = .203815,
    CosineSimilarity = -.47431, Huber = .2125, LogCosh = .198703, Hinge = 1.15,
    SquaredHinge = 1.575,
    CategoricalHinge = 1.3, KLDivergence = 1.06013, Poisson = 1.030066,
    BinaryCrossentropy = 1.060132,
    BinaryFocalCrossentropy = .459906, CategoricalCrossentropy = 1.060132,
    CategoricalFocalCrossentropy = .114976, Dice = .65, Tversky = .65,
  }
  for name, wanted in pairs(golden) do
    it("gives Keras's number for " .. name, function()
      assert.near_all(value(k.losses[name] {}), wanted, 2e-5)
    end)
  end

  it("gives Keras's numbers for options and class ids", function()
    assert.near_all(value(k.losses.Huber { 0.5 }), .2, 1e-5)
    assert.near_all(value(k.losses.BinaryCrossentropy { label_smoothing = .1 }), 1.028813, 2e-5)
    assert.near_all(value(k.losses.CategoricalCrossentropy { label_smoothing = .1 }), 1.028813,
      2e-5)
    assert.near_all(value(k.losses.SparseCategoricalCrossentropy {}, { 1, 0 }), 1.060132, 2e-5)
    assert.near_all(value(k.losses.CategoricalGeneralizedCrossEntropy {}, { 1, 0 }), .819822, 2e-5)
    local circle = k.losses.Circle { reduction = "none" }
    assert.near_all(circle(k.tensor { 0, 0, 1 }, k.tensor { { 1, 0 }, { .8, .6 }, { 0, 1 } }),
      { 0, 6.401664, 0 }, 1e-4)
  end)

  it("gives Keras's number for CTC", function()
    local frames = { { .1, .6, .3 }, { .2, .3, .5 }, { .6, .2, .2 }, { .3, .3, .4 } }
    local logits = k.ops.log(k.tensor { frames, frames })
    local values = k.losses.ctc(k.tensor { { 1, 2, 0 }, { 1, 1, 2 } }, logits):totable()
    assert.near_all(values[1], 1.42795, 1e-5)
    -- 1 1 2 in four frames: the 1s need a blank between them, so there is one path
    assert.near_all(values[2], -math.log(.6 * .2 * .2 * .4), 1e-4)
    local none = k.losses.ctc(k.tensor { { 0, 0, 0 } },
      k.ops.slice(logits, { 0, 0, 0 }, { 1, -1, -1 }))
    assert.near_all(none, { -math.log(.1 * .2 * .6 * .3) }, 1e-4)
    k.gradcheck(function(scores) return k.losses.ctc(k.tensor { { 1, 2, 0 } }, scores) end,
      { k.ops.slice(logits, { 0, 0, 0 }, { 1, -1, -1 }) })
  end)

  it("is infinite for labels that do not fit, and leaves their scores alone", function()
    local scores = k.tensor { { { 1, 2, 3 }, { 3, 2, 1 } } }
    local function loss(x) return k.losses.ctc(k.tensor { { 1, 1 } }, x) end
    assert.equal(math.huge, loss(scores):totable()[1])
    local _, gradients = k.value_and_grad(function(x) return k.ops.sum(loss(x)) end)(scores)
    assert.near_all(gradients[1], { { { 0, 0, 0 }, { 0, 0, 0 } } }, 0)
    assert.error_at_line(function() k.losses.ctc(k.tensor { { 1, 3 } }, scores) end,
      "ctc_loss: a label is 3 in sample 1, which is out of range 0..2")
  end)

  it("takes logits", function()
    local logits = { { -1.5, 2 }, { .25, -.5 } }
    local probabilities = k.ops.softmax(k.tensor(logits)):totable()
    assert.near_all(value(k.losses.CategoricalCrossentropy { from_logits = true }, t, logits),
      value(k.losses.CategoricalCrossentropy {}, t, probabilities), 1e-5)
    assert.near_all(value(k.losses.SparseCategoricalCrossentropy { from_logits = true }, { 1, 0 },
      logits),
      value(k.losses.CategoricalCrossentropy {}, t, probabilities), 1e-5)
    local sigmoids = k.ops.sigmoid(k.tensor(logits)):totable()
    assert.near_all(value(k.losses.BinaryCrossentropy { from_logits = true }, t, logits),
      value(k.losses.BinaryCrossentropy {}, t, sigmoids), 1e-5)
  end)

  it("reduces as Keras does", function()
    local per_sample = k.losses.mse(k.tensor(t), k.tensor(p))
    assert.near_all(per_sample, { .36, .49 })
    assert.near_all(value(k.losses.MeanSquaredError { "sum" }), .85)
    assert.near_all(k.losses.MeanSquaredError { reduction = "none" }(k.tensor(t), k.tensor(p)),
      { .36, .49 })
    assert.near_all(value(k.losses.MeanSquaredError {}, t, p, { 1, 0 }), .18)
    assert.near_all(value(k.losses.MeanSquaredError { "mean_with_sample_weight" }, t, p, { 3, 1 }),
      (3 * .36 + .49) / 4)
    assert.near_all(value(k.losses.MeanSquaredError {}, t, p, { { 1 }, { 0 } }), .18)
  end)

  it("takes None for no reduction, in Lua and from files", function()
    assert.truthy(#class_names > 20)
    for _, name in ipairs(class_names) do
      local class = k.losses[name]
      assert.equal("sum_over_batch_size", class {}.reduction)
      assert.is_nil(class { reduction = false }.reduction)
      local config = class {}:get_config()
      config.reduction = k.None
      local none = class.from_config(config)
      assert.is_nil(none.reduction, name)
      assert.is_false(none:get_config().reduction, name)
      config.reduction = nil
      assert.equal("sum_over_batch_size", class.from_config(config).reduction)
    end
    local loss = k.losses.MeanSquaredError { reduction = false }
    assert.near_all(loss(k.tensor(t), k.tensor(p)), { .36, .49 })
    local wrapped = k.losses.LossFunctionWrapper { k.losses.mse, reduction = false }
    assert.near_all(wrapped(k.tensor(t), k.tensor(p)), { .36, .49 })
    local model = k.Sequential { k.Input { 2 }, k.layers.Dense(2) }
    model:compile { loss = loss }
    local text = model:to_json()
    assert.truthy(text:find('"reduction": null', 1, true))
    assert.truthy(text:find('"keras.losses"', 1, true))
    local again = k.models.model_from_json(text)
    assert.near_all(again.loss(k.tensor(t), k.tensor(p)), { .36, .49 })
  end)

  it("counts only what a mask keeps", function()
    local y_pred = k.tensor { { .6, .4 }, { .3, .7 } }
    y_pred.mask = k.tensor({ true, false }, { dtype = "bool" })
    assert.near_all(k.losses.MeanSquaredError {}(k.tensor(t), y_pred):item(), .36, 1e-5)
  end)

  it("smooths labels over the classes of its axis", function()
    local y_true = k.ops.one_hot(k.tensor({ { 0, 2 }, { 1, 1 } }, { dtype = "int32" }), 3)
    local y_pred = k.ops.softmax(k.random.normal { 2, 2, 3 })
    local function turned(x) return k.ops.transpose(x, { 0, 2, 1 }) end
    local last = k.losses.CategoricalCrossentropy { label_smoothing = .3 }
    local middle = k.losses.CategoricalCrossentropy { label_smoothing = .3, axis = 1 }
    assert.near_all(middle(turned(y_true), turned(y_pred)), last(y_true, y_pred))
  end)

  it("is 0 where a mask keeps nothing", function()
    local y_pred = k.tensor(p)
    y_pred.mask = k.tensor({ false, false }, { dtype = "bool" })
    assert.equal(0, k.losses.MeanSquaredError {}(k.tensor(t), y_pred):item())
  end)

  it("spreads a weight over what it weighs", function()
    local y_pred = k.tensor { { { 1 }, { 2 }, { 3 } }, { { 4 }, { 5 }, { 6 } } } -- 2 samples of 3
    local loss = k.losses.MeanSquaredError { "mean_with_sample_weight" }
    assert.near_all(loss(k.zeros { 2, 3, 1 }, y_pred, k.tensor { 1, 3 }):item(),
      (1 * (1 + 4 + 9) + 3 * (16 + 25 + 36)) / (3 * 1 + 3 * 3))
  end)

  it("keeps samples apart when targets or predictions lack the last axis", function()
    local column, row = k.tensor { { 1 }, { 2 } }, k.tensor { 0, 0 }
    assert.near_all(k.losses.mse(column, row), { 1, 4 })
    assert.near_all(k.losses.mse(row, column), { 1, 4 })
    assert.near_all(k.losses.mse(k.ones { 2, 3, 1 }, k.zeros { 2, 3 }), { 1, 1 })
  end)

  it("ignores a class", function()
    local loss = k.losses.SparseCategoricalCrossentropy { ignore_class = -1 }
    assert.near_all(value(loss, { 1, -1 }), -math.log(.4), 1e-5)
  end)

  it("ignores a class and what a mask leaves out", function()
    local y_pred = k.tensor { { .6, .4 }, { .3, .7 }, { .9, .1 }, { .2, .8 } }
    y_pred.mask = k.tensor({ true, true, false, false }, { dtype = "bool" })
    local loss = k.losses.SparseCategoricalCrossentropy { ignore_class = -1 }
    assert.near_all(loss(k.tensor { 1, -1, 0, -1 }, y_pred):item(), -math.log(.4), 1e-5)
  end)

  it("finds losses by all their names", function()
    for _, name in ipairs { "mse", "MSE", "mean_squared_error", "MeanSquaredError" } do
      assert.equal("mean_squared_error", k.losses.get(name).name)
    end
    for _, name in ipairs { "logcosh", "kullback_leibler_divergence", "bce", "huber", "log_cosh",
      "mape" } do
      assert.truthy(k.losses.get(name))
    end
  end)

  it("serves closures", function()
    local loss = k.losses.get(function(y_true, y_pred) return k.ops.abs(y_true - y_pred) end)
    assert.near_all(value(loss), .65)
  end)

  it("survives its config", function()
    local loss = k.losses.BinaryCrossentropy { from_logits = true, label_smoothing = .25 }
    local again = k.losses.BinaryCrossentropy.from_config(loss:get_config())
    assert.same(loss:get_config(), again:get_config())
    assert.same(loss:get_config(), k.losses.deserialize(k.losses.serialize(loss)):get_config())
  end)

  it("refuses shapes that only broadcasting would fit", function()
    assert.error_at_line(function()
      k.losses.MeanSquaredError {}(k.zeros { 4, 3 }, k.zeros { 4, 1 })
    end, "the targets have shape (4, 3) but the predictions (4, 1)")
  end)

  it("names the sample and the range of a class id that is out of range", function()
    assert.error_at_line(function()
      k.losses.SparseCategoricalCrossentropy {}(k.tensor { 1, 2 }, k.tensor(p))
    end, "2")
  end)

  it("has gradients", function()
    local smooth = { "MeanSquaredError", "LogCosh", "Poisson", "KLDivergence", "BinaryCrossentropy",
      "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
      "CosineSimilarity", "Dice",
      "Tversky" }
    for _, name in ipairs(smooth) do
      local loss = k.losses[name] {}
      k.gradcheck(function(y_pred)
        return loss(k.tensor(t), y_pred)
      end, { k.tensor(p) }, { step = 1e-2 })
    end
  end)
end)
