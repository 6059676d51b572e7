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

function utils.Progbar(given)
  return require("lunula.utils.progbar").new(given or {})
end

return utils
