-- AugMix: every batch mixed with chains of changes to it.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local chosen_layers = require "lunula.layers.preprocessing.image_preprocessing.chosen_layers"
local random = require "lunula.ops.random"

local some = {
  "random_shear", "random_translation", "random_rotation", "random_posterization", "solarization",
  "auto_contrast", "equalization",
}
local further = {
  "random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness",
}

-- The images after the links of a chain.
local function chained(self, images, draw, chain)
  local depth = self.chain_depth
  for link = (chain - 1) * depth + 1, chain * depth do
    images = chosen_layers.apply(self._layers, draw.numbers[link], draw.draws[link], images,
      function (one, x, own) return one:transform(x, own, self.interpolation) end)
  end
  return images
end

return layer "AugMix" {
  parent = image.Layer,
  doc = "in training mixes the images with num_chains chains of chain_depth random changes",
  args = {
    { "value_range", image.value_range, default = { 0, 255 } },
    { "num_chains", kinds.positive, default = 3,
      doc = "how many chains of changes are mixed" },
    { "chain_depth", kinds.positive, default = 3,
      doc = "how many changes a chain has at most" },
    { "factor", image.factor(0, 1), default = 0.3 },
    { "alpha", kinds.positive_number, default = 1.0 },
    { "all_ops", kinds.boolean, default = true,
      doc = "whether brightness, contrast, colour and sharpness may change too" },
    { "interpolation", image.interpolation, default = "bilinear" },
    { "seed", kinds.seed },
    image.data_format,
  },
  init = function (self)
    image.Layer.init(self)
    local names = table.move(some, 1, #some, 1, {})
    if self.all_ops then table.move(further, 1, #further, #names + 1, names) end
    self._layers = chosen_layers.make(self, names)
  end,
  -- For each link of each chain a layer's number, or the one behind the last for none.
  draw = function (self, images)
    local links, draws = self.num_chains * self.chain_depth, {}
    local shares = random.gamma({ self.num_chains }, self.alpha, nil, self.generator)
    for i = 1, links do draws[i] = chosen_layers.draws(self._layers, images) end
    return {
      numbers = ops.floor(image.uniform(self, { links }, 0, #self._layers + 1)),
      shares = shares / ops.sum(shares), draws = draws,
      weight = random.beta({}, self.alpha, self.alpha, nil, self.generator),
    }
  end,
  transform = function (self, images, draw)
    local mixed = ops.zeros_like(images)
    for chain = 1, self.num_chains do
      mixed = mixed + chained(self, images, draw, chain) * draw.shares[chain]
    end
    return image.clip(self, draw.weight * images + (1 - draw.weight) * mixed)
  end,
  without_boxes = "mixes images",
  -- Keras mixes class numbers here.
  transform_masks = function ()
    core.raise("mixes images, whose segmentation_masks cannot follow: leave them out")
  end,
}
