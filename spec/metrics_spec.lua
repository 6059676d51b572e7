-- Metrics: the numbers of Keras, adding up over batches, weights and reset.

local k = require "lunula"

local function result(metric)
  local value = metric:result()
  if type(value) == "number" then return value end
  return value.rank == 0 and value:item() or value:totable()
end

local function after(metric, y_true, y_pred, weight)
  metric:update_state(k.tensor(y_true), k.tensor(y_pred), weight and k.tensor(weight))
  return result(metric)
end

describe("metrics", function()
  local m = k.metrics

  it("averages values, with weights, over batches", function()
    local mean = m.Mean {}
    mean:update_state(k.tensor { 1, 3, 5, 7 })
    assert.near_all(result(mean), 4)
    mean:update_state(k.tensor { 14 })
    assert.near_all(result(mean), 6)
    mean:reset_state()
    assert.near_all(result(mean), 0)
    mean:update_state(k.tensor { 1, 3, 5, 7 }, k.tensor { 1, 1, 0, 0 })
    assert.near_all(result(mean), 2)
    mean:reset_state()
    mean:update_state(k.tensor { { 1, 2 }, { 3, 4 } }, k.tensor { { 1, 0 }, { 1, 1 } })
    assert.near_all(result(mean), (1 + 3 + 4) / 3)
    local sum = m.Sum {}
    sum:update_state(k.tensor { 1, 3, 5, 7 }, k.tensor { 1, 1, 0, 0 })
    assert.near_all(result(sum), 4)
  end)

  it("knows the accuracies", function()
    assert.near_all(after(m.Accuracy {}, { 1, 2, 3, 4 }, { 0, 2, 3, 4 }), .75)
    assert.near_all(after(m.BinaryAccuracy {}, { { 1 }, { 1 }, { 0 }, { 0 } },
      { { .98 }, { 1 }, { 0 }, { .6 } }), .75)
    assert.near_all(after(m.BinaryAccuracy { threshold = .7 }, { 1, 0 }, { .6, .6 }), .5)
    assert.near_all(after(m.CategoricalAccuracy {}, { { 0, 0, 1 }, { 0, 1, 0 } },
      { { .1, .9, .8 }, { .05, .95, 0 } }), .5)
    local y_pred = { { .1, .6, .3 }, { .05, .95, 0 } }
    assert.near_all(after(m.SparseCategoricalAccuracy {}, { 2, 1 }, y_pred), .5)
    assert.near_all(after(m.SparseCategoricalAccuracy {}, { { 2 }, { 1 } }, y_pred), .5)
    assert.near_all(after(m.SparseCategoricalAccuracy {}, { 2, 1 }, y_pred, { .7, .3 }), .3)
    assert.near_all(after(m.TopKCategoricalAccuracy { 1 }, { { 0, 0, 1 }, { 0, 1, 0 } },
      { { .1, .9, .8 }, { .05, .95, 0 } }), .5)
    assert.near_all(after(m.SparseTopKCategoricalAccuracy { 2 }, { 2, 1 }, y_pred), 1)
  end)

  -- Numbers of Keras.
  it("correlates along any axis", function()
    local t = { { 0, 1, 0.5 }, { 1, 1, 0.2 } }
    local p = { { 0.1, 0.9, 0.5 }, { 1, 0.9, 0.2 } }
    for _, last in ipairs { { -1 }, { 1 }, { { axis = -1 } }, {} } do
      assert.near_all(m.pearson_correlation(t, p, last[1]), { 1, 0.9933992 }, 1e-6)
      assert.near_all(m.concordance_correlation(t, p, last[1]), { 0.97560948, 0.98765391 }, 1e-6)
    end
    local first = { { axis = 0 }, 0, -2 }
    for _, axis in ipairs(first) do
      assert.near_all(m.concordance_correlation(t, p, axis), { 0.98901081, 0, 0.99999774 }, 1e-6)
    end
    for _, axis in ipairs { { axis = false }, false, { 0, 1 } } do
      assert.near_all(m.pearson_correlation(t, p, axis), 0.99382609, 1e-6)
      assert.near_all(m.concordance_correlation(t, p, axis), 0.98305064, 1e-6)
    end
    assert.near_all(after(m.PearsonCorrelation { axis = false }, t, p), 0.99382609, 1e-6)
    assert.is_false(m.PearsonCorrelation { axis = false }:get_config().axis)
    local constant, ups = { { 1, 1, 1 }, { 1, 2, 3 } }, { { 1, 2, 3 }, { 3, 2, 2 } }
    assert.near_all(m.pearson_correlation(constant, ups), { 0 / 0, -0.8660254 }, 1e-6)
    assert.error_at_line(function() m.pearson_correlation(t, p, { axes = 0 }) end,
      'pearson_correlation: unknown option "axes" (did you mean "axis"?)')
  end)

  it("knows the means of losses", function()
    local t, p = { { 0, 1 }, { 0, 0 } }, { { 1, 1 }, { 0, 0 } }
    assert.near_all(after(m.MeanSquaredError {}, t, p), .25)
    assert.near_all(after(m.MeanSquaredError {}, t, p, { 1, 0 }), .5)
    assert.near_all(after(m.RootMeanSquaredError {}, t, p), .5)
    assert.near_all(after(m.MeanAbsoluteError {}, t, p), .25)
    assert.near_all(after(m.CosineSimilarity {}, { { 0, 1 }, { 1, 1 } }, { { 1, 0 }, { 1, 1 } }),
      .5, 1e-4)
    assert.near_all(after(m.BinaryCrossentropy {}, { { 0, 1 }, { 0, 0 } },
      { { .6, .4 }, { .4, .6 } }), .814925, 1e-4)
    assert.equal("logcosh", m.LogCoshError {}.name)
    assert.equal("mean_squared_error", m.MeanSquaredError {}.name)
  end)

  it("knows R2 and the correlations", function()
    assert.near_all(after(m.R2Score {}, { { 1 }, { 4 }, { 3 } }, { { 2 }, { 4 }, { 4 } }),
      .57142854, 1e-5)
    local each = m.R2Score { class_aggregation = false }   -- None: one number a regressor
    each:update_state(k.tensor { { 1, 1 }, { 4, 2 }, { 3, 3 } },
      k.tensor { { 2, 1 }, { 4, 2 }, { 4, 3 } })
    assert.near_all(each:result(), { .57142854, 1 }, 1e-5)
    assert.near_all(after(m.PearsonCorrelation { axis = -1 }, { { 0, 1, .5 }, { 1, 1, .2 } },
      { { .1, .9, .5 }, { 1, .9, .2 } }),
      .996666, 1e-3)
    assert.near_all(after(m.ConcordanceCorrelation {}, { { 0, 1, .5 }, { 1, 1, .2 } },
      { { .1, .9, .5 }, { 1, .9, .2 } }),
      .9816320, 1e-4)
  end)

  it("counts", function()
    local t, p = { 0, 1, 1, 1 }, { 1, 0, 1, 1 }
    assert.near_all(after(m.TruePositives {}, t, p), 2)
    assert.near_all(after(m.FalsePositives {}, t, p), 1)
    assert.near_all(after(m.FalseNegatives {}, t, p), 1)
    assert.near_all(after(m.TrueNegatives {}, t, p), 0)
    assert.near_all(after(m.Precision {}, t, p), 2 / 3)
    assert.near_all(after(m.Recall {}, t, p), 2 / 3)
    assert.near_all(after(m.Precision {}, t, p, { 0, 0, 1, 0 }), 1)
    assert.near_all(after(m.Precision { top_k = 2 }, { 0, 0, 1, 1 }, { 1, 1, 1, 1 }), 0)
    assert.near_all(after(m.Precision { top_k = 2 }, { 0, 0, 1, 1 }, { .1, .5, .9, .3 }), .5)
    assert.near_all(after(m.Recall { thresholds = { .25, .75 } }, { 1, 1, 0, 0 },
      { .5, .9, .6, .1 }), { 1, .5 })
    assert.equal("precision", m.Precision {}.name)
  end)

  it("counts one class, each sample with its weight", function()
    local t, p = { { 0, 1 }, { 1, 0 }, { 0, 1 } }, { { .1, .9 }, { .2, .8 }, { .7, .3 } }
    for _, weight in ipairs { { 2, 3, 4 }, { { 9, 2 }, { 9, 3 }, { 9, 4 } } } do
      assert.near_all(after(m.Precision { class_id = 1 }, t, p, weight), 2 / 5)
      assert.near_all(after(m.Recall { class_id = 1 }, t, p, weight), 2 / 6)
    end
  end)

  it("knows a curve of labels that weigh differently, of samples too", function()
    local t, p = { { 0, 1 }, { 0, 0 }, { 1, 1 }, { 1, 0 } },
      { { 0, .9 }, { .5, .9 }, { .3, .1 }, { .9, .2 } }
    local auc = m.AUC { label_weights = { 1, 0 } }
    assert.near_all(after(auc, t, p, { 1, 2, 3, 4 }), (1 * 3 + 1 * 4 + 2 * 4) / (3 * 7), 1e-4)
  end)

  it("knows the curves", function()
    local t, p = { 0, 0, 1, 1 }, { 0, .5, .3, .9 }
    assert.near_all(after(m.AUC {}, t, p), .75, 1e-4)
    assert.near_all(after(m.AUC { curve = "PR" }, t, p), .797267, 1e-4)
    assert.near_all(after(m.AUC { num_thresholds = 3 }, t, p), .75, 1e-4)
    local t5, p5 = { 0, 0, 0, 1, 1 }, { 0, .3, .8, .3, .8 }
    assert.near_all(after(m.SensitivityAtSpecificity { .5 }, t5, p5), .5, 1e-4)
    assert.near_all(after(m.SpecificityAtSensitivity { .5 }, t5, p5), .66666667, 1e-4)
    assert.near_all(after(m.PrecisionAtRecall { .5 }, t5, p5), .5, 1e-4)
    assert.near_all(after(m.RecallAtPrecision { .8 }, { 0, 0, 1, 1 }, { 0, .5, .3, .9 }), .5, 1e-4)
  end)

  it("knows F scores and intersections", function()
    local t = { { 1, 1, 1 }, { 1, 0, 0 }, { 1, 1, 0 } }
    local p = { { .2, .6, .7 }, { .2, .6, .6 }, { .6, .8, 0 } }
    assert.near_all(after(m.FBetaScore { beta = 2.0, threshold = .5 }, t, p),
      { .3846154, .90909094, .8333334 }, 1e-4)
    assert.near_all(after(m.F1Score { threshold = .5 }, t, p), { .5, .8, .6666667 }, 1e-4)
    assert.near_all(after(m.IoU { 2, { 0 } }, { 0, 0, 1, 1 }, { 0, 1, 0, 1 }), .33333334, 1e-5)
    assert.near_all(after(m.MeanIoU { 2 }, { 0, 0, 1, 1 }, { 0, 1, 0, 1 }), .33333334, 1e-5)
    assert.near_all(after(m.BinaryIoU {}, { 0, 1, 0, 1 }, { .1, .2, .4, .7 }), .5833333, 1e-5)
    assert.near_all(after(m.OneHotMeanIoU { 3 },
      { { 0, 0, 1 }, { 1, 0, 0 }, { 0, 1, 0 }, { 1, 0, 0 } },
      { { .2, .3, .5 }, { .1, .2, .7 }, { .5, .3, .1 }, { .1, .4, .5 } }), 1 / 9, 1e-4)
  end)

  it("cuts the weights of intersections down to whole ones, as Keras's integers do", function()
    local t, p, weight = { 0, 0, 1, 1 }, { 0, 1, 0, 1 }, { .9, 1.9, 1, 1 }
    assert.near_all(after(m.MeanIoU { 2 }, t, p, weight), (0 / 2 + 1 / 3) / 2)
    assert.near_all(after(m.MeanIoU { 2, dtype = "float32" }, t, p, weight),
      (.9 / 3.8 + 1 / 3.9) / 2)
  end)

  it("draws the line where Keras does", function()
    assert.near_all(after(m.BinaryIoU {}, { 1, 0 }, { .5, .4 }), 1)           -- from .5 on
    assert.near_all(after(m.BinaryAccuracy {}, { 1, 0 }, { .5, .4 }), .5)     -- above .5
    assert.near_all(after(m.Precision {}, { 1, 1 }, { .5, .6 }), 1)
    assert.near_all(after(m.Recall {}, { 1, 1 }, { .5, .6 }), .5)
    -- a row of zeros predicts no class
    assert.near_all(after(m.F1Score {}, { { 1, 0 }, { 0, 1 } }, { { 0, 0 }, { .1, .9 } }), { 0, 1 })
    -- equal scores count for the class
    assert.near_all(after(m.SparseTopKCategoricalAccuracy { 1 }, { 2 }, { { 0, .5, .5 } }), 1)
    assert.near_all(after(m.SparseTopKCategoricalAccuracy { 1 }, { 0 }, { { .1, .5, .4 } }), 0)
  end)

  it("serves names, functions and closures", function()
    assert.equal("mse", k.metrics.get("mse").name)
    assert.equal("binary_accuracy", k.metrics.get(k.metrics.binary_accuracy).name)
    local own = k.metrics.get(function(y_true, y_pred) return k.ops.abs(y_true - y_pred) end)
    assert.near_all(after(own, { 1, 2 }, { 2, 4 }), 1.5)
    assert.error_at_line(function() k.metrics.get "acuracy_of_binary" end, "unknown metric")
  end)

  it("lets masks and weights count", function()
    local metric = m.MeanAbsoluteError {}
    local y_pred = k.tensor { { 1 }, { 5 } }
    y_pred.mask = k.tensor({ true, false }, { dtype = "bool" })
    metric:update_state(k.tensor { { 0 }, { 0 } }, y_pred)
    assert.near_all(result(metric), 1)
  end)
end)
