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

local may_hold = { table = true, userdata = true }   -- types of values
local none = {}

-- The keys of what may hold objects, in order. Tables of numbers and names, as shapes, are most of
-- those in fields.
local function keys_of(t)
  local keys, only = 0, nil
  for key, value in next, t do
    if may_hold[type(value)] then keys, only = keys + 1, key end
  end
  if keys == 0 then return none end
  if keys == 1 and (only == 1 or type(only) == "string") then return { only } end
  return nest.keys(t)
end

local function walk(value, seen, visit)
  local told = type(value)
  if told == "userdata" then
    if core.is_variable(value) then visit(value, "variable") end
  elseif told == "table" and not seen[value] then
    seen[value] = true
    local class = declare.class_of(value)
    if class then
      visit(value, class.kind)
    elseif declare.is_plain(value) then
      for _, key in ipairs(keys_of(value)) do walk(value[key], seen, visit) end
    end
  end
end

-- visit(object, kind) for the objects in fields, or in lists there, in the order of assignment,
-- each once. kind: "layer", "variable", "metric" …
function tracking.each(self, visit)
  local seen, order = { [self] = true }, rawget(self, "_order")
  for i = 1, #order do
    local value = rawget(self, order[i])
    if may_hold[type(value)] then walk(value, seen, visit) end
  end
end

-- The layers directly inside this one.
function tracking.layers(self)
  local layers = {}
  tracking.each(self, function (object, kind)
    if kind == "layer" then layers[#layers + 1] = object end
  end)
  return layers
end

-- visit(metric) for the metrics in fields of the layer and of those inside; a model's are its own
-- matter.
function tracking.each_metric(layer, visit, seen)
  seen = seen or {}
  if seen[layer] then return end
  seen[layer] = true
  local layers = {}
  tracking.each(layer, function (object, kind)
    if kind == "metric" then visit(object) end
    if kind == "layer" then layers[#layers + 1] = object end
  end)
  if layer.tracked_layers ~= tracking.layers then layers = layer:tracked_layers() end
  for _, inner in ipairs(layers) do
    if not inner.fit then tracking.each_metric(inner, visit, seen) end
  end
end

return tracking
