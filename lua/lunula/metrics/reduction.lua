-- Sum, Mean and MeanMetricWrapper: metrics that add up values per sample.

local core = require "lunula.core"
local ops = require "lunula.ops"
local kinds = require "lunula.kinds"
local metric = require "lunula.metrics.metric"
local losses = require "lunula.losses.reduction"

local reduction = {}

local function axes(first, last)
  local list = {}
  for axis = first, last do list[#list + 1] = axis end
  return list
end

-- One value per sample (and its weight): axes that the weights lack are reduced first, the others
-- after.
local function per_sample(values, weight, reduce)
  local mask = values.mask
  values = losses.tensor(values)
  if values.dtype ~= "float32" then values = ops.cast(values, "float32") end
  if weight ~= nil then
    weight = ops.cast(losses.tensor(weight), "float32")
    weight = losses.merge(weight, mask, "sum")
    values, weight = losses.same_rank(values, weight)
    local rank = weight.rank
    if values.rank > rank then values = reduce(values, axes(rank, values.rank - 1)) end
    if rank > 0 or values.rank > 0 then weight = weight + ops.zeros_like(values) end   -- broadcast
    values = values * weight
    if weight.rank > 1 then weight = reduce(weight, axes(1, weight.rank - 1)) end
  end
  if values.rank > 1 then values = reduce(values, axes(1, values.rank - 1)) end
  return values, weight
end

local Sum = metric.declare "Sum" {
  doc = "The (weighted) sum of all values.",
  init = function(self)
    self.total = self:add_variable "total"
  end,
  update_state = function(self, values, sample_weight)
    values = per_sample(losses.tensor(values), sample_weight, ops.sum)
    self.total:assign(self.total + ops.sum(values))
  end,
  result = function(self) return self.total.value end,
}

local Mean = metric.declare "Mean" {
  doc = "The (weighted) mean of all values.",
  init = function(self)
    self.total = self:add_variable "total"
    self.count = self:add_variable "count"
  end,
  update_state = function(self, values, sample_weight)
    local weight
    values, weight = per_sample(losses.tensor(values), sample_weight, ops.mean)
    local count
    if weight ~= nil then
      count = ops.sum(weight)
    else
      count = ops.count(values)
    end
    self.total:assign(self.total + ops.sum(values))
    self.count:assign(self.count + count)
  end,
  result = function(self)
    local count = self.count.value
    return ops.where(ops.equal(count, 0), 0, self.total / ops.where(ops.equal(count, 0), 1, count))
  end,
}

-- Read after every slice of batches, hence without ops.
function Mean:read()
  if self.result ~= Mean.result then return metric.Metric.read(self) end
  local count = self.count.value:item()
  return count == 0 and 0 or self.total.value:item() / count
end

-- update_state of a metric that is the mean of fn(y_true, y_pred): a mask of the predictions
-- weighs.
local function update_mean_of(self, y_true, y_pred, sample_weight)
  local values = self:values(y_true, y_pred)
  local mask = core.is_tensor(y_pred) and y_pred.mask or nil
  if sample_weight ~= nil then sample_weight = losses.tensor(sample_weight) end
  Mean.update_state(self, values, losses.merge(sample_weight, mask, "sum"))
end

local MeanMetricWrapper = metric.declare "MeanMetricWrapper" {
  parent = Mean,
  doc = "The mean of fn(y_true, y_pred), values per sample.",
  args = { { "fn", kinds.callable, required = true },
    { "name", kinds.name, default = "mean_metric_wrapper" } },
  update_state = update_mean_of,
  values = function(self, y_true, y_pred)
    y_true, y_pred = losses.same_rank(losses.tensor(y_true), losses.tensor(y_pred))
    return losses.tensor((self.fn(y_true, y_pred)))
  end,
}

reduction.Sum, reduction.Mean, reduction.MeanMetricWrapper = Sum, Mean, MeanMetricWrapper

-- Declares the mean of a formula: mean_of "BinaryAccuracy" {args=, values = function(self,
-- y_true, y_pred) …}.
function reduction.mean_of(name)
  return function(declaration)
    declaration.parent = Mean
    declaration.update_state = update_mean_of
    return metric.declare(name)(declaration)
  end
end

return reduction
