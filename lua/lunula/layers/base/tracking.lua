-- What belongs to a layer: the layers and variables that are kept in its fields.
--
-- The order in which fields were first assigned is recorded, because the order of weights depends
-- on it and pairs() has none. Tables in fields are searched when the question is asked, so a list
-- that grew later counts as it is.

local core = require "lunula.core"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"

local tracking = {}

-- The __newindex of layers: computed fields first, then the order is noted.
function tracking.assign(self, key, value)
  local metatable = getmetatable(self)
  local setter = metatable.setters[key]
  if setter then return setter(self, value) end
  if metatable.getters[key] then
    core.raise('layer "%s": the field "%s" is computed and cannot be assigned', self.name, key)
  end
  local order = rawget(self, "_order")
  order[#order + 1] = key
  rawset(self, key, value)
end

local function walk(value, seen, visit)
  if core.is_variable(value) then
    visit(value, "variable")
  elseif type(value) == "table" and not seen[value] then
    seen[value] = true
    if declare.is(value, "layer") then
      visit(value, "layer")
    elseif declare.is_plain(value) then
      for _, key in ipairs(nest.keys(value)) do walk(value[key], seen, visit) end
    end
  end
end

-- visit(object, "layer" or "variable"), in the order of assignment, each once.
function tracking.each(self, visit)
  local seen = { [self] = true }
  for _, key in ipairs(self._order) do walk(rawget(self, key), seen, visit) end
end

-- visit(object) for the objects of another kind ("metric") in fields, or in lists there.
function tracking.each_of(self, kind, visit)
  local seen = {}
  local function look(value)
    if type(value) ~= "table" or seen[value] then return end
    seen[value] = true
    if declare.is(value, kind) then
      visit(value)
    elseif declare.is_plain(value) then
      for _, key in ipairs(nest.keys(value)) do look(value[key]) end
    end
  end
  for _, key in ipairs(self._order) do look(rawget(self, key)) end
end

-- visit(metric) for the metrics in fields of the layer and of those inside; a model's are its own
-- matter.
function tracking.each_metric(layer, visit, seen)
  seen = seen or {}
  if seen[layer] then return end
  seen[layer] = true
  tracking.each_of(layer, "metric", visit)
  for _, inner in ipairs(layer:tracked_layers()) do
    if not inner.fit then tracking.each_metric(inner, visit, seen) end
  end
end

-- The layers directly inside this one.
function tracking.layers(self)
  local layers = {}
  tracking.each(self, function (object, what)
    if what == "layer" then layers[#layers + 1] = object end
  end)
  return layers
end

return tracking
