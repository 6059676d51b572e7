-- The accuracy family: how often predictions are right.

local ops = require "lunula.ops"
local kinds = require "lunula.kinds"
local losses = require "lunula.losses.reduction"
local metric = require "lunula.metrics.metric"
local mean_of = require("lunula.metrics.reduction").mean_of

local formulas = {}

-- (b, 1) targets beside (b, n) predictions, or (b) targets: class ids of one axis less than the
-- predictions.
local function class_ids(y_true, y_pred)
  local shape = y_true.shape
  if #shape == y_pred.rank and #shape > 1 and shape[#shape] == 1 then
    y_true = ops.squeeze(y_true, -1)
  end
  return ops.cast(y_true, "int32")
end

local function both(y_true, y_pred)
  return losses.tensor(y_true), losses.tensor(y_pred)
end

local function float(x)
  return ops.cast(x, "float32")
end

function formulas.accuracy(y_true, y_pred)
  y_true, y_pred = losses.same_rank(both(y_true, y_pred))
  return float(ops.equal(float(y_true), float(y_pred)))
end

function formulas.binary_accuracy(y_true, y_pred, threshold)
  y_true, y_pred = losses.same_rank(both(y_true, y_pred))
  local positive = float(ops.greater(float(y_pred), threshold or 0.5))
  return float(ops.equal(float(y_true), positive))
end

function formulas.categorical_accuracy(y_true, y_pred)
  y_true, y_pred = both(y_true, y_pred)
  return float(ops.equal(ops.argmax(float(y_true), -1), ops.argmax(y_pred, -1)))
end

function formulas.sparse_categorical_accuracy(y_true, y_pred)
  y_true, y_pred = both(y_true, y_pred)
  return float(ops.equal(class_ids(y_true, y_pred), ops.argmax(y_pred, -1)))
end

-- Is the class among the k that score highest? Ties count for it, as in TensorFlow's in_top_k.
local function in_top_k(ids, y_pred, k)
  local score = ops.take_along_axis(y_pred, ops.expand_dims(ids, -1), -1)
  local better = ops.sum(float(ops.greater(y_pred, score)), -1)
  return float(ops.less(better, k))
end

function formulas.top_k_categorical_accuracy(y_true, y_pred, k)
  y_true, y_pred = both(y_true, y_pred)
  return in_top_k(ops.argmax(float(y_true), -1), y_pred, k or 5)
end

function formulas.sparse_top_k_categorical_accuracy(y_true, y_pred, k)
  y_true, y_pred = both(y_true, y_pred)
  return in_top_k(class_ids(y_true, y_pred), y_pred, k or 5)
end

mean_of "Accuracy" {
  doc = "How often y_pred equals y_true.",
  values = function(_, y_true, y_pred) return formulas.accuracy(y_true, y_pred) end,
}

mean_of "BinaryAccuracy" {
  doc = "How often y_pred lies on the right side of the threshold.",
  args = {
    { "name", kinds.name, default = "binary_accuracy" }, metric.dtype,
    { "threshold", kinds.number, default = 0.5 },
  },
  values = function(self, y_true, y_pred)
    return formulas.binary_accuracy(y_true, y_pred, self.threshold)
  end,
}

mean_of "CategoricalAccuracy" {
  doc = "How often the largest prediction is where the one-hot target is.",
  values = function(_, y_true, y_pred) return formulas.categorical_accuracy(y_true, y_pred) end,
}

mean_of "SparseCategoricalAccuracy" {
  doc = "How often the largest prediction is that of the class id.",
  values = function(_, y_true, y_pred)
    return formulas.sparse_categorical_accuracy(y_true, y_pred)
  end,
}

mean_of "TopKCategoricalAccuracy" {
  doc = "How often the one-hot target is among the k largest predictions.",
  args = { { "k", kinds.positive, default = 5 } },
  values = function(self, y_true, y_pred)
    return formulas.top_k_categorical_accuracy(y_true, y_pred, self.k)
  end,
}

mean_of "SparseTopKCategoricalAccuracy" {
  doc = "How often the class id is among the k largest predictions.",
  args = {
    { "k", kinds.positive, default = 5 },
    { "name", kinds.name, default = "sparse_top_k_categorical_accuracy" },
    metric.dtype,
    { "from_sorted_ids", kinds.boolean, default = false },
  },
  values = function(self, y_true, y_pred)
    if not self.from_sorted_ids then
      return formulas.sparse_top_k_categorical_accuracy(y_true, y_pred, self.k)
    end
    y_true, y_pred = both(y_true, y_pred)
    local ids = ops.expand_dims(class_ids(y_true, y_pred), -1)
    local first_k = ops.slice(y_pred, { 0, 0 }, { -1, self.k })
    return float(ops.any(ops.equal(ids, ops.cast(first_k, "int32")), -1))
  end,
}

for name, formula in pairs(formulas) do metric.functions[name] = formula end

return formulas
