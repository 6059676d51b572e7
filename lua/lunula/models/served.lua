-- What a model predicts as one Function of core, for hosts in C: they run it without Lua. With it
-- come the names of its inputs and outputs, where they have some, and the layer that enters Lua all
-- the same.
--
-- The Function takes the inputs of the model in their order, with their declared shapes and
-- dtypes; a model that was only ever shown data takes what it was shown.

local core = require "lunula.core"

local function declared_specs(model)
  local specs = {}
  for i, kt in ipairs(model._inputs) do
    specs[i] = { shape = kt.shape, dtype = kt.dtype, name = kt.name }
  end
  return specs
end

-- What predict traced, when it was called on one kind of data.
local function traced_before(model)
  local found
  for key, entry in pairs(model._functions) do
    if key:find "^predict;" and entry.version == model:_version() then
      if found then return nil end
      found = entry.call
    end
  end
  return found
end

local function function_of(model)
  if type(model._forward) ~= "function" then
    core.raise("a model is wanted, got %s", tostring(model))
  end
  if model.run_eagerly then
    core.raise("model \"%s\" was compiled with run_eagerly=true and only runs in Lua", model.name)
  end
  if not model._inputs then
    return traced_before(model) or core.raise("model \"%s\" does not know its inputs: start it "
      .. "with an Input, or call predict on one batch of data first", model.name)
  end
  local specs = declared_specs(model)
  local structure = #specs == 1 and "single" or "list"
  return core.trace(specs, function(...)
    return table.unpack(model:_forward({ ... }, structure, false))
  end)
end

-- The first layer with a step in Lua, as messages call it, or nil.
local function layer_in_lua(layer)
  if layer.hosted or layer.trace == false then
    return ('layer "%s" (%s)'):format(layer.name, layer.class_name)
  end
  for _, inner in ipairs(layer:tracked_layers()) do
    local found = layer_in_lua(inner)
    if found then return found end
  end
end

return function(model)
  local traced = function_of(model)
  return traced, model.input_names, model.output_names, layer_in_lua(model)
end
