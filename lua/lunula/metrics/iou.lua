-- Intersection over union of classes, from one confusion matrix (rows are true classes).

local core = require "lunula.core"
local ops = require "lunula.ops"
local kinds = require "lunula.kinds"
local reduction = require "lunula.losses.reduction"
local metric = require "lunula.metrics.metric"
local divide = require("lunula.metrics.confusion").divide_no_nan

local function ids(x, sparse, axis)
  x = reduction.tensor(x)
  if not sparse then x = ops.argmax(x, axis) end
  return ops.reshape(ops.cast(x, "int32"), { -1 })
end

local function start(self)
  for _, id in ipairs(self.target_class_ids or {}) do
    if id >= self.num_classes then
      core.raise("metric %s: target_class_ids must be less than num_classes, %d, got %d",
        self.name, self.num_classes, id)
    end
  end
  self.matrix = self:add_variable("total_confusion_matrix", { self.num_classes, self.num_classes })
end

local function add(self, t, p, sample_weight)
  local hot_t = ops.one_hot(t, self.num_classes)
  if sample_weight ~= nil then
    local weight = ops.reshape(ops.cast(reduction.tensor(sample_weight), "float32"), { -1, 1 })
    -- Keras counts in integers unless told otherwise, and so cuts weights down to whole ones.
    if self.dtype:find "^int" then weight = ops.trunc(weight) end
    hot_t = hot_t * weight
  end
  if self.ignore_class then
    hot_t = hot_t * ops.expand_dims(ops.cast(ops.not_equal(t, self.ignore_class), "float32"), -1)
  end
  self.matrix:assign(self.matrix + ops.matmul(hot_t, ops.one_hot(p, self.num_classes), true))
end

-- The mean over the wanted classes that occur.
local function result(self)
  local matrix = self.matrix.value
  local hits = ops.diagonal(matrix)
  local union = ops.sum(matrix, 0) + ops.sum(matrix, 1) - hits
  local wanted = self.target_class_ids
  if wanted then
    hits, union = ops.take(hits, wanted, 0), ops.take(union, wanted, 0)
  end
  local present = ops.cast(ops.greater(union, 0), "float32")
  return divide(ops.sum(divide(hits, union)), ops.sum(present))
end

local dtype = { "dtype", kinds.string, default = "int32", none = "default" }
local classes = { "num_classes", kinds.positive, required = true }
local targets = { "target_class_ids", kinds.list_of(kinds.count), required = true }

local function declare_iou(name, snake, own, fixed)
  local args = { classes }
  for _, arg in ipairs(own) do args[#args + 1] = arg end
  args[#args + 1] = { "name", kinds.name, default = snake }
  args[#args + 1] = dtype
  args[#args + 1] = { "ignore_class", kinds.integer }
  if not fixed.one_hot then args[#args + 1] = { "sparse_y_true", kinds.boolean, default = true } end
  args[#args + 1] = { "sparse_y_pred", kinds.boolean, default = not fixed.one_hot }
  args[#args + 1] = { "axis", kinds.integer, default = -1, none = not fixed.one_hot }
  metric.declare(name) {
    doc = fixed.doc,
    args = args,
    init = start,
    update_state = function(self, y_true, y_pred, sample_weight)
      add(self, ids(y_true, self.sparse_y_true, self.axis),
        ids(y_pred, self.sparse_y_pred, self.axis), sample_weight)
    end,
    result = result,
  }
end

declare_iou("IoU", "io_u", { targets }, { doc = "Intersection over union of the target classes." })
declare_iou("MeanIoU", "mean_io_u", {},
  { doc = "The mean intersection over union of all classes." })
declare_iou("OneHotIoU", "one_hot_io_u", { targets },
  { one_hot = true, doc = "IoU of one-hot labels." })
declare_iou("OneHotMeanIoU", "one_hot_mean_io_u", {},
  { one_hot = true, doc = "MeanIoU of one-hot labels." })

metric.declare "BinaryIoU" {
  doc = "Intersection over union of a class and its absence; a prediction counts from the "
    .. "threshold on.",
  args = {
    { "target_class_ids", kinds.list_of(kinds.count), default = { 0, 1 } },
    { "threshold", kinds.number, default = 0.5 },
    { "name", kinds.name, default = "binary_io_u" }, dtype,
  },
  num_classes = 2,
  init = start,
  update_state = function(self, y_true, y_pred, sample_weight)
    y_pred = ops.cast(ops.greater_equal(reduction.tensor(y_pred), self.threshold), "int32")
    add(self, ids(y_true, true), ids(y_pred, true), sample_weight)
  end,
  result = result,
}
