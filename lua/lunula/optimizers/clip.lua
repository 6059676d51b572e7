-- Gradients kept small: by value, by the norm of each, or by the norm of all together.

local ops = require "lunula.ops"

local clip = {}

local function squared_norm(grad)
  return ops.sum(ops.square(grad))
end

-- A number that is not finite as soon as one of the gradient's is not: the squared norm where it is
-- needed anyway, and must not overflow, else the sum.
function clip.measure(optimizer, grad)
  local by_norm = (optimizer.clipnorm or optimizer.global_clipnorm or 0) > 0
  return by_norm and squared_norm(grad) or ops.sum(grad)
end

-- grad * limit / max(norm, limit)
local function by_norm(grad, limit)
  local norm = ops.sqrt(squared_norm(grad))
  return grad * (limit / ops.maximum(norm, limit))
end

local function by_global_norm(grads, limit)
  local sum = 0
  for _, grad in ipairs(grads) do sum = sum + squared_norm(grad) end
  local scale = limit * ops.minimum(1 / ops.sqrt(sum), 1 / limit)
  local clipped = {}
  for i, grad in ipairs(grads) do clipped[i] = grad * scale end
  return clipped
end

-- The gradients as the optimizer's options want them.
function clip.all(optimizer, grads)
  if optimizer.global_clipnorm and optimizer.global_clipnorm > 0 then
    return by_global_norm(grads, optimizer.global_clipnorm)
  end
  local clipped = {}
  for i, grad in ipairs(grads) do
    if optimizer.clipnorm and optimizer.clipnorm > 0 then
      grad = by_norm(grad, optimizer.clipnorm)
    elseif optimizer.clipvalue and optimizer.clipvalue > 0 then
      grad = ops.clip(grad, -optimizer.clipvalue, optimizer.clipvalue)
    end
    clipped[i] = grad
  end
  return clipped
end

return clip
