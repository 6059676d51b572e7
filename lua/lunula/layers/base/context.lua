-- The call that is going on: whether it is training, and which layer was entered first.
--
-- A layer called inside another one's call takes the training flag from there, unless it is told.
-- Each coroutine has calls of its own: one that yields in the middle of a call leaves the others
-- as they are.

local context = {}

local current = setmetatable({}, { __mode = "k" })   -- coroutine -> its innermost call

local function leave(self)
  current[self.coroutine] = self.outer
end

local Scope = { __close = leave }

-- To be held in a <close> variable. `entry` is true for a call that no other one encloses.
function context.enter(layer, training)
  local running = coroutine.running()
  local outer = current[running]
  if training == nil then training = outer and outer.training end
  if training == nil then training = layer.default_training or false end
  local scope = setmetatable({
    outer = outer, entry = outer == nil, training = training, coroutine = running,
  }, Scope)
  current[running] = scope
  return scope
end

return context
