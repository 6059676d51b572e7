-- K's losses that today's ops do not have.

local config = require "lunula.ops.config"
local ops = require "lunula.ops"
local takes = require("lunula.ops.tools").takes

local K = {}

-- The cross-entropy of probabilities, in which sure predictions weigh less.
K.binary_focal_crossentropy = takes("K.binary_focal_crossentropy",
  "target:data, output:data, apply_class_balancing:bool=false, alpha:num=0.25, "
    .. "gamma:num=2, from_logits:bool=false",
  function (target, output, apply_class_balancing, alpha, gamma, from_logits)
    local p = from_logits and ops.sigmoid(output) or output
    local p_of_target = target * p + (1 - target) * (1 - p)
    local loss = (1 - p_of_target) ^ gamma * ops.binary_crossentropy(target, output, from_logits)
    if not apply_class_balancing then return loss end
    return (target * alpha + (1 - target) * (1 - alpha)) * loss
  end)

-- The cross-entropy of classes, in which sure predictions weigh less.
K.categorical_focal_crossentropy = takes("K.categorical_focal_crossentropy",
  "target:data, output:data, alpha:num=0.25, gamma:num=2, from_logits:bool=false, "
    .. "axis:int=-1",
  function (target, output, alpha, gamma, from_logits, axis)
    if from_logits then output = ops.softmax(output, axis) end
    local p = ops.clip(output / ops.sum(output, axis, true), config.epsilon(), 1 - config.epsilon())
    local weight = (1 - p) ^ gamma * alpha
    return ops.sum(weight * -target * ops.log(p), axis)
  end)

return K
