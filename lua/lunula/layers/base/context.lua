-- The call that is going on: whether it is training, and which layer was entered first.
--
-- A layer called inside another one's call takes the training flag from there, unless it is told.
-- Where nobody has told, it is false, save for layers with a default of their own.
-- Each coroutine has calls of its own: one that yields in the middle of a call leaves the others
-- as they are. One that is resumed inside a call is a part of that call.

local core = require "lunula.core"

local context = {}

-- Calls within calls: more than any program means, and few enough frames for an error to find the
-- line of the user below them.
local deepest = 150

local current = setmetatable({}, { __mode = "k" })   -- coroutine -> its innermost call

local function leave(self)
  local outer = self.outer
  local is_own = outer and outer.coroutine == self.coroutine
  current[self.coroutine] = is_own and outer or nil
end

local Scope = { __close = leave }

-- The innermost call of the coroutines that wait for this one to yield or end.
local function call_of_resumer()
  local found
  for thread, scope in pairs(current) do
    local waits = coroutine.status(thread) == "normal"
    if waits and (not found or scope.depth > found.depth) then found = scope end
  end
  return found
end

local function push(scope, outer)
  scope.outer, scope.coroutine = outer, coroutine.running()
  scope.depth = outer and outer.depth + 1 or 1
  current[scope.coroutine] = scope
  return setmetatable(scope, Scope)
end

local function innermost()
  return current[coroutine.running()] or call_of_resumer()
end

-- To be held in a <close> variable. `entry` is true for a call that no other one encloses.
function context.enter(layer, training)
  local outer = innermost()
  if training == nil and outer then training = outer.told end
  if training == nil then training = layer.default_training end
  if outer and outer.depth >= deepest then
    core.raise("calls of layers are nested deeper than %d; does the layer call itself?", deepest)
  end
  return push({
    layer = layer, entry = not (outer and outer.called), called = true, told = training,
    training = training or false, shapes = outer and outer.shapes,
  }, outer)
end

-- The calls that are made meanwhile are to tell the shapes and types of results, and no more.
function context.for_shapes(layer)
  local outer = innermost() or {}
  return push({ layer = layer, called = outer.called, told = outer.told, shapes = true },
    outer.depth and outer)
end

function context.is_for_shapes()
  local scope = innermost()
  return scope and scope.shapes or false
end

-- The same for a layer that is no call but builds others, or puts them into itself: weights that
-- are made meanwhile lie within it.
function context.within(layer)
  local outer = innermost() or {}
  return push({ layer = layer, called = outer.called, told = outer.told }, outer.depth and outer)
end

-- The names of the layers that are open, from the outermost on, and this one last: "lstm/cell".
function context.path(layer)
  local names, last, scope = { layer.name }, layer, innermost()
  while scope do
    if scope.layer ~= last then table.insert(names, 1, scope.layer.name) end
    last, scope = scope.layer, scope.outer
  end
  return table.concat(names, "/")
end

-- The training flag of the innermost call if somebody has told it, else nil.
function context.told()
  local scope = current[coroutine.running()]
  return scope and scope.told
end

return context
