-- From the loss of each sample to one number: ranks made equal, weights and masks applied, then
-- the mean.
--
-- Keras's rules, shared by losses and metrics: the mean divides by the number of values, not by
-- the sum of weights; a mask scales what it keeps so that the mean runs over unmasked values
-- only.

local ops = require "lunula.ops"
local ranks = require "lunula.distribution.ranks"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local reduction = {}

-- (b, t) against (b, t, 1): a rank-1 partner grows, otherwise the longer one loses its last axis
-- of size 1.
function reduction.same_rank(a, b)
  local a_shape, b_shape = a.shape, b.shape
  if #a_shape == #b_shape + 1 and a_shape[#a_shape] == 1 then
    if #b_shape == 1 then return a, ops.expand_dims(b, -1) end
    return ops.squeeze(a, -1), b
  elseif #b_shape == #a_shape + 1 and b_shape[#b_shape] == 1 then
    if #a_shape == 1 then return ops.expand_dims(a, -1), b end
    return a, ops.squeeze(b, -1)
  end
  return a, b
end

-- As same_rank, and weights of fewer axes count for everything below: (b) weighs the rows of (b,
-- t).
local function fit_weight(values, weight)
  values, weight = reduction.same_rank(values, weight)
  while weight.rank < values.rank do weight = ops.expand_dims(weight, -1) end
  return values, weight
end

function reduction.is_mean(how)
  return how == "sum_over_batch_size" or how == "mean"
end

-- What is divided by is taken of the whole batch, where ranks share it: then the mean of their
-- losses over the rows is the loss of the batch.
local function of_all(a, b)
  local step = ranks.step
  if step then return step.of_all(a, b) end
  return a, b
end

local function of_sum(total)
  local step = ranks.step
  return step and step.of_sum(total) or total
end

-- Mask and weight as one weight. For means a kept value weighs total/kept.
function reduction.merge(weight, mask, how)
  if mask == nil then return weight end
  mask = ops.cast(mask, "float32")
  if reduction.is_mean(how) then
    local count, kept = of_all(ops.count(mask), ops.sum(mask))
    mask = mask * (count / (kept + config.epsilon()))
  end
  if weight == nil then return mask end
  weight, mask = fit_weight(ops.cast(weight, "float32"), mask)
  return weight * mask
end

local names = { "sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none" }
reduction.names = names

-- One number, or the weighted values themselves for "none".
function reduction.reduce(values, weight, mask, how)
  weight = reduction.merge(weight, mask, how)
  if weight ~= nil then
    values, weight = fit_weight(values, ops.cast(weight, values.dtype))
    values = values * weight
  end
  if how == nil or how == "none" or values.rank == 0 then return values end
  local total = ops.sum(values)
  if how == "sum" then return of_sum(total) end
  if how == "mean_with_sample_weight" then
    if weight == nil then return total / ops.count(values) end
    local sum = ops.sum(ops.broadcast_to(weight, values.shape))
    total, sum = of_sum(total), of_all(sum, sum)
    return ops.where(ops.equal(sum, 0), 0, total / ops.where(ops.equal(sum, 0), 1, sum))
  end
  return total / ops.count(values)
end

-- Tables and numbers become tensors; tensors and placeholders stay.
function reduction.tensor(x)
  return tools.tensor("targets, predictions and weights", x)
end

return reduction
