-- Correlation of predictions with targets along an axis, the mean over samples.

local core = require "lunula.core"
local ops = require "lunula.ops"
local config = require "lunula.ops.config"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local reduction = require "lunula.losses.reduction"
local metric = require "lunula.metrics.metric"
local mean_of = require("lunula.metrics.reduction").mean_of
local options = require "lunula.utils.options"

local formulas = metric.functions

local function both(y_true, y_pred)
  y_true, y_pred = reduction.same_rank(reduction.tensor(y_true), reduction.tensor(y_pred))
  return ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
end

local function centred(x, axis)
  return x - ops.mean(x, axis, true)
end

-- The axis, -1 unless it is said: as it is, or in a table of options. None is all axes.
local function axis_of(name, given)
  if declare.only_names(given) then
    options.read(name, given, { "axis" })
    given = given.axis
  end
  if given == nil then return -1 end
  return given and given ~= core.None and given or nil
end

-- Of what does not vary there is no correlation: it is NaN, as in Keras.
function formulas.pearson_correlation(y_true, y_pred, axis)
  axis = axis_of("pearson_correlation", axis)
  y_true, y_pred = both(y_true, y_pred)
  local t, p = centred(y_true, axis), centred(y_pred, axis)
  return ops.mean(t / ops.std(t, axis, true) * (p / ops.std(p, axis, true)), axis)
end

function formulas.concordance_correlation(y_true, y_pred, axis)
  axis = axis_of("concordance_correlation", axis)
  y_true, y_pred = both(y_true, y_pred)
  local covariance = ops.mean(centred(y_true, axis) * centred(y_pred, axis), axis)
  local shift = ops.square(ops.mean(y_true, axis) - ops.mean(y_pred, axis))
  return 2 * covariance / (ops.var(y_true, axis) + ops.var(y_pred, axis) + shift + config.epsilon())
end

local function correlation(name, snake, doc)
  mean_of(name) {
    doc = doc,
    args = {
      { "name", kinds.name, default = snake }, metric.dtype,
      { "axis", kinds.axes, default = -1, none = true },
    },
    values = function(self, y_true, y_pred)
      return formulas[snake](y_true, y_pred, self.axis or core.None)
    end,
  }
end

correlation("PearsonCorrelation", "pearson_correlation",
  "How close to a line prediction against target lies.")
correlation("ConcordanceCorrelation", "concordance_correlation",
  "How close to the diagonal it lies.")
