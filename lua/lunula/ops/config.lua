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

local float_types = { float16 = true, bfloat16 = true, float32 = true, float64 = true }
local layouts = { channels_last = true, channels_first = true }

function config.floatx() return settings.floatx end
function config.epsilon() return settings.epsilon end
function config.image_data_format() return settings.image_data_format end

function config.set_floatx(value)
  if not float_types[value] then
    core.raise("set_floatx: expected float16, bfloat16, float32 or float64, got %s",
      tostring(value))
  end
  settings.floatx = value
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
