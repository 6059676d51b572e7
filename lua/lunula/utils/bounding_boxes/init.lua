-- k.utils.bounding_boxes: boxes in images, as tensors (..., 4) or as a table of boxes and labels.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"
local formats = require "lunula.utils.bounding_boxes.formats"

local ops = core.ops
local bounding_boxes = {}

local function takes(name, signature, fn)
  name = "bounding_boxes." .. name
  return tools.takes(name, signature, function (...) return fn(name, ...) end)
end

-- A table of boxes with this entry changed.
local function with(given, name, value)
  local copy = {}
  for key, inner in pairs(given) do copy[key] = inner end
  copy[name] = value
  return copy
end

local function is_table(x) return type(x) == "table" and x.boxes ~= nil end

-- Boxes, or a table with boxes in it, in another format.
bounding_boxes.convert_format = takes("convert_format",
  "boxes:any, source:str, target:str, height:value=nil, width:value=nil, dtype:dtype=\"float32\"",
  function (name, boxes, source, target, height, width, dtype)
    local function convert(x)
      return formats.convert(name, x, source, target, height, width, dtype)
    end
    return is_table(boxes) and with(boxes, "boxes", convert(boxes.boxes)) or convert(boxes)
  end)

-- A table of boxes and labels, cut off at the edges of the image; a label is -1 where nothing is
-- left.
bounding_boxes.clip_to_image_size = takes("clip_to_image_size",
  "bounding_boxes:any, height:value=nil, width:value=nil, bounding_box_format:str=\"xyxy\"",
  function (name, given, height, width, format)
    if not is_table(given) then
      core.raise("%s: a table of boxes (and labels) is wanted", name)
    elseif format ~= "xyxy" and format ~= "rel_xyxy" then
      core.raise("%s: bounding_box_format is \"xyxy\" or \"rel_xyxy\", got \"%s\"", name, format)
    elseif format == "rel_xyxy" then
      height, width = 1, 1
    elseif not (height and width) then
      core.raise("%s: height and width are needed", name)
    end
    local boxes = formats.clipped(formats.boxes(name, given.boxes), height, width)
    local clipped = with(given, "boxes", boxes)
    if given.labels ~= nil then
      clipped.labels = formats.labels(boxes, tools.tensor(name, given.labels))
    end
    return clipped
  end)

local function check_xyxy(name, format)
  if format ~= "xyxy" then
    core.raise("%s: bounding_box_format is \"xyxy\", got \"%s\": convert the boxes first", name,
      format)
  end
end

-- ---- moving -----------------------------------------------------------------------------------

-- Of each image one number, beside its boxes: (batch, 1, 1).
local function beside_boxes(x)
  return core.is_tensor(x) and x.rank == 1 and ops.expand_dims(x, { 1, 2 }) or x
end

-- Keras's matrix: the way back of turning by angle (in degrees) and shearing about the centre,
-- which is a share of the size, and of moving by shares of it.
local function inverse_affine(angle, shift_x, shift_y, scale, shear_x, shear_y, centre_x, centre_y)
  local radians = math.pi / 180
  local turn, lean_x, lean_y = angle * -radians, shear_x * -radians, shear_y * -radians
  local cos_y, tan_x = ops.cos(lean_y), ops.tan(lean_x)
  local a = ops.cos(turn - lean_y) / cos_y
  local b = a * tan_x + ops.sin(turn)
  local c = -ops.sin(turn - lean_y) / cos_y
  local d = ops.cos(turn) - c * tan_x
  local from_x, from_y = centre_x - shift_x, centre_y - shift_y
  return function (x, y)
    x, y = x - from_x, y - from_y
    return (d * x - b * y) * scale + centre_x, (a * y - c * x) * scale + centre_y
  end
end

-- The upright boxes around boxes that were turned, moved, enlarged and sheared with their image.
bounding_boxes.affine_transform = takes("affine_transform",
  "boxes:any, angle:value, translate_x:value, translate_y:value, scale:value, shear_x:value, "
  .. "shear_y:value, height:value, width:value, center_x:value=nil, center_y:value=nil, "
  .. "bounding_box_format:str=\"xyxy\"",
  function (name, boxes, angle, x, y, scale, shear_x, shear_y, height, width, cx, cy, format)
    check_xyxy(name, format)
    local function number(value) return beside_boxes(tools.float(tools.tensor(name, value))) end
    local wide, tall = number(width) - 1, number(height) - 1
    return formats.mapped(formats.boxes(name, boxes), inverse_affine(number(angle),
      number(x) * wide, number(y) * tall, number(scale), number(shear_x), number(shear_y),
      number(cx or 0.5) * wide, number(cy or 0.5) * tall))
  end)

local function moved(boxes, right, down)
  local x1, y1, x2, y2 = formats.columns(boxes)
  return formats.joined(x1 + right, y1 + down, x2 + right, y2 + down)
end

-- Boxes in the part of an image that begins at top and left.
bounding_boxes.crop = takes("crop",
  "boxes:any, top:value, left:value, height:value, width:value, bounding_box_format:str=\"xyxy\"",
  function (name, boxes, top, left, height, width, format)
    check_xyxy(name, format)
    return formats.clipped(moved(formats.boxes(name, boxes), -left, -top), height, width)
  end)

-- Boxes in an image that was put into a larger one, at top and left.
bounding_boxes.pad = takes("pad",
  "boxes:any, top:value, left:value, height:value=nil, width:value=nil, "
  .. "bounding_box_format:str=\"xyxy\"",
  function (name, boxes, top, left, _, _, format)
    check_xyxy(name, format)
    return moved(formats.boxes(name, boxes), left, top)
  end)

-- ---- as steps from anchors --------------------------------------------------------------------

-- What encoding and decoding are told, checked.
local function check_coding(name, format, variance, shape)
  if format ~= "center_xywh" and format ~= "center_yxhw" then
    core.raise("%s: the encoding is \"center_xywh\" or \"center_yxhw\", got \"%s\"", name, format)
  end
  if variance ~= nil then
    variance = tools.float(tools.tensor(name, variance))
    if variance.shape[variance.rank] ~= 4 then
      core.raise("%s: variance has four numbers, it is %s", name,
        tools.shape_text(variance.shape))
    end
  end
  return variance, shape and shape[1], shape and shape[2]
end

-- Places and sizes, two columns each.
local function halves(boxes) return ops.split(boxes, 2, -1) end

-- How far boxes are moved and enlarged from anchors: what a detector learns.
bounding_boxes.encode_box_to_deltas = takes("encode_box_to_deltas",
  "anchors:any, boxes:any, anchor_format:str, box_format:str, "
  .. "encoding_format:str=\"center_yxhw\", variance:any=nil, image_shape:sizes=nil",
  function (name, anchors, boxes, anchor_format, box_format, encoding_format, variance, shape)
    local scale, height, width = check_coding(name, encoding_format, variance, shape)
    local from, from_size = halves(formats.convert(name, anchors, anchor_format, encoding_format,
      height, width))
    local to, to_size = halves(formats.convert(name, boxes, box_format, encoding_format, height,
      width))
    from_size = ops.maximum(from_size, config.epsilon())
    to_size = ops.maximum(to_size, config.epsilon())
    local deltas = formats.joined((to - from) / from_size, ops.log(to_size / from_size))
    return scale and deltas / scale or deltas
  end)

-- The boxes of such steps from anchors.
bounding_boxes.decode_deltas_to_boxes = takes("decode_deltas_to_boxes",
  "anchors:any, boxes_delta:any, anchor_format:str, box_format:str, "
  .. "encoded_format:str=\"center_yxhw\", variance:any=nil, image_shape:sizes=nil",
  function (name, anchors, deltas, anchor_format, box_format, encoded_format, variance, shape)
    local scale, height, width = check_coding(name, encoded_format, variance, shape)
    local function decoded(anchor, delta)
      delta = formats.boxes(name, delta)
      local step, growth = halves(scale and delta * scale or delta)
      local from, size = halves(formats.convert(name, anchor, anchor_format, encoded_format,
        height, width))
      local boxes = formats.joined(step * size + from, ops.exp(growth) * size)
      return formats.convert(name, boxes, encoded_format, box_format, height, width)
    end
    if type(anchors) ~= "table" or #anchors > 0 then return decoded(anchors, deltas) end
    local levels = {}
    for level, anchor in pairs(anchors) do levels[level] = decoded(anchor, deltas[level]) end
    return levels
  end)

-- ---- how far two boxes are the same -----------------------------------------------------------

local iou = require "lunula.utils.bounding_boxes.iou"

-- What each box of the first list and each of the second share, as a part of what both cover.
bounding_boxes.compute_iou = takes("compute_iou",
  "boxes1:any, boxes2:any, bounding_box_format:str, use_masking:bool=false, mask_val:num=-1, "
  .. "image_shape:sizes=nil", iou.of_pairs)

-- The same of boxes pair by pair, less how far centres and forms are apart.
bounding_boxes.compute_ciou = takes("compute_ciou",
  "boxes1:any, boxes2:any, bounding_box_format:str, image_shape:sizes=nil", iou.complete)

return bounding_boxes
