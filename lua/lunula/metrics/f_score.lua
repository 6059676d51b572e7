-- FBetaScore and F1Score: precision and recall in one number, per class or averaged.

local core = require "lunula.core"
local ops = require "lunula.ops"
local kinds = require "lunula.kinds"
local reduction = require "lunula.losses.reduction"
local metric = require "lunula.metrics.metric"

local epsilon <const> = 1e-7

local function float(x) return ops.cast(x, "float32") end

-- Which classes are predicted: those above the threshold, or all that reach the row's maximum.
local function predicted(self, y_pred)
  if self.threshold then return float(ops.greater(y_pred, self.threshold)) end
  local top = ops.max(y_pred, -1, true)
  return float(ops.logical_and(ops.greater_equal(y_pred, top), ops.greater(ops.abs(y_pred), 1e-9)))
end

local score = {
  init = function(self)
    if self.beta <= 0 then core.raise("%s: beta must be above 0", self.name) end
    if self.threshold and (self.threshold <= 0 or self.threshold > 1) then
      core.raise("%s: threshold must be above 0 and at most 1", self.name)
    end
  end,
  build = function(self, classes)
    local shape = self.average == "micro" and {} or { classes }
    self.true_positives = self:add_variable("true_positives", shape)
    self.false_positives = self:add_variable("false_positives", shape)
    self.false_negatives = self:add_variable("false_negatives", shape)
    self.support = self:add_variable("support", shape)
  end,
  update_state = function(self, y_true, y_pred, sample_weight)
    y_true, y_pred = float(reduction.tensor(y_true)), float(reduction.tensor(y_pred))
    if y_pred.rank ~= 2 or y_true.rank ~= 2 then
      core.raise("metric %s takes one-hot targets and predictions of shape (batch, classes)",
        self.name)
    end
    if not self.support then self:build(y_pred.shape[2]) end
    local p = predicted(self, y_pred)
    local weight = sample_weight ~= nil and float(reduction.tensor(sample_weight))
    if weight and weight.rank == 1 then weight = ops.expand_dims(weight, 1) end
    local axis = self.average ~= "micro" and 0 or nil
    local function add(variable, values)
      if weight then values = values * weight end
      variable:assign(variable + ops.sum(values, axis))
    end
    add(self.true_positives, p * y_true)
    add(self.false_positives, p * (1 - y_true))
    add(self.false_negatives, (1 - p) * y_true)
    add(self.support, y_true)
  end,
  result = function(self)
    if not self.support then return core.tensor(0, { dtype = "float32" }) end
    local tp, beta = self.true_positives.value, self.beta ^ 2
    local precision = tp / (tp + self.false_positives + epsilon)
    local recall = tp / (tp + self.false_negatives + epsilon)
    local values = precision * recall * (1 + beta) / (beta * precision + recall + epsilon)
    if self.average == "weighted" then
      return ops.sum(values * self.support / (ops.sum(self.support) + epsilon))
    end
    return self.average and ops.mean(values) or values
  end,
}

local average = { "average", kinds.one_of { "micro", "macro", "weighted" } }
local threshold = { "threshold", kinds.number }

local function declaration(doc, args)
  local copy = { doc = doc, args = args }
  for key, value in pairs(score) do copy[key] = value end
  return copy
end

metric.declare "FBetaScore" (declaration("(1 + beta^2) precision recall / (beta^2 precision + "
  .. "recall)",
  { average, { "beta", kinds.number, default = 1.0 }, threshold,
    { "name", kinds.name, default = "fbeta_score" } }))

local f1 = declaration("2 precision recall / (precision + recall)",
  { average, threshold, { "name", kinds.name, default = "f1_score" } })
f1.beta = 1.0
metric.declare "F1Score" (f1)
