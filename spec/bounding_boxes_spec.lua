-- k.utils.bounding_boxes against Keras's numbers (spec/golden/bounding_boxes.json).

local core = require "lunula.core"
local k = require "lunula"
local golden = require "spec.support.golden"

local bounding_boxes = k.utils.bounding_boxes

local function read(value)
  if type(value) ~= "table" then return value end
  if value.dtype then return golden.tensor(value) end
  local copy = {}
  for key, inner in pairs(value) do copy[key] = read(inner) end
  return copy
end

local function check_result(found, wanted)
  if wanted.dtype then return assert.near_all(found, golden.tensor(wanted), 1e-5) end
  for key, inner in pairs(wanted) do check_result(found[key], inner) end
end

describe("boxes", function ()
  for i, case in ipairs(golden.read "bounding_boxes.json") do
    it(("are Keras's in case %d, %s"):format(i, case["function"]), function ()
      local call, arguments = bounding_boxes[case["function"]], read(case.arguments)
      if case.result == "refused" then
        assert.error_at_line(function () call(arguments) end, "bounding_boxes." .. case["function"])
      else
        check_result(call(arguments), case.result)
      end
    end)
  end

  it("are all functions of Keras", function ()
    local names = {}
    for name in pairs(bounding_boxes) do names[#names + 1] = name end
    table.sort(names)
    assert.equal("affine_transform clip_to_image_size compute_ciou compute_iou convert_format crop "
      .. "decode_deltas_to_boxes encode_box_to_deltas pad", table.concat(names, " "))
  end)

  it("may be tables of numbers, and of unknown number", function ()
    local convert = bounding_boxes.convert_format
    local boxes = { { 1, 2, 4, 8 }, { 0, 0, 2, 2 } }
    assert.near_all(convert(boxes, "xyxy", "xywh"), { { 1, 2, 3, 6 }, { 0, 0, 2, 2 } })
    local f = core.trace({ { shape = { false, false, 4 } } }, function (x)
      return convert(x, "xyxy", "rel_center_xywh", { height = 10, width = 20 })
    end)
    local wanted = convert({ boxes }, "xyxy", "rel_center_xywh", 10, 20)
    assert.near_all(f(k.tensor { boxes }), wanted, 0)
  end)

  it("say what is wrong with them", function ()
    local boxes = k.tensor { { 1, 2, 4, 8 } }
    assert.error_at_line(function () bounding_boxes.convert_format(boxes, "xyxy", "xyhw") end,
      'bounding_boxes.convert_format: "xyhw" is no format of boxes (did you mean "xywh"?); there '
      .. "are xyxy, yxyx")
    assert.error_at_line(function () bounding_boxes.convert_format(boxes, "xyxy", "rel_xyxy") end,
      'from "xyxy" to "rel_xyxy" height and width are needed')
    assert.error_at_line(function ()
      bounding_boxes.compute_iou(k.ones { 4 }, boxes, "xyxy")
    end, "bounding_boxes.compute_iou: boxes are (number, 4) or (batch, number, 4), these are (4,)")
    assert.error_at_line(function () bounding_boxes.crop(k.ones { 2, 3 }, 0, 0, 1, 1) end,
      "bounding_boxes.crop: boxes are (..., 4), these are (2, 3)")
  end)
end)
