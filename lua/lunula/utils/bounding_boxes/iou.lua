-- How far two boxes are the same: the area that both cover by the area that either covers.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"
local formats = require "lunula.utils.bounding_boxes.formats"

local ops = core.ops
local iou = {}

local function corners(name, boxes, format, shape)
  return formats.convert(name, boxes, format, "xyxy", shape and shape[1], shape and shape[2])
end

local function check_rank(name, boxes)
  boxes = formats.boxes(name, boxes)
  if boxes.rank ~= 2 and boxes.rank ~= 3 then
    core.raise("%s: boxes are (number, 4) or (batch, number, 4), these are %s", name,
      tools.shape_text(boxes.shape))
  end
  return boxes
end

-- What two stretches have in common.
local function common(first1, last1, first2, last2)
  return ops.maximum(ops.minimum(last1, last2) - ops.maximum(first1, first2), 0)
end

-- As a row beside columns.
local function turned(x) return ops.swapaxes(x, -1, -2) end

-- What each box of the first list and each of the second share, as a part of what both cover:
-- (..., number 1, number 2).
function iou.of_pairs(name, boxes1, boxes2, format, use_masking, mask_val, shape)
  boxes1 = corners(name, check_rank(name, boxes1), format, shape)
  boxes2 = corners(name, check_rank(name, boxes2), format, shape)
  local x1, y1, x2, y2 = formats.columns(boxes1)
  local u1, v1, u2, v2 = formats.columns(boxes2)
  u1, v1, u2, v2 = turned(u1), turned(v1), turned(u2), turned(v2)
  local both = common(x1, x2, u1, u2) * common(y1, y2, v1, v2)
  local either = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - both
  local result = both / (either + config.epsilon())
  if not use_masking then return result end
  local function is_padding(boxes) return ops.less(ops.max(boxes, -1, true), 0) end
  local masked = ops.logical_or(is_padding(boxes1), turned(is_padding(boxes2)))
  return ops.where(masked, mask_val, result)
end

-- The same box by box, less a share for how far the middles are apart, and for other proportions.
function iou.complete(name, boxes1, boxes2, format, shape)
  if format:find "^rel" then
    core.raise("%s: takes pixels, got boxes of format \"%s\": convert them first", name, format)
  end
  local epsilon = config.epsilon()
  local x1, y1, x2, y2 = formats.columns(corners(name, boxes1, format, shape))
  local u1, v1, u2, v2 = formats.columns(corners(name, boxes2, format, shape))
  local width1, height1 = x2 - x1, y2 - y1 + epsilon
  local width2, height2 = u2 - u1, v2 - v1 + epsilon
  local both = common(x1, x2, u1, u2) * common(y1, y2, v1, v2)
  local either = width1 * height1 + width2 * height2 - both + epsilon
  local share = both / (either + epsilon)
  local wide = ops.maximum(x2, u2) - ops.minimum(x1, u1)
  local tall = ops.maximum(y2, v2) - ops.minimum(y1, v1)
  local right, down = (x1 + x2 - u1 - u2) / 2, (y1 + y2 - v1 - v2) / 2
  local apart = (right * right + down * down) / (wide * wide + tall * tall + epsilon)
  local angle = ops.arctan(width2 / height2) - ops.arctan(width1 / height1)
  local other = angle * angle * (4 / math.pi ^ 2)
  return ops.squeeze(share - (apart + other * other / (other - share + (1 + epsilon))), -1)
end

return iou
