-- The metrics by name: classes (metrics.AUC) and functions (metrics.binary_accuracy).
--
-- `get` makes one of whatever compile{metrics=…} may be given: a name, a config, an object or a
-- closure.

local declare = require "lunula.declare"
local losses = require "lunula.losses"
local metric = require "lunula.metrics.metric"
local reduction = require "lunula.metrics.reduction"

for _, family in ipairs { "accuracy", "of_losses", "confusion", "curve", "f_score", "iou",
  "correlation" } do
  require("lunula.metrics." .. family)
end

local classes = { metric.Metric }
table.move(metric.classes, 1, #metric.classes, 2, classes)
local metrics = declare.catalogue("metric", classes)

local name_of = {}
for name, formula in pairs(metric.functions) do
  metrics[name] = formula
  name_of[formula] = name
end

-- Every loss function is a metric function too.
for _, name in ipairs {
  "mean_squared_error", "mse", "MSE", "mean_absolute_error", "mae", "MAE",
  "mean_absolute_percentage_error", "mape",
  "MAPE", "mean_squared_logarithmic_error", "msle", "MSLE", "hinge", "squared_hinge",
  "categorical_hinge",
  "kl_divergence", "kld", "KLD", "poisson", "log_cosh", "logcosh", "huber", "binary_crossentropy",
  "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
  "sparse_categorical_crossentropy", "cosine_similarity",
} do
  metrics[name] = losses[name]
end

-- The name a function of ours is reported under, or nil.
local function known_name(call)
  return name_of[call] or losses.name_of(call)
end

-- A metric object, or nil for nil. A string gives the metric that name; a closure is "metric"
-- unless named.
function metrics.get(identifier)
  if type(identifier) == "function" then
    return reduction.MeanMetricWrapper { identifier, name = known_name(identifier) or "metric" }
  end
  local found, problem = declare.find("metric", identifier)
  if problem and type(identifier) == "string" then   -- a loss without a metric class, as "huber"
    local loss = declare.find("loss", identifier)
    if not loss then require("lunula.core").raise("%s", problem) end
    found = reduction.MeanMetricWrapper { function(y_true, y_pred)
      return (loss:values(y_true, y_pred))
    end }
  elseif problem then
    require("lunula.core").raise("%s", problem)
  end
  if type(identifier) == "string" then found.name = identifier end
  if found == nil or declare.is(found, "metric") then return found end
  if declare.is(found, "loss") then
    return reduction.MeanMetricWrapper { function(t, p)
      return (found:values(t, p))
    end, name = found.name }
  end
  return reduction.MeanMetricWrapper { found, name = "metric" }
end

metrics.declare = metric.door

return metrics
