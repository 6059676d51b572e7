-- What was traced of a model is old when something in it changes that is no weight: its layers,
-- the vocabulary of one. Changes are counted, so that a model soon finds that there were none.

local changes = {}

local count = 0   -- of all changes so far

-- Functions that stand in models themselves before their methods, by name: good until a model
-- changes, any of them, since it may be inside of another.
local shortened = setmetatable({}, { __mode = "k" })

-- A function of the user's in that place stays.
function changes.shorten(self, functions)
  for name in pairs(functions) do
    if rawget(self, name) ~= nil then return end
  end
  for name, fn in pairs(functions) do rawset(self, name, fn) end
  shortened[self] = functions
end

local function lengthen(self, functions)
  for name, fn in pairs(functions) do
    if rawget(self, name) == fn then rawset(self, name, nil) end
  end
  shortened[self] = nil
end

-- What was traced of this layer, or model, and of models that hold it, is old.
function changes.note(self)
  for other, functions in pairs(shortened) do lengthen(other, functions) end
  count = count + 1
  rawset(self, "_changed_at", count)
end

local function newest_change(layer, seen)
  if seen[layer] then return 0 end
  seen[layer] = true
  local newest = rawget(layer, "_changed_at") or 0
  for _, inner in ipairs(layer:tracked_layers()) do
    newest = math.max(newest, newest_change(inner, seen))
  end
  return newest
end

-- The number of the last change to the model or to one inside of it. It is looked for again only
-- when some model changed meanwhile.
function changes.version(self)
  if rawget(self, "_version_seen") ~= count then
    rawset(self, "_version_found", newest_change(self, {}))
    rawset(self, "_version_seen", count)
  end
  return rawget(self, "_version_found")
end

return changes
