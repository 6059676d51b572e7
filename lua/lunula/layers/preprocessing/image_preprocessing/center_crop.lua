-- CenterCrop: the middle of every image. Where an image is too small, its middle part of the same
-- proportions is enlarged.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

-- Where the middle window starts; a size that is not known must be large enough when it runs.
local function start(images, axis, count)
  local size = images.shape[axis + 1]
  if size then return (size - count) // 2 end
  return (ops.dim(images, axis) - count) // 2
end

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
    local shape = images.shape
    if (shape[2] or self.height) >= self.height and (shape[3] or self.width) >= self.width then
      images = image.window(images, 1, start(images, 1, self.height), self.height)
      return image.window(images, 2, start(images, 2, self.width), self.width)
    end
    return ops.image.resize(images, { self.height, self.width }, interpolation or "bilinear", false,
      true, false, "constant", 0, "channels_last")
  end,
}
