-- Cross-entropies: of probabilities, of logits, with smoothed labels, and their focal forms.

local core = require "lunula.core"
local ops = require "lunula.ops"
local config = require "lunula.ops.config"
local kinds = require "lunula.kinds"
local shape_text = require("lunula.ops.tools").shape_text
local losses = require "lunula.losses.loss"

local loss, reduction = losses.declare, losses.reduction_argument

local from_logits = { "from_logits", kinds.boolean, default = false }
local label_smoothing = { "label_smoothing", kinds.number, default = 0.0, none = true }
local axis = { "axis", kinds.integer, default = -1, none = true }

local function smooth_binary(y_true, amount)
  if not amount or amount == 0 then return y_true end
  return y_true * (1 - amount) + 0.5 * amount
end

local function smooth_categorical(y_true, amount, along)
  if not amount or amount == 0 then return y_true end
  local shape = y_true.shape
  along = along or -1
  local classes = shape[along < 0 and #shape + along + 1 or along + 1]
  if not classes then core.raise("label_smoothing needs a known number of classes") end
  return y_true * (1 - amount) + amount / classes
end

loss "BinaryCrossentropy" {
  doc = "-(y_true log(y_pred) + (1 - y_true) log(1 - y_pred)), the mean over the axis",
  args = { from_logits, label_smoothing, axis },
  aliases = { "bce", "BCE" },
  call = function(self, y_true, y_pred)
    y_true = smooth_binary(y_true, self.label_smoothing)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, self.from_logits), self.axis)
  end,
}

loss "BinaryFocalCrossentropy" {
  doc = "binary cross-entropy that counts what is predicted well for less",
  args = {
    { "apply_class_balancing", kinds.boolean, default = false },
    { "alpha", kinds.number, default = 0.25 },
    { "gamma", kinds.number, default = 2.0 },
    from_logits, label_smoothing, axis,
  },
  call = function(self, y_true, y_pred)
    y_true = smooth_binary(y_true, self.label_smoothing)
    if self.from_logits then y_pred = ops.sigmoid(y_pred) end
    local values = ops.binary_crossentropy(y_true, y_pred)
    local p_true = y_true * y_pred + (1 - y_true) * (1 - y_pred)
    values = ops.power(1 - p_true, self.gamma) * values
    if self.apply_class_balancing then
      values = values * (y_true * self.alpha + (1 - y_true) * (1 - self.alpha))
    end
    return ops.mean(values, self.axis)
  end,
}

loss "CategoricalCrossentropy" {
  hint = "for class ids use sparse_categorical_crossentropy, or utils.to_categorical",
  doc = "-sum y_true log(y_pred) over the classes, y_true one-hot",
  args = { from_logits, label_smoothing, axis },
  call = function(self, y_true, y_pred)
    y_true = smooth_categorical(y_true, self.label_smoothing, self.axis)
    return ops.categorical_crossentropy(y_true, y_pred, self.from_logits, self.axis or core.None)
  end,
}

loss "CategoricalFocalCrossentropy" {
  doc = "categorical cross-entropy that counts what is predicted well for less",
  args = {
    { "alpha", kinds.number, default = 0.25 },
    { "gamma", kinds.number, default = 2.0 },
    from_logits, label_smoothing, axis,
  },
  call = function(self, y_true, y_pred)
    y_true = smooth_categorical(y_true, self.label_smoothing, self.axis)
    if self.from_logits then y_pred = ops.softmax(y_pred, self.axis or core.None) end
    y_pred = y_pred / ops.sum(y_pred, self.axis, true)
    local epsilon = config.epsilon()
    y_pred = ops.clip(y_pred, epsilon, 1 - epsilon)
    local values = -y_true * ops.log(y_pred)
    return ops.sum(self.alpha * ops.power(1 - y_pred, self.gamma) * values, self.axis)
  end,
}

-- Class ids with a last axis of size 1 beside predictions of the same rank lose it.
local function ids_of(self, y_true, y_pred)
  local shape, wanted = y_true.shape, y_pred.shape
  if #shape == #wanted and #shape > 1 and shape[#shape] == wanted[#wanted]
    and shape[#shape] ~= 1 then
    core.raise("loss %s takes class ids, but the targets have the shape of the predictions, %s; "
      .. "for one-hot targets use categorical_crossentropy", self.name, shape_text(shape))
  end
  if #shape == y_pred.rank and shape[#shape] == 1 then y_true = ops.squeeze(y_true, -1) end
  return ops.cast(y_true, "int32")
end

loss "SparseCategoricalCrossentropy" {
  doc = "-log(y_pred) of the class whose id y_true gives; ids count from 0",
  args = {
    from_logits,
    { "ignore_class", kinds.integer },
    reduction,      -- Keras has it before axis
    { "axis", kinds.integer, default = -1 },
  },
  takes_class_ids = true,
  class_axis = function(self) return self.axis end,
  call = function(self, y_true, y_pred)
    local ids = ids_of(self, y_true, y_pred)
    if not self.ignore_class then
      return ops.sparse_categorical_crossentropy(ids, y_pred, self.from_logits, self.axis)
    end
    local valid = ops.not_equal(ids, self.ignore_class)
    ids = ops.where(valid, ids, 0)
    local values = ops.sparse_categorical_crossentropy(ids, y_pred, self.from_logits, self.axis)
    return ops.where(valid, values, 0), valid
  end,
}

local power = {
  name = "a number between 0 and 1",
  check = function(value)
    local fraction = kinds.fraction.check(value)
    return fraction and fraction > 0 and fraction < 1 and fraction or nil
  end,
  never_none = true, never_false = true,
}

loss "CategoricalGeneralizedCrossEntropy" {
  doc = "(1 - p^q) / q of the probability p of the class whose id y_true gives; bears wrong labels",
  args = { { "q", power, default = 0.5,
    doc = "between cross-entropy (0) and mean absolute error (1)" } },
  takes_class_ids = true,
  class_axis = function() return -1 end,
  call = function(self, y_true, y_pred)
    local ids = ops.expand_dims(ids_of(self, y_true, y_pred), -1)
    local p = ops.squeeze(ops.take_along_axis(y_pred, ids, -1), -1)
    return (1 - ops.power(p, self.q)) / self.q
  end,
}
