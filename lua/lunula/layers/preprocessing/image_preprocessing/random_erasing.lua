-- RandomErasing: a rectangle of an image is filled with a value or with noise.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local rectangles = require "lunula.layers.preprocessing.image_preprocessing.rectangles"
local random = require "lunula.ops.random"

local fill = {
  name = "a number or a list of three",
  check = function (value)
    if type(value) == "number" then return value end
    if type(value) ~= "table" or #value ~= 3 then return nil end
    for i = 1, 3 do if type(value[i]) ~= "number" then return nil end end
    return value
  end,
}

local function filling(self, images)
  if self.fill_value then return image.clip(self, core.tensor(self.fill_value, "float32")) end
  local noise = random.normal(images, 0, 1, nil, self.generator)
  return image.clip(self, noise * self.value_range[2])
end

return layer "RandomErasing" {
  parent = image.Layer,
  doc = "in training fills a rectangle of an image, with a chance drawn from factor; scale is its "
    .. "share of the area, fill_value None is noise",
  args = {
    { "factor", image.factor(0, 1), default = 1.0 },
    { "scale", image.factor(0, 1), default = { 0.02, 0.33 },
      doc = "which part of the picture is erased" },
    { "fill_value", fill },
    { "value_range", image.value_range, default = { 0, 255 } },
    { "seed", kinds.seed },
    image.data_format,
  },
  draw = function (self, images)
    local function side()
      return ops.sqrt(image.one_per_image(self, images, self.scale[1], self.scale[2]))
    end
    local mask = rectangles.mask(images, rectangles.draw(self, images, side(), side()))
    return { mask = ops.logical_and(image.chosen(self, images, self.factor), mask),
      filling = filling(self, images) }
  end,
  transform = function (_, images, draw)
    return ops.where(draw.mask, draw.filling, images)
  end,
}
