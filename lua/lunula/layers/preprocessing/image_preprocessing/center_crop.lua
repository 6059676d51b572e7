-- CenterCrop: the middle of every image. Where an image is too small, its middle part of the same
-- proportions is enlarged.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_image_preprocessing_layer"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

return layer "CenterCrop" {
  parent = image.Layer,
  doc = "the middle window of height and width; smaller images are enlarged",
  args = {
    { "height", kinds.positive, required = true },
    { "width", kinds.positive, required = true },
    image.data_format,
  },
  random = false, moves_pixels = true,
  transform = function (self, images, _, interpolation)
    images = tools.cast(images, "float32")
    local h, w = tools.known_size("crop", images, 1), tools.known_size("crop", images, 2)
    if h >= self.height and w >= self.width then
      images = tools.part(images, 1, (h - self.height) // 2, self.height)
      return tools.part(images, 2, (w - self.width) // 2, self.width)
    end
    return ops.image.resize(images, { self.height, self.width }, interpolation or "bilinear", false,
      true, false, "constant", 0, "channels_last")
  end,
}
