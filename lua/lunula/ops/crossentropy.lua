-- Cross-entropies between labels and predictions, as Keras's losses use them: probabilities are
-- made to sum to 1 and kept away from 0 and 1; logits go the stable way.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.family "nn"

-- Both, of the same shape: where only one knows a size, the other must turn out to have it.
local function of_one_shape(name, target, output)
  local a, b = target.shape, output.shape
  local same = #a == #b
  for i = 1, same and #a or 0 do
    if a[i] and b[i] and a[i] ~= b[i] then same = false end
  end
  if not same then
    core.raise("%s: target and output must have the same shape: target is %s, output is %s", name,
      tools.shape_text(a), tools.shape_text(b))
  end
  for i = 1, #a do
    if a[i] and not b[i] then output = tools.with_size(output, i - 1, a[i]) end
    if b[i] and not a[i] then target = tools.with_size(target, i - 1, b[i]) end
  end
  return target, output
end

local function log_probabilities(output, from_logits, axis)
  output = tools.float(output)
  if from_logits then return ops.log_softmax(output, axis or core.None) end
  local epsilon = config.epsilon()
  output = output / ops.sum(output, axis, true)
  return ops.log(ops.clip(output, epsilon, 1 - epsilon))
end

op("categorical_crossentropy", "target, output, from_logits:bool=false, axis:int?=-1",
  "-sum(target * log(output)) along the axis.", function (target, output, from_logits, axis)
    if output.rank < 1 then core.raise("categorical_crossentropy: output must have an axis") end
    target, output = of_one_shape("categorical_crossentropy", target, output)
    return -ops.sum(target * log_probabilities(output, from_logits, axis), axis)
  end)

-- The row gives what its gradient needs besides.
local class_losses = tools.row "class_losses"

op("class_losses", "logits, ids", "-log(softmax) of the class numbers in ids, along the last axis.",
  function (logits, ids) return (class_losses(logits, ids)) end, { file_class = "lunula" })

-- Class numbers do not count from the end: -1 is a mistake, or a mark of what has no class.
local take_class = tools.row "take_along_axis"

op("sparse_categorical_crossentropy", "target, output, from_logits:bool=false, axis:int=-1",
  "-log(output) of the class numbers in target, which count from 0.",
  function (target, output, from_logits, axis)
    local name = "sparse_categorical_crossentropy"
    if output.rank < 1 then core.raise("%s: output must have an axis", name) end
    axis = tools.axis(name, axis, output.rank)
    local ids = tools.cast(target, "int32")
    if from_logits and axis == output.rank - 1 and ids.rank == axis then
      return ops.class_losses(tools.float(output), ids)
    end
    local logs = log_probabilities(output, from_logits, axis)
    if ids.rank == output.rank - 1 then
      ids = ops.expand_dims(ids, axis)
    elseif ids.rank ~= output.rank or ids.shape[axis + 1] ~= 1 then
      core.raise("%s: target must have output's shape without axis %d: target is %s, output is %s",
        name, axis, tools.shape_text(target.shape), tools.shape_text(output.shape))
    end
    return -ops.sum(take_class(logs, ids, axis, false), axis)
  end)

op("binary_crossentropy", "target, output, from_logits:bool=false",
  "-(target * log(output) + (1 - target) * log(1 - output)), element by element.",
  function (target, output, from_logits)
    target, output = of_one_shape("binary_crossentropy", target, output)
    target, output = tools.float(target), tools.float(output)
    if from_logits then
      return ops.softplus(output) - target * output
    end
    local epsilon = config.epsilon()
    output = ops.clip(output, epsilon, 1 - epsilon)
    return -(target * ops.log(output) + (1 - target) * ops.log1p(-output))
  end)
