-- Gradients kept small: by value, by the norm of each, or by the norm of all together.

local ops = require "lunula.ops"

local clip = {}

local function squared_norm(grad)
  return ops.sum(ops.square(grad))
end

-- grad * limit / max(norm, limit)
local function by_norm(grad, limit)
  local norm = ops.sqrt(squared_norm(grad))
  return grad * (limit / ops.maximum(norm, limit))
end

local function by_global_norm(grads, limit)
  local sum = 0
  for _, grad in ipairs(grads) do sum = sum + squared_norm(grad) end
  local norm = ops.sqrt(sum)
  local scale = limit * ops.minimum(1 / norm, 1 / limit)
  scale = scale + (norm - norm)            -- not a number where the norm is not finite
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
