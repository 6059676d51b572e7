-- The three settings that ops and layers read: the default float type, the small number that keeps
-- divisions finite, and the layout of images. They stand at the foot of the house, so that every
-- floor above may ask; users reach them through k.backend and k.config.

local core = require "lunula.core"

local config = {}

local settings = {
  floatx = "float32",
  epsilon = 1e-7,
  image_data_format = "channels_last",
}

local layouts = { channels_last = true, channels_first = true }

function config.floatx() return settings.floatx end
function config.epsilon() return settings.epsilon end
function config.image_data_format() return settings.image_data_format end

-- Layers, gradients and products are float32 whatever a script says, so nothing else is promised.
function config.set_floatx(value)
  if value ~= "float32" then
    core.raise("set_floatx: everything computes in float32, got %s; tensors are stored in other "
      .. "types by dtype=, as ops.cast(x, \"float16\")", tostring(value))
  end
end

function config.set_epsilon(value)
  if type(value) ~= "number" or not (value > 0) then
    core.raise("set_epsilon: expected a number above 0, got %s", tostring(value))
  end
  settings.epsilon = value
end

function config.set_image_data_format(value)
  if not layouts[value] then
    core.raise("set_image_data_format: expected channels_last or channels_first, got %s",
      tostring(value))
  end
  settings.image_data_format = value
end

-- The layout an op works in: the one given, else the setting.
function config.layout(data_format)
  if data_format == nil then return settings.image_data_format end
  if not layouts[data_format] then
    core.raise("data_format must be channels_last or channels_first, got %s",
      tostring(data_format))
  end
  return data_format
end

return config
