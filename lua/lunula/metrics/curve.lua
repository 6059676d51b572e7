-- Metrics of a whole curve of thresholds: AUC, and the best of one rate where another one is at
-- least some value.

local core = require "lunula.core"
local ops = require "lunula.ops"
local kinds = require "lunula.kinds"
local confusion = require "lunula.metrics.confusion"
local metric = require "lunula.metrics.metric"

local divide = confusion.divide_no_nan

local function add_cells(self, labels)
  for _, cell in ipairs(confusion.cells) do
    self[cell] = self:add_variable(cell, { #self.threshold_list, labels })
  end
end

local most_thresholds <const> = 1000000

-- 1/(n-1), 2/(n-1), … with `first` and `last` around them.
local function even_thresholds(n, first, last)
  if n > most_thresholds then
    core.raise("num_thresholds must be at most %d, got %d", most_thresholds, n)
  end
  local list = { first }
  for i = 1, n - 2 do list[#list + 1] = i / (n - 1) end
  list[#list + 1] = last
  return list
end

-- All but the last, and all but the first, of the thresholds.
local function neighbours(x)
  local n, rank = x.shape[1], x.rank
  local function part(first)
    return ops.slice(x, rank == 1 and { first } or { first, 0 }, rank == 1 and { n - 1 }
      or { n - 1, -1 })
  end
  return part(0), part(1)
end

-- ---- AUC ---------------------------------------------------------------------------------------

-- Between two points of a precision-recall curve true positives grow linearly, precision does not
-- (Davis, Goadrich).
local function interpolated_pr(self)
  local tp, tp_next = neighbours(self.true_positives.value)
  local p, p_next = neighbours(self.true_positives + self.false_positives)
  local _, fn_next = neighbours(self.false_negatives.value)
  local gained = tp - tp_next
  local slope = divide(gained, ops.maximum(p - p_next, 0))
  local intercept = tp_next - slope * p_next
  local both = ops.logical_and(ops.greater(p, 0), ops.greater(p_next, 0))
  local ratio = ops.where(both, divide(p, p_next), 1)
  return divide(slope * (gained + intercept * ops.log(ratio)), tp_next + fn_next)
end

-- Gains of Flach and Kull; where nothing is found recall gains 0 and precision 1.
local function gains(tp, fp, fn, tn)
  local scale, none = divide(tp + fn, fp + tn), ops.equal(tp, 0)
  local recall = ops.where(none, 0, 1 - scale * divide(fn, tp))
  return ops.maximum(recall, 0), ops.where(none, 1, 1 - scale * divide(fp, tp))
end

local function axes_of_curve(self)
  local tp, fp = self.true_positives.value, self.false_positives.value
  local fn, tn = self.false_negatives.value, self.true_negatives.value
  if self.curve == "ROC" then return divide(fp, fp + tn), divide(tp, tp + fn) end
  if self.curve == "PR" then return divide(tp, tp + fn), divide(tp, tp + fp) end
  return gains(tp, fp, fn, tn)
end

-- The areas between neighbouring thresholds.
local function areas(self)
  if self.curve == "PR" and self.summation_method == "interpolation" then
    return interpolated_pr(self)
  end
  local x, y = axes_of_curve(self)
  local x_left, x_right = neighbours(x)
  local y_left, y_right = neighbours(y)
  local height
  if self.summation_method == "interpolation" then
    height = (y_left + y_right) / 2
  elseif self.summation_method == "minoring" then
    height = ops.minimum(y_left, y_right)
  else
    height = ops.maximum(y_left, y_right)
  end
  return (x_left - x_right) * height
end

local epsilon <const> = 1e-7

local numbers = kinds.list_of(kinds.number)

-- Files hold them as a tensor.
local label_weights = {
  name = numbers.name, serialise = numbers.serialise, never_false = true,
  check = function(value, context)
    if core.is_tensor(value) then value = value:totable() end
    return numbers.check(value, context)
  end,
}

metric.declare "AUC" {
  doc = "The area under the ROC curve or the precision-recall curve.",
  args = {
    { "num_thresholds", kinds.positive, default = 200 },
    { "curve", kinds.one_of { "ROC", "PR", "PRGAIN" }, default = "ROC",
      doc = "what is drawn: ROC or PR" },
    { "summation_method", kinds.one_of { "interpolation", "minoring", "majoring" },
      default = "interpolation", doc = "how the area is summed up" },
    { "name", kinds.name, default = "auc" }, metric.dtype,
    { "thresholds", kinds.list_of(kinds.number) },
    { "multi_label", kinds.boolean, default = false,
      doc = "whether each label has a curve of its own" },
    { "num_labels", kinds.positive, doc = "how many labels there are" },
    { "label_weights", label_weights, doc = "the weights of labels in the mean" },
    { "from_logits", kinds.boolean, default = false },
  },
  init = function(self)
    local list
    if self.thresholds then
      list = confusion.thresholds(self, self.thresholds)
      table.sort(list)
      table.insert(list, 1, -epsilon)
      list[#list + 1] = 1 + epsilon
    else
      if self.num_thresholds < 2 then core.raise("AUC: num_thresholds must be at least 2") end
      list = even_thresholds(self.num_thresholds, -epsilon, 1 + epsilon)
    end
    self.threshold_list = list
    if self.num_labels and not self.multi_label then
      core.raise("AUC: num_labels is for multi_label=true")
    end
    if not self.multi_label then add_cells(self) end
    if self.num_labels then add_cells(self, self.num_labels) end
  end,
  -- With multi_label the number of labels may only be known from the first batch.
  build_cells = function(self, y_pred)
    if self.true_positives then return end
    local labels = y_pred.shape[2]
    if y_pred.rank ~= 2 or not labels then
      core.raise("metric %s: multi_label takes predictions of shape (batch, labels)", self.name)
    end
    add_cells(self, labels)
  end,
  update_state = confusion.update,
  result = function(self)
    if not self.multi_label then return ops.sum(areas(self)) end
    if not self.true_positives then return core.tensor(0, { dtype = "float32" }) end
    local by_label = ops.sum(areas(self), 0)
    if not self.label_weights then return ops.mean(by_label) end
    local weights = core.tensor(self.label_weights, { dtype = "float32" })
    return divide(ops.sum(by_label * weights), ops.sum(weights))
  end,
}

-- ---- one rate at a least value of another ------------------------------------------------------

local rates = {
  sensitivity = function(self)
    return divide(self.true_positives.value, self.true_positives + self.false_negatives)
  end,
  specificity = function(self)
    return divide(self.true_negatives.value, self.true_negatives + self.false_positives)
  end,
  precision = function(self)
    return divide(self.true_positives.value, self.true_positives + self.false_positives)
  end,
}
rates.recall = rates.sensitivity

local function at(name, wanted, given)
  metric.declare(name) {
    doc = ("The largest %s among thresholds whose %s is at least the value."):format(wanted, given),
    args = {
      { given, kinds.fraction, required = true },
      { "num_thresholds", kinds.positive, default = 200 },
      { "class_id", kinds.count },
    },
    init = function(self)
      self.threshold_list = self.num_thresholds == 1 and { 0.5 }
        or even_thresholds(self.num_thresholds, 0, 1)
      add_cells(self)
    end,
    update_state = confusion.update,
    result = function(self)
      local feasible = ops.greater_equal(rates[given](self), self[given])
      return ops.max(ops.where(feasible, rates[wanted](self), 0))
    end,
  }
end

at("SensitivityAtSpecificity", "sensitivity", "specificity")
at("SpecificityAtSensitivity", "specificity", "sensitivity")
at("PrecisionAtRecall", "precision", "recall")
at("RecallAtPrecision", "recall", "precision")
