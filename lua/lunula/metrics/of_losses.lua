-- Metrics that are the mean of a loss formula, and their two odd relatives: the root and the
-- determination.

local core = require "lunula.core"
local ops = require "lunula.ops"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local losses = require "lunula.losses"
local reduction = require "lunula.losses.reduction"
local metric = require "lunula.metrics.metric"
local means = require "lunula.metrics.reduction"

-- The mean of the loss class of that name. options: the arguments it shares with the loss.
local function mean_of_loss(name, doc, declaration)
  declaration = declaration or {}
  local options = declaration.options or {}
  local loss_name, sign = declaration.loss or name, declaration.sign or 1
  -- Keras has the name and the type first, unlike everywhere else.
  local args = { { "name", kinds.name, default = declaration.default_name
    or declare.snake_case(name) }, metric.dtype }
  table.move(options, 1, #options, #args + 1, args)
  means.mean_of(name) {
    doc = doc,
    args = args,
    aliases = declaration.aliases,
    init = function(self)
      means.Mean.init(self)
      local given = {}
      for _, option in ipairs(options) do
        local value = self[option[1]]
        if value == nil then value = core.None end
        given[option[1]] = value
      end
      self.loss = losses[loss_name](given)
    end,
    values = function(self, y_true, y_pred)
      local values, mask = self.loss:values(y_true, y_pred)
      if sign ~= 1 then values = sign * values end
      if mask ~= nil then values.mask = mask end
      return values
    end,
  }
end

mean_of_loss("MeanSquaredError", "The mean squared error.", { aliases = { "mse", "MSE" } })
mean_of_loss("MeanAbsoluteError", "The mean absolute error.", { aliases = { "mae", "MAE" } })
mean_of_loss("MeanAbsolutePercentageError", "The mean error in percent of the target.",
  { aliases = { "mape", "MAPE" } })
mean_of_loss("MeanSquaredLogarithmicError", "The mean squared error of log(x + 1).",
  { aliases = { "msle", "MSLE" } })
mean_of_loss("LogCoshError", "The mean of log(cosh(error)).",
  { loss = "LogCosh", default_name = "logcosh", aliases = { "logcosh", "log_cosh" } })
mean_of_loss("CosineSimilarity", "The cosine of the angle between target and prediction.", {
  sign = -1, default_name = "cosine_similarity", aliases = { "cosine" },
  options = { { "axis", kinds.integer, default = -1, none = true } },
})
mean_of_loss("Hinge", "The mean hinge loss.")
mean_of_loss("SquaredHinge", "The mean squared hinge loss.")
mean_of_loss("CategoricalHinge", "The mean categorical hinge loss.")
mean_of_loss("KLDivergence", "The mean divergence of prediction from target.",
  { aliases = { "kld", "KLD" } })
mean_of_loss("Poisson", "The mean Poisson loss.")

local from_logits = { "from_logits", kinds.boolean, default = false }
local smoothing = { "label_smoothing", kinds.number, default = 0, none = true }
local axis = { "axis", kinds.integer, default = -1, none = true }

mean_of_loss("BinaryCrossentropy", "The mean binary cross-entropy.", {
  default_name = "binary_crossentropy", aliases = { "bce", "BCE" },
  options = { from_logits, smoothing },
})
mean_of_loss("CategoricalCrossentropy", "The mean categorical cross-entropy.", {
  default_name = "categorical_crossentropy", options = { from_logits, smoothing, axis },
})
mean_of_loss("SparseCategoricalCrossentropy", "The mean cross-entropy of class ids.", {
  default_name = "sparse_categorical_crossentropy",
  options = { from_logits, { "ignore_class", kinds.integer },
    { "axis", kinds.integer, default = -1 } },
})

means.mean_of "RootMeanSquaredError" {
  doc = "The root of the mean squared error of all samples.",
  values = function(_, y_true, y_pred)
    y_true, y_pred = reduction.same_rank(reduction.tensor(y_true), reduction.tensor(y_pred))
    return ops.square(ops.cast(y_pred, "float32") - ops.cast(y_true, "float32"))
  end,
  result = function(self) return ops.sqrt(means.Mean.result(self)) end,
}

metric.declare "R2Score" {
  doc = "1 - squared error / variance of the target, per regressor and aggregated.",
  args = {
    { "class_aggregation", kinds.one_of { "uniform_average", "variance_weighted_average" },
      default = "uniform_average", none = true },
    { "num_regressors", kinds.count, default = 0 },
    { "name", kinds.name, default = "r2_score" },
  },
  build = function(self, outputs)
    self.sum = self:add_variable("sum", { outputs })
    self.squared_sum = self:add_variable("squared_sum", { outputs })
    self.residual = self:add_variable("residual", { outputs })
    self.count = self:add_variable("count", { outputs })
    self.samples = self:add_variable "samples"
  end,
  update_state = function(self, y_true, y_pred, sample_weight)
    y_true, y_pred = reduction.tensor(y_true), reduction.tensor(y_pred)
    y_true, y_pred = reduction.same_rank(y_true, y_pred)
    y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    if y_true.rank ~= 2 then
      core.raise("metric %s expects targets of shape (batch, outputs)", self.name)
    end
    if not self.sum then self:build(y_pred.shape[2]) end
    local weight = sample_weight ~= nil and ops.cast(reduction.tensor(sample_weight), "float32")
      or ops.ones_like(ops.sum(y_true, 1))
    if weight.rank == 1 then weight = ops.expand_dims(weight, 1) end
    local weighted = y_true * weight
    self.sum:assign(self.sum + ops.sum(weighted, 0))
    self.squared_sum:assign(self.squared_sum + ops.sum(y_true * weighted, 0))
    self.residual:assign(self.residual + ops.sum(ops.square(y_true - y_pred) * weight, 0))
    self.count:assign(self.count + ops.sum(weight, 0))
    self.samples:assign(self.samples + ops.count(y_true))      -- Keras counts numbers, not rows
  end,
  result = function(self)
    local mean = self.sum / self.count
    local total = self.squared_sum - self.sum * mean
    local raw = 1 - self.residual / total
    raw = ops.where(ops.isinf(raw), 0, raw)
    if self.class_aggregation == "uniform_average" then
      raw = ops.mean(raw)
    elseif self.class_aggregation == "variance_weighted_average" then
      raw = ops.sum(raw * total) / ops.sum(total)
    end
    if self.num_regressors == 0 then return raw end
    local n, p = self.samples.value:item(), self.num_regressors
    if n <= p + 1 then return raw end
    return 1 - (1 - raw) * ((n - 1) / (n - p - 1))
  end,
}
