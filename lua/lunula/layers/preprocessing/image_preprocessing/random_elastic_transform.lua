-- RandomElasticTransform: images pulled about as if drawn on rubber.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local warp = require "lunula.ops.warp"

local function bent(self, x, draw, interpolation)
  local y = warp.displaced(x, draw.right, draw.down, interpolation, self.fill_mode,
    self.fill_value)
  return ops.where(draw.chosen, y, x)
end

return layer "RandomElasticTransform" {
  parent = image.Layer,
  doc = "in training bends images, each with a chance drawn from factor; scale says how far",
  args = {
    { "factor", image.factor(0, 1), default = 1.0 },
    { "scale", image.factor(0, 1), default = 1.0 },
    { "interpolation", image.interpolation, default = "bilinear" },
    { "fill_mode", kinds.one_of { "constant", "nearest", "wrap", "mirror", "reflect" },
      default = "reflect" },
    { "fill_value", kinds.number, default = 0.0 },
    { "value_range", image.value_range, default = { 0, 255 } },
    { "seed", kinds.seed },
    image.data_format,
  },
  draw = function (self, images)
    local height, width = tools.size(images, 1), tools.size(images, 2)
    local far = image.uniform(self, {}, self.scale[1], self.scale[2])
    local right, down = warp.field(images, tools.max(height, width) * 0.1 * far,
      ops.maximum(tools.min(height, width) * 0.05 * far, 1e-6), self.generator)
    return { chosen = image.chosen(self, images, self.factor), right = right, down = down }
  end,
  without_boxes = "bends images",
  transform = function (self, images, draw, interpolation)
    return image.clip(self, bent(self, images, draw, interpolation))
  end,
  transform_masks = function (self, masks, draw)
    return tools.cast(bent(self, tools.cast(masks, "float32"), draw, "nearest"), masks.dtype)
  end,
}
