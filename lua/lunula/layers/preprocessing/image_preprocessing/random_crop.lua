-- RandomCrop: a window of each batch, at a random place. Outside training images stay whole.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"
local tools = require "lunula.ops.tools"

-- A whole number from 0 up to, not including, n.
local function below(self, n)
  local u = random.uniform({}, 0, 1, nil, self.generator)
  return ops.minimum(ops.cast(ops.floor(u * n), "int32"), n - 1)
end

-- The middle of an image that is too small, as much of it as a window there would cover.
local function middle(self, images, h, w)
  local crop_h = tools.max(tools.min(h, w * self.height // self.width), 1)
  local crop_w = tools.max(tools.min(w, h * self.width // self.height), 1)
  local top, left = (h - crop_h) // 2, (w - crop_w) // 2
  images = tools.part(images, 1, top, tools.min(self.height, h - top))
  return tools.part(images, 2, left, tools.min(self.width, w - left))
end

local function enlarged(self, images, draw, interpolation)
  images = middle(self, images, draw.h, draw.w)
  local shape = images.shape
  if shape[2] == self.height and shape[3] == self.width then return images end
  return ops.image.resize(images, { self.height, self.width }, interpolation or "bilinear", false,
    false, false, "constant", 0, "channels_last")
end

local function cropped(self, images, draw)
  images = tools.pad(images, 1, 0, tools.max(self.height - draw.h, 0), 0)
  images = tools.pad(images, 2, 0, tools.max(self.width - draw.w, 0), 0)
  images = image.window(images, 1, draw.top, self.height)
  return image.window(images, 2, draw.left, self.width)
end

return layer "RandomCrop" {
  parent = image.Layer,
  doc = "in training a random window of height and width; smaller images are enlarged",
  args = {
    { "height", kinds.positive, required = true },
    { "width", kinds.positive, required = true },
    { "seed", kinds.seed },
    image.data_format,
  },
  moves_pixels = true,
  draw = function (self, images)
    local h, w = tools.size(images, 1), tools.size(images, 2)
    -- 0 where the image is not larger than the window on both sides
    local room = tools.max(h - self.height, 0) * tools.max(w - self.width, 0)
    if room == 0 then return { h = h, w = w, room = room } end
    return { h = h, w = w, room = room, top = below(self, tools.max(h - self.height, 0) + 1),
      left = below(self, tools.max(w - self.width, 0) + 1) }
  end,
  transform = function (self, images, draw, interpolation)
    if draw.room == 0 then return enlarged(self, images, draw, interpolation) end
    if tools.is_known(draw.room) then return cropped(self, images, draw) end
    return tools.choose(draw.room, cropped(self, images, draw),
      enlarged(self, images, draw, interpolation))
  end,
}
