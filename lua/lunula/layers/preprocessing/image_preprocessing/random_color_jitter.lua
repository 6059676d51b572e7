-- RandomColorJitter: brightness, contrast, saturation and hue changed one after the other.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local brightness = require "lunula.layers.preprocessing.image_preprocessing.random_brightness"
local contrast = require "lunula.layers.preprocessing.image_preprocessing.random_contrast"
local saturation = require "lunula.layers.preprocessing.image_preprocessing.random_saturation"
local hue = require "lunula.layers.preprocessing.image_preprocessing.random_hue"

local steps = {
  { "brightness_factor", brightness }, { "contrast_factor", contrast },
  { "saturation_factor", saturation }, { "hue_factor", hue },
}

return layer "RandomColorJitter" {
  parent = image.Layer,
  doc = "in training changes brightness, contrast, saturation and hue, those whose factor is given",
  args = {
    { "value_range", image.value_range, default = { 0, 255 } },
    { "brightness_factor", image.factor(-1, 1, true) },
    { "contrast_factor", image.factor(0, 1, true) },
    { "saturation_factor", image.factor(-1, 1, true) },
    { "hue_factor", image.factor(0, 1, true) },
    { "seed", kinds.seed },
    image.data_format,
  },
  init = function (self)
    image.Layer.init(self)
    self._steps = {}
    for _, step in ipairs(steps) do
      local factor, class = self[step[1]], step[2]
      if factor ~= nil then
        local one = class { factor, value_range = self.value_range }
        one.generator = self.generator
        self._steps[#self._steps + 1] = one
      end
    end
  end,
  -- What is drawn does not depend on the images: all of it can be drawn first.
  draw = function (self, images)
    local draws = {}
    for i, step in ipairs(self._steps) do draws[i] = step:draw(images) end
    return draws
  end,
  transform = function (self, images, draws)
    for i, step in ipairs(self._steps) do images = step:transform(images, draws[i]) end
    return images
  end,
}
