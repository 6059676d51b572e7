-- RandAugment: a few changes to every batch, chosen at random from eleven.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local boxes = require "lunula.layers.preprocessing.image_preprocessing.boxes"
local chosen_layers = require "lunula.layers.preprocessing.image_preprocessing.chosen_layers"

local names = {
  "random_shear", "random_translation", "random_rotation", "random_brightness",
  "random_color_degeneration", "random_contrast", "random_sharpness", "random_posterization",
  "solarization", "auto_contrast", "equalization",
}

local function applied(self, x, draw, change)
  for i = 1, self.num_ops do
    x = chosen_layers.apply(self._layers, draw.numbers[i], draw.draws, x, change)
  end
  return x
end

return layer "RandAugment" {
  parent = image.Layer,
  doc = "in training applies num_ops layers, chosen at random, to the batch, as strong as factor",
  args = {
    { "value_range", image.value_range, default = { 0, 255 } },
    { "num_ops", kinds.positive, default = 2 },
    { "factor", image.factor(0, 1), default = 0.5 },
    { "interpolation", image.interpolation, default = "bilinear" },
    { "seed", kinds.seed },
    image.data_format,
  },
  init = function (self)
    image.Layer.init(self)
    self._layers = chosen_layers.make(self, names)
  end,
  draw = function (self, images)
    return {
      numbers = ops.floor(image.uniform(self, { self.num_ops }, 0, #names)),
      draws = chosen_layers.draws(self._layers, images),
    }
  end,
  transform = function (self, images, draw)
    return applied(self, images, draw, function (one, x, own)
      return one:transform(x, own, self.interpolation)
    end)
  end,
  move_boxes = true,
  -- Labels go with their boxes as a fifth column: what is lost once stays lost.
  follow_boxes = function (self, x, labels, draw, images)
    local packed = ops.concatenate({ x, ops.expand_dims(ops.cast(labels, "float32"), 2) }, 2)
    packed = applied(self, packed, draw, function (one, both, own)
      if not one.move_boxes then return nil end
      local moved, left = boxes.moved(one, tools.part(both, 2, 0, 4),
        ops.squeeze(tools.part(both, 2, 4, 1), 2), own, images)
      return ops.concatenate({ moved, ops.expand_dims(left, 2) }, 2)
    end)
    labels = ops.cast(ops.squeeze(tools.part(packed, 2, 4, 1), 2), labels.dtype)
    return tools.part(packed, 2, 0, 4), labels, tools.size(images, 1), tools.size(images, 2)
  end,
  -- A mask goes through those layers alone that move pixels.
  transform_masks = function (self, masks, draw)
    return applied(self, masks, draw, function (one, x, own)
      return one.moves_pixels and image.move_masks(one, x, own)
    end)
  end,
}
