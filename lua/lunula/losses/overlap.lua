-- Losses of overlap and of distance between samples: Dice, Tversky, Circle.

local ops = require "lunula.ops"
local config = require "lunula.ops.config"
local kinds = require "lunula.kinds"
local losses = require "lunula.losses.loss"

local loss, reduction = losses.declare, losses.reduction_argument

local axes = { "axis", kinds.axes }

loss "Dice" {
  doc = "1 - 2 sum(y_true y_pred) / (sum y_true + sum y_pred), over the axis or everything",
  args = { reduction, { "name", kinds.name, default = "dice" }, axes },
  call = function(self, y_true, y_pred)
    local overlap = ops.sum(y_true * y_pred, self.axis)
    local size = ops.sum(y_true, self.axis) + ops.sum(y_pred, self.axis)
    return 1 - 2 * overlap / (size + config.epsilon())
  end,
}

loss "Tversky" {
  doc = "Dice with weights for what is missed (alpha) and what is wrongly found (beta)",
  args = {
    { "alpha", kinds.number, default = 0.5,
      doc = "the weight of false positives" },
    { "beta", kinds.number, default = 0.5,
      doc = "the weight of false negatives" },
    reduction, { "name", kinds.name, default = "tversky" }, axes,
  },
  call = function(self, y_true, y_pred)
    local overlap = ops.sum(y_true * y_pred, self.axis)
    -- Keras up to 3.15 has alpha weigh the false negatives, against the paper.
    local missed = ops.sum(y_true * (1 - y_pred), self.axis)
    local found_wrongly = ops.sum((1 - y_true) * y_pred, self.axis)
    local size = overlap + self.alpha * missed + self.beta * found_wrongly
    return 1 - overlap / (size + config.epsilon())
  end,
}

local large <const> = 1e9

-- log sum exp over the places of the mask; places outside weigh nothing.
local function masked_logsumexp(values, mask)
  return ops.logsumexp(ops.where(mask, values, -large), 1)
end

loss "Circle" {
  doc = "pulls embeddings of one class together and pushes others apart, harder the worse they lie",
  args = {
    { "gamma", kinds.number, default = 80.0,
      doc = "how sharply pairs are told apart" },
    { "margin", kinds.number, default = 0.4,
      doc = "how far apart they are to be" },
    { "remove_diagonal", kinds.boolean, default = true,
      doc = "whether a sample is not compared with itself" },
  },
  takes_class_ids = true,
  call = function(self, y_true, y_pred)
    local labels = ops.cast(ops.reshape(y_true, { -1, 1 }), "int32")
    local distance = ops.maximum(1 - ops.matmul(y_pred, ops.transpose(y_pred)), 0)
    local positive = ops.equal(labels, ops.transpose(labels))
    local negative = ops.logical_not(positive)
    if self.remove_diagonal then
      local rows = ops.cumsum(ops.ones_like(labels), 0)
      positive = positive & ops.not_equal(rows, ops.transpose(rows))
    end
    local m, gamma = self.margin, self.gamma
    local positive_weight = ops.maximum(distance + m, 0)
    local negative_weight = ops.maximum(1 + m - distance, 0)
    local pull = masked_logsumexp(gamma * positive_weight * (distance - m), positive)
    local push = masked_logsumexp(gamma * negative_weight * ((1 - m) - distance), negative)
    local values = ops.softplus(pull + push)
    return values, ops.greater(values, 0)
  end,
}
