-- Metrics that count true and false positives and negatives at one or more thresholds.
--
-- A prediction is positive when it is greater than the threshold. Counts live in Variables with one
-- place per threshold (and label), so that curves (curve.lua) and single thresholds share the
-- update.

local core = require "lunula.core"
local ops = require "lunula.ops"
local kinds = require "lunula.kinds"
local reduction = require "lunula.losses.reduction"
local metric = require "lunula.metrics.metric"

local confusion = {}

local function float(x) return ops.cast(x, "float32") end

-- ---- what is counted ---------------------------------------------------------------------------

-- Keeps the k largest predictions of a row (the first of equal ones) and sends the others out of
-- every threshold's reach.
local function keep_top_k(y_pred, k)
  local shape = y_pred.shape
  local mine, other = ops.expand_dims(y_pred, -1), ops.expand_dims(y_pred, -2)
  local before = ops.cast(ops.tri(shape[#shape], nil, -1), "bool")
  local better = ops.logical_or(ops.greater(other, mine),
    ops.logical_and(ops.equal(other, mine), before))
  return ops.where(ops.less(ops.sum(float(better), -1), k), y_pred, -math.huge)
end

-- Sample and label weights spread over the predictions, or nil.
local function spread_weight(self, sample_weight, y_pred)
  local weight
  if sample_weight ~= nil then
    weight = float(reduction.tensor(sample_weight))
    while weight.rank < y_pred.rank do weight = ops.expand_dims(weight, -1) end
    if weight.rank > y_pred.rank then weight = ops.squeeze(weight, -1) end
    weight = weight + ops.zeros_like(y_pred)
  end
  if self.label_weights and not self.multi_label then
    local labels = core.tensor(self.label_weights, { dtype = "float32" })
    weight = weight and weight * labels or labels + ops.zeros_like(y_pred)
  end
  return weight
end

-- How many of each kind: functions from (is it positive, was it predicted) to what is counted.
local cells = {
  true_positives = function(t, p) return t * p end,
  false_positives = function(t, p) return (1 - t) * p end,
  true_negatives = function(t, p) return (1 - t) * (1 - p) end,
  false_negatives = function(t, p) return t * (1 - p) end,
}

local order = { "true_positives", "false_positives", "true_negatives", "false_negatives" }
confusion.cells = order

-- Adds a batch to the Variables that the metric has of those four names. With multi_label the
-- second axis stays, otherwise all numbers count alike.
function confusion.update(self, y_true, y_pred, sample_weight)
  y_true, y_pred = float(reduction.tensor(y_true)), float(reduction.tensor(y_pred))
  y_true, y_pred = reduction.same_rank(y_true, y_pred)
  if self.build_cells then self:build_cells(y_pred) end
  if self.from_logits then y_pred = ops.sigmoid(y_pred) end
  if self.top_k then y_pred = keep_top_k(y_pred, self.top_k) end
  local weight = spread_weight(self, sample_weight, y_pred)
  if self.class_id then
    local function of_class(x) return x and ops.take(x, self.class_id, -1) end
    y_true, y_pred, weight = of_class(y_true), of_class(y_pred), of_class(weight)
  end
  local shape = self.multi_label and { 1, -1, y_pred.shape[2] } or { 1, -1 }
  local function laid_out(x) return ops.reshape(x, shape) end
  local list = self.threshold_list
  local thresholds = core.tensor(list, {
    shape = self.multi_label and { #list, 1, 1 } or { #list, 1 }, dtype = "float32",
  })
  local positive = float(ops.cast(laid_out(y_true), "bool"))
  local predicted = float(ops.greater(laid_out(y_pred), thresholds))
  for _, cell in ipairs(order) do
    local variable = self[cell]
    if variable then
      local counted = cells[cell](positive, predicted)
      if weight then counted = counted * laid_out(weight) end
      variable:assign(variable + ops.sum(counted, 1))
    end
  end
end

-- ---- thresholds --------------------------------------------------------------------------------

confusion.thresholds_argument = {
  "thresholds", kinds.either(kinds.number, kinds.list_of(kinds.number)),
}

-- The list of thresholds: nil, a number, or a list of numbers from 0 to 1.
function confusion.thresholds(self, value, default)
  if value == nil then return { default } end
  local list = type(value) == "number" and { value } or table.move(value, 1, #value, 1, {})
  for _, threshold in ipairs(list) do
    if threshold < 0 or threshold > 1 then
      core.raise("metric %s: thresholds must lie between 0 and 1, got %g", self.name, threshold)
    end
  end
  return list
end

function confusion.divide_no_nan(a, b)
  local zero = ops.equal(b, 0)
  return ops.where(zero, 0, a / ops.where(zero, 1, b))
end

-- One number for one threshold, a vector for a list.
local function unwrap(self, values)
  return #self.threshold_list == 1 and ops.squeeze(values, 0) or values
end

-- ---- the metrics -------------------------------------------------------------------------------

local function counter(name, cell, doc)
  metric.declare(name) {
    doc = doc,
    args = { confusion.thresholds_argument },
    init = function(self)
      self.threshold_list = confusion.thresholds(self, self.thresholds, 0.5)
      self[cell] = self:add_variable(cell, { #self.threshold_list })
    end,
    update_state = confusion.update,
    result = function(self) return unwrap(self, self[cell].value) end,
  }
end

counter("TruePositives", "true_positives", "How many positives were predicted positive.")
counter("TrueNegatives", "true_negatives", "How many negatives were predicted negative.")
counter("FalsePositives", "false_positives", "How many negatives were predicted positive.")
counter("FalseNegatives", "false_negatives", "How many positives were predicted negative.")

local function ratio(name, missed, doc)
  metric.declare(name) {
    doc = doc,
    args = {
      confusion.thresholds_argument, { "top_k", kinds.positive }, { "class_id", kinds.count },
    },
    init = function(self)
      local default = self.top_k and -math.huge or 0.5
      self.threshold_list = confusion.thresholds(self, self.thresholds, default)
      self.true_positives = self:add_variable("true_positives", { #self.threshold_list })
      self[missed] = self:add_variable(missed, { #self.threshold_list })
    end,
    update_state = confusion.update,
    result = function(self)
      local hits = self.true_positives.value
      return unwrap(self, confusion.divide_no_nan(hits, hits + self[missed]))
    end,
  }
end

ratio("Precision", "false_positives", "true positives / predicted positives")
ratio("Recall", "false_negatives", "true positives / actual positives")

return confusion
