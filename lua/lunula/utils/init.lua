-- k.utils: tools that are not layers.

local core = require "lunula.core"
local declare = require "lunula.declare"
local data = require "lunula.utils.data"

local utils = {
  to_categorical = data.to_categorical,
  normalize = data.normalize,
  pad_sequences = data.pad_sequences,
  split = data.split,
}

-- Everything random that follows is decided by the number: weights, dropout, shuffling.
function utils.set_random_seed(seed)
  local number = math.type(seed) and math.tointeger(seed)
  if not number then core.raise("set_random_seed takes a whole number, got %s", tostring(seed)) end
  core.seed(number)
end

-- Names that configs may use for good: get_custom_objects().MyLayer = MyLayer.
utils.get_custom_objects = declare.custom_objects

utils.serialize_keras_object = declare.serialize

-- An object of any kind from {class_name=, config=}.
function utils.deserialize_keras_object(config, custom_objects)
  return declare.with_custom_objects(custom_objects, function()
    for _, kind in ipairs { "layer", "optimizer", "loss", "metric", "initializer", "regularizer",
      "constraint", "schedule", "callback" } do
      local found = declare.find(kind, config)
      if found ~= nil then return found end
    end
    core.raise("no class is named \"%s\"", tostring(type(config) == "table" and config.class_name))
  end)
end

-- register_keras_serializable(package, name)(Class): configs may say "package>name" from now on.
function utils.register_keras_serializable(package, name)
  return function(class)
    local objects = declare.custom_objects()
    name = name or class.name
    objects[(package or "Custom") .. ">" .. name] = class
    objects[name] = class
    return class
  end
end

function utils.is_keras_tensor(x)
  return require("lunula.models.ktensor").is(x)
end

-- Counting of layer names begins again.
function utils.clear_session()
  require("lunula.layers.base.names").reset()
end

function utils.Progbar(given)
  if given ~= nil and type(given) ~= "table" then
    core.raise("Progbar: the options must be a table, as {target = 10}, got %s", type(given))
  end
  return require("lunula.utils.progbar").new(given or {})
end

return utils
