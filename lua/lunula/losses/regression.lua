-- Losses of numbers against numbers. Means are over the last axis.

local core = require "lunula.core"
local ops = require "lunula.ops"
local config = require "lunula.ops.config"
local kinds = require "lunula.kinds"
local loss = require("lunula.losses.loss").declare

loss "MeanSquaredError" {
  doc = "mean (y_true - y_pred)^2",
  aliases = { "mse", "MSE" },
  call = function(_, y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), -1)
  end,
}

loss "MeanAbsoluteError" {
  doc = "mean |y_true - y_pred|",
  aliases = { "mae", "MAE" },
  call = function(_, y_true, y_pred)
    return ops.mean(ops.abs(y_true - y_pred), -1)
  end,
}

loss "MeanAbsolutePercentageError" {
  doc = "100 mean |(y_true - y_pred) / max(|y_true|, epsilon)|",
  aliases = { "mape", "MAPE" },
  call = function(_, y_true, y_pred)
    local scale = ops.maximum(ops.abs(y_true), config.epsilon())
    return 100 * ops.mean(ops.abs((y_true - y_pred) / scale), -1)
  end,
}

loss "MeanSquaredLogarithmicError" {
  doc = "mean (log(y_pred + 1) - log(y_true + 1))^2, both held above 0",
  aliases = { "msle", "MSLE" },
  call = function(_, y_true, y_pred)
    local epsilon = config.epsilon()
    local log_pred = ops.log(ops.maximum(y_pred, epsilon) + 1)
    local log_true = ops.log(ops.maximum(y_true, epsilon) + 1)
    return ops.mean(ops.square(log_pred - log_true), -1)
  end,
}

loss "CosineSimilarity" {
  doc = "minus the cosine of the angle between y_true and y_pred, so that -1 is best",
  args = { { "axis", kinds.integer, default = -1, none = true } },
  aliases = { "cosine", "cosine_proximity" },
  call = function(self, y_true, y_pred)
    local axis = self.axis or core.None
    return -ops.sum(ops.normalize(y_true, axis) * ops.normalize(y_pred, axis), axis)
  end,
}

loss "Huber" {
  doc = "half the square up to delta, a straight line beyond",
  args = { { "delta", kinds.number, default = 1.0 } },
  default_name = "huber_loss",
  aliases = { "huber_loss" },
  call = function(self, y_true, y_pred)
    local size, delta = ops.abs(y_pred - y_true), self.delta
    local values = ops.where(ops.less_equal(size, delta), 0.5 * ops.square(size),
      delta * size - 0.5 * delta ^ 2)
    return ops.mean(values, -1)
  end,
}

loss "LogCosh" {
  doc = "mean log(cosh(y_pred - y_true))",
  aliases = { "logcosh" },
  call = function(_, y_true, y_pred)
    local difference = y_pred - y_true
    return ops.mean(difference + ops.softplus(-2 * difference) - math.log(2), -1)
  end,
}

loss "Poisson" {
  doc = "mean (y_pred - y_true log(y_pred + epsilon))",
  call = function(_, y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + config.epsilon()), -1)
  end,
}

loss "KLDivergence" {
  doc = "sum y_true log(y_true / y_pred)",
  aliases = { "kld", "KLD", "kullback_leibler_divergence" },
  call = function(_, y_true, y_pred)
    local epsilon = config.epsilon()
    y_true, y_pred = ops.clip(y_true, epsilon, 1), ops.clip(y_pred, epsilon, 1)
    return ops.sum(y_true * ops.log(y_true / y_pred), -1)
  end,
}
