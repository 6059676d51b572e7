-- MaxNumBoundingBoxes: as many boxes beside every image, cut off or filled up.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local tools = require "lunula.ops.tools"

-- The first `count` entries of axis 1, with fill_value behind them.
local function fitted(x, count, fill_value)
  x = tools.pad(x, 1, 0, tools.max(count - tools.size(x, 1), 0), fill_value)
  return tools.part(x, 1, 0, count)
end

return layer "MaxNumBoundingBoxes" {
  parent = image.Layer,
  doc = "cuts or fills the bounding_boxes of each image to max_number boxes and labels",
  args = {
    { "max_number", kinds.positive, required = true,
      doc = "how many boxes each image has afterwards" },
    { "fill_value", kinds.integer, default = -1 },
    { "data_format", kinds.data_format, keyword = true },
  },
  random = false,
  transform = function (_, images) return images end,
  transform_boxes = function (self, boxes, labels)
    local count, fill_value = self.max_number, self.fill_value
    return fitted(boxes, count, fill_value), fitted(labels, count, fill_value)
  end,
}
