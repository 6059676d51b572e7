-- RandomCrop: a window of each batch, at a random place. Outside training images stay whole.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"
local tools = require "lunula.ops.tools"
local formats = require "lunula.utils.bounding_boxes.formats"

-- A whole number from 0 up to, not including, n.
local function below(self, n)
  local u = random.uniform({}, 0, 1, nil, self.generator)
  return ops.minimum(ops.cast(ops.floor(u * n), "int32"), n - 1)
end

-- The middle of an image that is too small, as much of it as a window there would cover: top, left,
-- height and width.
local function middle(self, h, w)
  local crop_h = tools.max(tools.min(h, w * self.height // self.width), 1)
  local crop_w = tools.max(tools.min(w, h * self.width // self.height), 1)
  local top, left = (h - crop_h) // 2, (w - crop_w) // 2
  return top, left, tools.min(self.height, h - top), tools.min(self.width, w - left)
end

local function enlarged(self, images, draw, interpolation)
  local top, left, height, width = middle(self, draw.h, draw.w)
  images = tools.part(tools.part(images, 1, top, height), 2, left, width)
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

-- Boxes as they are in a window that is enlarged to the size of the layer.
local function in_window(self, boxes, top, left, height, width)
  return formats.mapped(boxes, function (x, y)
    return (x - left) * self.width / width, (y - top) * self.height / height
  end)
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
  move_boxes = function (self, boxes, draw)
    local room, y = draw.room, nil
    if room ~= 0 then
      y = in_window(self, boxes, draw.top, draw.left, self.height, self.width)
    end
    if room == 0 or not tools.is_known(room) then
      local whole = in_window(self, boxes, middle(self, draw.h, draw.w))
      y = y and ops.where(ops.less(0, room), y, whole) or whole
    end
    return y, self.height, self.width
  end,
  transform = function (self, images, draw, interpolation)
    if draw.room == 0 then return enlarged(self, images, draw, interpolation) end
    if tools.is_known(draw.room) then return cropped(self, images, draw) end
    return tools.choose(draw.room, cropped(self, images, draw),
      enlarged(self, images, draw, interpolation))
  end,
}
