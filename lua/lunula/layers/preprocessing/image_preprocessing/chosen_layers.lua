-- The layers that RandAugment and AugMix choose from, and the choice of one.

local ops = require "lunula.ops"

local classes = {
  random_shear = require "lunula.layers.preprocessing.image_preprocessing.random_shear",
  random_translation = require "lunula.layers.preprocessing.image_preprocessing.random_translation",
  random_rotation = require "lunula.layers.preprocessing.image_preprocessing.random_rotation",
  random_brightness = require "lunula.layers.preprocessing.image_preprocessing.random_brightness",
  random_color_degeneration =
    require "lunula.layers.preprocessing.image_preprocessing.random_color_degeneration",
  random_contrast = require "lunula.layers.preprocessing.image_preprocessing.random_contrast",
  random_sharpness = require "lunula.layers.preprocessing.image_preprocessing.random_sharpness",
  random_posterization =
    require "lunula.layers.preprocessing.image_preprocessing.random_posterization",
  solarization = require "lunula.layers.preprocessing.image_preprocessing.solarization",
  auto_contrast = require "lunula.layers.preprocessing.image_preprocessing.auto_contrast",
  equalization = require "lunula.layers.preprocessing.image_preprocessing.equalization",
}

local chosen_layers = {}

-- What each layer is made with: those that move pixels, those that take a factor, the others.
local function options(self)
  local factor, range, interpolation = self.factor, self.value_range, self.interpolation
  local bits = math.max(1, math.floor(8 * factor[2]))
  return {
    random_shear = { x_factor = factor, y_factor = factor, interpolation = interpolation },
    random_translation = { height_factor = factor, width_factor = factor,
      interpolation = interpolation },
    random_rotation = { factor = factor, interpolation = interpolation },
    random_brightness = { factor = factor, value_range = range },
    random_color_degeneration = { factor = factor, value_range = range },
    random_contrast = { factor = factor, value_range = range },
    random_sharpness = { factor = factor, value_range = range },
    random_posterization = { factor = bits, value_range = range },
    solarization = { addition_factor = factor, threshold_factor = factor, value_range = range },
    auto_contrast = { value_range = range },
    equalization = { value_range = range },
  }
end

-- The layers of these names, as `self` wants them. They draw from its numbers.
function chosen_layers.make(self, names)
  local given, made = options(self), {}
  for i, name in ipairs(names) do
    made[i] = classes[name](given[name])
    made[i].generator = self.generator
  end
  return made
end

-- One draw of each layer; false where it draws nothing.
function chosen_layers.draws(layers, images)
  local draws = {}
  for i, one in ipairs(layers) do draws[i] = one:draw(images) or false end
  return draws
end

-- x after change(layer, x, draw) for the layer of this number, counted from 0; for a number behind
-- the last, or a change of nil, x itself. In a trace the number is not known: all are computed.
function chosen_layers.apply(layers, number, draws, x, change)
  if type(number) == "number" then
    local i = math.tointeger(number) + 1
    return layers[i] and change(layers[i], x, draws[i] or nil) or x
  end
  local result = x
  for i, one in ipairs(layers) do
    local changed = change(one, x, draws[i] or nil)
    if changed then result = ops.where(ops.equal(number, i - 1), changed, result) end
  end
  return result
end

return chosen_layers
