-- Bounding boxes beside images: read, moved as the pixels are, and given back in their format.
--
-- A layer that moves pixels says by `move_boxes(self, boxes, draw, images)` where boxes are
-- afterwards (x1, y1, x2, y2 in pixels), and in images of which height and width, if these change.
-- What leaves the image is cut off; the label of a box of which nothing is left is -1.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local formats = require "lunula.utils.bounding_boxes.formats"

local boxes = {}

boxes.arg = { "bounding_box_format", kinds.one_of(formats.names), keyword = true, config = "set" }

-- Boxes (batch, number, 4) and labels (batch, number) of what was given beside `count` images,
-- where their number is known.
local function read(self, given, count, single)
  if not self.bounding_box_format then
    core.raise("gets bounding_boxes: bounding_box_format must say what their four numbers are, as "
      .. "in bounding_box_format = \"xyxy\"")
  elseif type(given) ~= "table" or given.boxes == nil or given.labels == nil then
    core.raise("takes as bounding_boxes a table of boxes and labels")
  end
  local x = formats.boxes("bounding_boxes", given.boxes)
  local labels = tools.tensor("bounding_boxes", given.labels)
  if x.rank ~= (single and 2 or 3) or labels.rank ~= x.rank - 1 then
    core.raise("takes boxes of shape %s(number, 4), with one label each: boxes are %s, labels %s",
      single and "" or "(batch, number, 4), or for one image ", tools.shape_text(x.shape),
      tools.shape_text(labels.shape))
  end
  for i = 1, labels.rank do
    local boxes_here, labels_here = x.shape[i], labels.shape[i]
    if boxes_here and labels_here and boxes_here ~= labels_here then
      core.raise("takes one label for each box: boxes are %s, labels %s",
        tools.shape_text(x.shape), tools.shape_text(labels.shape))
    end
  end
  if single then return ops.expand_dims(x, 0), ops.expand_dims(labels, 0) end
  if count and x.shape[1] and x.shape[1] ~= count then
    core.raise("takes boxes of each image: there are %d images, boxes are %s", count,
      tools.shape_text(x.shape))
  end
  return x, labels
end

-- Boxes and labels after this draw, and the size of the images then.
function boxes.moved(self, x, labels, draw, images)
  local height, width
  x, height, width = self:move_boxes(x, draw, images)
  height, width = height or tools.size(images, 1), width or tools.size(images, 2)
  x = formats.clipped(x, height, width)
  return x, formats.labels(x, labels), height, width
end

local function changed(self, x, labels, draw, images)
  if self.transform_boxes then return self:transform_boxes(x, labels, draw) end
  if not self.move_boxes then return x, labels end
  local function convert(y, from, to, height, width)
    return formats.convert("bounding_boxes", y, from, to, height, width)
  end
  local format, follow = self.bounding_box_format, self.follow_boxes or boxes.moved
  x = convert(x, format, "xyxy", tools.size(images, 1), tools.size(images, 2))
  local moved, left, height, width = follow(self, x, labels, draw, images)
  return convert(moved, "xyxy", format, height, width), left
end

-- What becomes of the boxes beside images (a batch), which are as they were before; `active` when
-- the layer does something.
function boxes.beside(self, given, draw, images, single, active)
  local x, labels = read(self, given, images and images.shape[1], single)
  if self.without_boxes then
    core.raise("%s: bounding_boxes cannot follow, leave them out", self.without_boxes)
  end
  if active then x, labels = changed(self, x, labels, draw, images) end
  if single then x, labels = ops.squeeze(x, 0), ops.squeeze(labels, 0) end
  local result = {}
  for name, value in pairs(given) do result[name] = value end
  result.boxes, result.labels = x, labels
  return result
end

return boxes
