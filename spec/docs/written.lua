-- Values and constructor calls as Lua writes them, for examples: what is written here runs.

local declare = require "lunula.declare"
local k = require "lunula"

local written = {}

-- The layer that a config tells: { class_name =, config = }; else nil.
local function layer_of(value)
  local name = value.class_name
  if type(name) ~= "string" or type(value.config) ~= "table" then return nil end
  local ok, layer = pcall(k.layers.deserialize, value)
  return ok and declare.is(layer, "layer") and layer or nil
end

-- The entries of a list, then those with names; nil where one cannot be written.
local function entries(value)
  local parts, names = {}, {}
  for i, inner in ipairs(value) do
    parts[i] = written.value(inner)
    if not parts[i] then return nil end
  end
  for name in pairs(value) do
    if type(name) == "string" then names[#names + 1] = name
    elseif math.type(name) ~= "integer" or name > #value then return nil end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local text = written.value(value[name])
    if not text then return nil end
    parts[#parts + 1] = name .. " = " .. text
  end
  return parts
end

-- A value of an option; nil where it cannot be written.
function written.value(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) == "boolean" then return tostring(value) end
  if type(value) == "number" then return value == value and declare.show(value) or nil end
  if type(value) ~= "table" then return nil end
  local layer = layer_of(value)
  if layer then return written.call(layer) end
  if value.class_name then return ("%q"):format(value.class_name) end
  local parts = entries(value)
  return parts and (#parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }")
end

-- Does the layer come out the same without this option? Then it need not be said.
local function goes_without(layer, name)
  local config = {}
  for key, value in pairs(layer:get_config()) do config[key] = key ~= name and value or nil end
  local ok, other = pcall(declare.class_of(layer).from_config, config)
  return ok and declare.text(other) == declare.text(layer)
end

-- The call that makes a layer, without its name; nil where it cannot be written.
function written.call(layer)
  local parts = {}
  for _, row in ipairs(declare.said(layer)) do
    local name, value = row[1], row[2]
    if name ~= "name" and not goes_without(layer, name) then
      local text = written.value(value)
      if not text then return nil end
      parts[#parts + 1] = name .. " = " .. text
    end
  end
  local inside = #parts == 0 and "()" or " { " .. table.concat(parts, ", ") .. " }"
  return ("k.layers.%s%s"):format(layer.class_name, inside)
end

return written
