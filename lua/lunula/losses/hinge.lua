-- Losses that ask for a margin. Targets of 0 and 1 are read as -1 and 1.

local ops = require "lunula.ops"
local loss = require("lunula.losses.loss").declare

-- Only a target that holds nothing but 0 and 1 is converted.
local function to_signs(y_true)
  local is_binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
  return ops.where(is_binary, 2 * y_true - 1, y_true)
end

loss "Hinge" {
  doc = "mean max(1 - y_true y_pred, 0)",
  call = function(_, y_true, y_pred)
    return ops.mean(ops.relu(1 - to_signs(y_true) * y_pred), -1)
  end,
}

loss "SquaredHinge" {
  doc = "mean max(1 - y_true y_pred, 0)^2",
  call = function(_, y_true, y_pred)
    return ops.mean(ops.square(ops.relu(1 - to_signs(y_true) * y_pred)), -1)
  end,
}

loss "CategoricalHinge" {
  doc = "max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0)",
  call = function(_, y_true, y_pred)
    local right = ops.sum(y_true * y_pred, -1)
    local wrong = ops.max((1 - y_true) * y_pred, -1)
    return ops.relu(wrong - right + 1)
  end,
}
