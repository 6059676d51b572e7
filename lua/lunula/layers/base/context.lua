-- The call that is going on: whether it is training, and which layer was entered first.
--
-- A layer called inside another one's call takes the training flag from there, unless it is told.

local context = {}

local current   -- the innermost call, or nil

local function leave(self)
  current = self.outer
end

local Scope = { __close = leave }

-- To be held in a <close> variable. `entry` is true for a call that no other one encloses.
function context.enter(layer, training)
  local outer = current
  if training == nil then training = outer and outer.training end
  if training == nil then training = layer.default_training or false end
  current = setmetatable({ outer = outer, entry = outer == nil, training = training }, Scope)
  return current
end

return context
