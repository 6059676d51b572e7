-- The ways to write a box as four numbers, and what is done with its corners. Everything goes by
-- x1, y1, x2, y2 in pixels ("xyxy").

local core = require "lunula.core"
local declare = require "lunula.declare"
local tools = require "lunula.ops.tools"

local ops = core.ops
local formats = {}

formats.names = { "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx",
  "rel_xywh", "rel_center_xywh" }

local known = {}
for _, name in ipairs(formats.names) do known[name] = true end

-- x1, y1, x2, y2 of the four numbers of a format.
local corners_of = {
  xyxy = function (x1, y1, x2, y2) return x1, y1, x2, y2 end,
  yxyx = function (y1, x1, y2, x2) return x1, y1, x2, y2 end,
  xywh = function (x, y, w, h) return x, y, x + w, y + h end,
  center_xywh = function (x, y, w, h) return x - w / 2, y - h / 2, x + w / 2, y + h / 2 end,
  center_yxhw = function (y, x, h, w) return x - w / 2, y - h / 2, x + w / 2, y + h / 2 end,
}

-- ... and back.
local of_corners = {
  xyxy = corners_of.xyxy,
  yxyx = function (x1, y1, x2, y2) return y1, x1, y2, x2 end,
  xywh = function (x1, y1, x2, y2) return x1, y1, x2 - x1, y2 - y1 end,
  center_xywh = function (x1, y1, x2, y2)
    return x1 + (x2 - x1) / 2, y1 + (y2 - y1) / 2, x2 - x1, y2 - y1
  end,
  center_yxhw = function (x1, y1, x2, y2)
    return y1 + (y2 - y1) / 2, x1 + (x2 - x1) / 2, y2 - y1, x2 - x1
  end,
}

-- The four columns of boxes, (..., 1) each.
function formats.columns(boxes) return ops.split(boxes, 4, -1) end

function formats.joined(...) return ops.concatenate({ ... }, -1) end

local function check_format(name, value)
  local format = value:lower()
  if not known[format] then
    core.raise("%s: \"%s\" is no format of boxes%s; there are %s", name, value,
      declare.suggestion(format, formats.names), table.concat(formats.names, ", "))
  end
  return format
end

-- Boxes as a tensor of floats.
function formats.boxes(name, boxes, dtype)
  boxes = tools.tensor(name, boxes)
  if boxes.rank < 1 or (boxes.shape[boxes.rank] or 4) ~= 4 then
    core.raise("%s: boxes are (..., 4), these are %s", name, tools.shape_text(boxes.shape))
  end
  boxes = tools.with_size(boxes, boxes.rank - 1, 4)
  return ops.cast(boxes, dtype or "float32")
end

function formats.convert(name, boxes, source, target, height, width, dtype)
  boxes = formats.boxes(name, boxes, dtype)
  source, target = check_format(name, source), check_format(name, target)
  local from, relative_from = source:gsub("^rel_", "")
  local to, relative_to = target:gsub("^rel_", "")
  if relative_from + relative_to > 0 and not (height and width) then
    core.raise("%s: from \"%s\" to \"%s\" height and width are needed", name, source, target)
  end
  if source == target then return boxes end
  local x1, y1, x2, y2 = corners_of[from](formats.columns(boxes))
  if relative_from > relative_to then
    x1, y1, x2, y2 = x1 * width, y1 * height, x2 * width, y2 * height
  elseif relative_from < relative_to then
    x1, y1, x2, y2 = x1 / width, y1 / height, x2 / width, y2 / height
  end
  return formats.joined(of_corners[to](x1, y1, x2, y2))
end

-- Boxes (xyxy) cut off at the edges of an image.
function formats.clipped(boxes, height, width)
  local x1, y1, x2, y2 = formats.columns(boxes)
  local function inside(at, size) return ops.minimum(ops.maximum(at, 0), size) end
  return formats.joined(inside(x1, width), inside(y1, height), inside(x2, width),
    inside(y2, height))
end

-- Labels with -1 where nothing is left of the box.
function formats.labels(boxes, labels)
  local x1, y1, x2, y2 = formats.columns(boxes)
  local area = ops.squeeze((x2 - x1) * (y2 - y1), -1)
  return ops.where(ops.less(0, area), labels, -1)
end

-- The upright boxes around the corners of boxes (xyxy), each of which goes where map(x, y) says.
function formats.mapped(boxes, map)
  local x1, y1, x2, y2 = formats.columns(boxes)
  local x, y = map(formats.joined(x1, x2, x2, x1), formats.joined(y1, y1, y2, y2))
  return formats.joined(ops.min(x, -1, true), ops.min(y, -1, true), ops.max(x, -1, true),
    ops.max(y, -1, true))
end

return formats
