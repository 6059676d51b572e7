-- Bounding boxes beside images: they stay around what they were around. Numbers of Keras:
-- image_draws_spec.lua.

local core = require "lunula.core"
local k = require "lunula"
local ops = require "lunula.ops"

local layers = k.layers
local training = { training = true }

-- Eight pictures of 40 by 50, black but for a white part, and its box: x1, y1, x2, y2.
local HEIGHT, WIDTH, N = 40, 50, 8
local x1, y1, x2, y2 = 16, 12, 31, 21

local function pictures(box)
  local x = ops.zeros { N, HEIGHT, WIDTH, 1 }
  local row, column = ops.iota_like(x, 1), ops.iota_like(x, 2)
  local inside = ops.less_equal(box[1], column) & ops.less_equal(column, box[3])
    & ops.less_equal(box[2], row) & ops.less_equal(row, box[4])
  return ops.cast(inside, "float32") * 255
end

local function given(box)
  box = box or { x1, y1, x2, y2 }
  local boxes = ops.reshape(core.tensor(box, "float32"), { 1, 1, 4 })
  return {
    images = pictures(box),
    bounding_boxes = { boxes = ops.tile(boxes, { N, 1, 1 }),
      labels = ops.full({ N, 1 }, 7, "int32") },
  }
end

-- Where something white is left in each picture.
local function found(images)
  local white = ops.less(60, ops.squeeze(images, 3))
  local boxes = {}
  for i = 1, N do
    local left, top, right, bottom = math.huge, math.huge, -1, -1
    for y, row in ipairs(white[i]:totable()) do
      for x, is in ipairs(row) do
        if is then
          left, right = math.min(left, x - 1), math.max(right, x - 1)
          top, bottom = math.min(top, y - 1), math.max(bottom, y - 1)
        end
      end
    end
    boxes[i] = { left, top, right, bottom }
  end
  return boxes
end

local makers = {
  RandomFlip = {}, RandomRotation = { 0.1, fill_mode = "constant" },
  RandomTranslation = { 0.3, 0.4, fill_mode = "constant" },
  RandomZoom = { { -0.2, 0.4 }, { -0.2, 0.4 }, fill_mode = "constant" },
  RandomShear = { { 0.1, 0.4 }, { 0.1, 0.3 }, fill_mode = "constant" },
  RandomPerspective = { factor = { 1, 1 }, scale = 0.3 },
  RandomCrop = { 30, 35 }, CenterCrop = { 30, 35 }, Resizing = { 60, 45 },
}

for name, options in pairs(makers) do
  local is_still = name == "CenterCrop" or name == "Resizing"

  local function make(more)
    local own = { bounding_box_format = "xyxy", seed = not is_still and 3 or nil }
    for key, value in pairs(options) do own[key] = value end
    for key, value in pairs(more or {}) do own[key] = value end
    return layers[name](own)
  end

  describe("boxes in " .. name, function ()
    it("stay around what they were around", function ()
      local result = make()(given(), training)
      local boxes, wanted = result.bounding_boxes.boxes, found(result.images)
      for i = 1, N do
        for j = 1, 4 do assert.near(wanted[i][j], boxes:get(i, 1, j), 2.1) end
      end
      assert.near_all(result.bounding_boxes.labels, ops.full({ N, 1 }, 7), 0)
    end)

    it("are told in their format", function ()
      local wanted = make()(given(), training).bounding_boxes.boxes
      local size = { height = HEIGHT, width = WIDTH }
      local to_size = { height = HEIGHT, width = WIDTH }
      local images = make()(given(), training).images
      to_size.height, to_size.width = images.shape[2], images.shape[3]
      local convert = k.utils.bounding_boxes.convert_format
      for _, format in ipairs { "rel_center_xywh", "yxyx" } do
        local table_of = given()
        local boxes = table_of.bounding_boxes
        boxes.boxes = convert(boxes.boxes, "xyxy", format, size)
        local result = make { bounding_box_format = format } (table_of, training)
        assert.near_all(convert(result.bounding_boxes.boxes, format, "xyxy", to_size), wanted,
          1e-3)
      end
    end)

    it("may be those of one image", function ()
      local all = given()
      local one = { images = all.images[1], bounding_boxes = {
        boxes = all.bounding_boxes.boxes[1], labels = all.bounding_boxes.labels[1],
      } }
      local result = make()(one, training)
      assert.same({ 1, 4 }, result.bounding_boxes.boxes.shape)
      assert.same({ 1 }, result.bounding_boxes.labels.shape)
    end)

    it("are the same in a planned run", function ()
      local all, layer = given(), make()
      local draw = layer:draw(all.images)
      function layer.draw() return draw end
      local f = core.trace({
        { shape = { false, HEIGHT, WIDTH, 1 } }, { shape = { false, 1, 4 } },
        { shape = { false, 1 }, dtype = "int32" },
      }, function (images, boxes, labels)
        local y = layer({ images = images, bounding_boxes = { boxes = boxes, labels = labels } },
          training)
        return y.bounding_boxes.boxes, y.bounding_boxes.labels
      end)
      local boxes, labels = f(all.images, all.bounding_boxes.boxes, all.bounding_boxes.labels)
      local wanted = layer(all, training).bounding_boxes
      assert.near_all(boxes, wanted.boxes, 1e-4)
      assert.near_all(labels, wanted.labels, 0)
    end)

    if not is_still then
      it("stay at inference", function ()
        local all = given()
        local result = make()(all, { training = false })
        assert.near_all(result.bounding_boxes.boxes, all.bounding_boxes.boxes, 0)
      end)
    end
  end)
end

describe("boxes", function ()
  it("are lost with what they were around", function ()
    local crop = layers.CenterCrop { 10, 10, bounding_box_format = "xyxy" }
    local boxes = crop(given { 1, 1, 6, 5 }).bounding_boxes
    assert.near_all(boxes.labels, ops.full({ N, 1 }, -1), 0)
    assert.near_all(boxes.boxes, ops.zeros { N, 1, 4 }, 0)
  end)

  it("are enlarged with small images", function ()
    for _, name in ipairs { "RandomCrop", "CenterCrop" } do
      local layer = layers[name] { 80, 100, bounding_box_format = "xyxy" }
      local boxes = layer(given(), training).bounding_boxes.boxes
      assert.near_all(boxes[1][1], { 2 * x1, 2 * y1, 2 * x2, 2 * y2 }, 1e-4)
    end
  end)

  it("go through the chosen layers of RandAugment in their order", function ()
    local augment = layers.RandAugment { num_ops = 2, bounding_box_format = "xyxy", seed = 1 }
    local all = given()
    local draw = augment:draw(all.images)
    draw.numbers = core.tensor { 1, 0 }
    function augment.draw() return draw end
    local shear, move = augment._layers[1], augment._layers[2]
    for i, one in ipairs { shear, move } do
      local own = draw.draws[i]
      function one.draw() return own end
      one.bounding_box_format = "xyxy"
    end
    local wanted = shear(move(all)).bounding_boxes
    local result = augment(all).bounding_boxes
    assert.near_all(result.boxes, wanted.boxes, 1e-4)
    assert.near_all(result.labels, wanted.labels, 0)
    assert.equal("int32", result.labels.dtype)
  end)

  it("of both images are in a mixture", function ()
    local all = given()
    all.bounding_boxes.labels = ops.reshape(ops.arange(N), { N, 1 })
    local mix = layers.MixUp { bounding_box_format = "xywh", seed = 2 }
    local order = mix:draw(all.images).order
    mix = layers.MixUp { bounding_box_format = "xywh", seed = 2 }
    local boxes = mix(all).bounding_boxes
    assert.same({ N, 2, 4 }, boxes.boxes.shape)
    local labels = ops.stack({ ops.arange(N), order }, 1)
    assert.near_all(boxes.labels, labels, 0)
  end)

  it("stay where colours change, with all that stands beside them", function ()
    local all = given()
    all.bounding_boxes.scores = ops.ones { N, 1 }
    local boxes = layers.RandomInvert { bounding_box_format = "xyxy" } (all).bounding_boxes
    assert.near_all(boxes.boxes, all.bounding_boxes.boxes, 0)
    assert.near_all(boxes.scores, all.bounding_boxes.scores, 0)
  end)

  it("say what is wrong with them", function ()
    assert.error_at_line(function () layers.RandomFlip()(given()) end,
      "gets bounding_boxes: bounding_box_format must say what their four numbers are")
    assert.error_at_line(function () layers.RandomFlip { bounding_box_format = "xyhw" } end,
      'did you mean "xywh"?')
    local flip, all = layers.RandomFlip { bounding_box_format = "xyxy" }, given()
    all.bounding_boxes.labels = nil
    assert.error_at_line(function () flip(all) end, "a table of boxes and labels")
    all.bounding_boxes.labels = ops.ones { N }
    assert.error_at_line(function () flip(all) end,
      "takes boxes of shape (batch, number, 4), or for one image (number, 4), with one label each: "
      .. "boxes are (8, 1, 4), labels (8,)")
    all.bounding_boxes.labels = ops.ones { N, 2 }
    assert.error_at_line(function () flip(all) end,
      "takes one label for each box: boxes are (8, 1, 4), labels (8, 2)")
    all.bounding_boxes = { boxes = ops.ones { 3, 1, 4 }, labels = ops.ones { 3, 1 } }
    assert.error_at_line(function () flip(all) end,
      "takes boxes of each image: there are 8 images, boxes are (3, 1, 4)")
    for name, reason in pairs { CutMix = "puts parts of images together",
      AugMix = "mixes images", RandomElasticTransform = "bends images" } do
      local layer = layers[name] { bounding_box_format = "xyxy" }
      assert.error_at_line(function () layer(given()) end,
        reason .. ": bounding_boxes cannot follow, leave them out")
    end
  end)
end)

describe("MaxNumBoundingBoxes", function ()
  local function fit(options, count)
    options.bounding_box_format = "xyxy"
    local boxes = { boxes = ops.ones { 2, count, 4 }, labels = ops.ones({ 2, count }, "int32") }
    local given_table = { images = ops.ones { 2, 3, 3, 1 }, bounding_boxes = boxes }
    return layers.MaxNumBoundingBoxes(options)(given_table, { training = false }).bounding_boxes
  end

  it("cuts and fills, outside training too", function ()
    local boxes = fit({ 2 }, 3)
    assert.same({ 2, 2, 4 }, boxes.boxes.shape)
    boxes = fit({ 3 }, 1)
    assert.near_all(boxes.labels, { { 1, -1, -1 }, { 1, -1, -1 } }, 0)
    assert.near_all(boxes.boxes[1][2], { -1, -1, -1, -1 }, 0)
    assert.near_all(fit({ 2, fill_value = 9 }, 0).labels, { { 9, 9 }, { 9, 9 } }, 0)
  end)

  it("knows how many there are afterwards", function ()
    local layer = layers.MaxNumBoundingBoxes { 3, bounding_box_format = "xyxy" }
    local f = core.trace({ { shape = { 2, false, 4 } }, { shape = { 2, false }, dtype = "int32" } },
      function (boxes, labels)
        local y = layer { images = ops.ones { 2, 3, 3, 1 },
          bounding_boxes = { boxes = boxes, labels = labels } }
        assert.same({ 2, 3, 4 }, y.bounding_boxes.boxes.shape)
        return y.bounding_boxes.labels
      end)
    assert.near_all(f(ops.ones { 2, 2, 4 }, ops.ones({ 2, 2 }, "int32")),
      { { 1, 1, -1 }, { 1, 1, -1 } }, 0)
    assert.near_all(f(ops.ones { 2, 5, 4 }, ops.ones({ 2, 5 }, "int32")),
      { { 1, 1, 1 }, { 1, 1, 1 } }, 0)
  end)
end)
