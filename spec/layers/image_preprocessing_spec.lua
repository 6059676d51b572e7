-- Layers that change images, where Keras's numbers do not reach: chance, labels and masks, models,
-- unknown sizes, errors.

local core = require "lunula.core"
local k = require "lunula"
local ops = require "lunula.ops"
local check_layer = require "spec.support.check_layer"
local check_images = require "spec.support.image_layers"

local layers = k.layers
local inference = { training = false }
local rows_of, unchanged = check_images.rows, check_images.unchanged

-- Four by four, each pixel its own number.
local image = ops.reshape(ops.arange(0, 16, 1, "float32"), { 4, 4, 1 })

local function copies(n, one) return check_images.copies(n, one or image) end

local makers = {
  RandomFlip = function (seed) return layers.RandomFlip { seed = seed } end,
  RandomRotation = function (seed) return layers.RandomRotation { 0.3, seed = seed } end,
  RandomTranslation = function (seed) return layers.RandomTranslation { 0.4, 0.4, seed = seed } end,
  RandomZoom = function (seed) return layers.RandomZoom { 0.5, seed = seed } end,
  RandomContrast = function (seed) return layers.RandomContrast { 0.9, seed = seed } end,
  RandomBrightness = function (seed) return layers.RandomBrightness { 0.5, seed = seed } end,
  RandomCrop = function (seed) return layers.RandomCrop { 2, 2, seed = seed } end,
}

local masks_of = {
  RandomFlip = "images", RandomCrop = "images", RandomContrast = "stay", RandomBrightness = "stay",
}

for name, make in pairs(makers) do
  check_images.layer(name, make, copies(64),
    { masks = masks_of[name], crops = name == "RandomCrop" })
end

describe("RandomFlip", function ()
  local function flips(mode)
    return rows_of(layers.RandomFlip { mode, seed = 8 } (copies(2000)))
  end

  it("flips half of the images", function ()
    local y, x = flips "horizontal", rows_of(copies(2000))
    assert.near_all(unchanged(y, x), 0.5, 0.04)
    local mirrored = rows_of(ops.flip(copies(2000), 2))
    assert.near_all(unchanged(y, x) + unchanged(y, mirrored), 1, 1e-6)
  end)

  it("flips both ways with one draw", function ()
    local y, x = flips "horizontal_and_vertical", rows_of(copies(2000))
    local turned = rows_of(ops.flip(copies(2000), { 1, 2 }))
    assert.near_all(unchanged(y, x) + unchanged(y, turned), 1, 1e-6)
    assert.near_all(unchanged(flips "vertical", x)
      + unchanged(flips "vertical", rows_of(ops.flip(copies(2000), 1))), 1, 1e-6)
  end)

  it("knows its modes", function ()
    assert.error_at_line(function () layers.RandomFlip "horizontally" end,
      'did you mean "horizontal"?')
  end)
end)

describe("RandomRotation", function ()
  it("turns by parts of a full turn", function ()
    local quarter = layers.RandomRotation { { 0.25, 0.25 }, fill_mode = "constant" } (image)
    assert.near_all(ops.squeeze(quarter, -1),
      { { 3, 7, 11, 15 }, { 2, 6, 10, 14 }, { 1, 5, 9, 13 }, { 0, 4, 8, 12 } }, 1e-4)
    assert.are.same({ -0.2, 0.2 }, layers.RandomRotation(0.2).factor)
  end)

  it("draws its angles evenly", function ()
    -- one bright pixel to the right of the middle; its new place tells the angle
    local dot = ops.zeros { 9, 9, 1 }:totable()
    dot[5][9][1] = 1
    local turned = layers.RandomRotation { 0.25, fill_mode = "constant", seed = 2 } (
      copies(1000, core.tensor(dot)))
    local y = ops.iota_like(turned, 1) - 4
    local height = ops.sum(turned * y, { 1, 2, 3 }) / (ops.sum(turned, { 1, 2, 3 }) + 1e-6)
    assert.near_all(ops.mean(height), 0, 0.25)
    assert.is_true(ops.max(height):item() > 3 and ops.min(height):item() < -3)
  end)

  it("says what factors it takes", function ()
    assert.error_at_line(function () layers.RandomRotation(1.5) end,
      "factor must be a number from -1 to 1 or a list of two, got 1.5")
    assert.error_at_line(function () layers.RandomRotation { 0.1, fill_mode = "mirror" } end,
      "fill_mode must be one of")
  end)
end)

describe("RandomTranslation", function ()
  it("moves down and to the right", function ()
    local move = layers.RandomTranslation {
      { 0.25, 0.25 }, { 0.5, 0.5 }, fill_mode = "constant", fill_value = -1,
    }
    assert.near_all(ops.squeeze(move(image), -1),
      { { -1, -1, -1, -1 }, { -1, -1, 0, 1 }, { -1, -1, 4, 5 }, { -1, -1, 8, 9 } }, 1e-5)
    assert.are.equal(0.4, layers.RandomTranslation { 0.4, 0.1 }:get_config().height_factor)
  end)

  it("draws its shares evenly", function ()
    local slope = ops.reshape(ops.arange(0, 101, 1, "float32"), { 101, 1, 1 })
    local y = layers.RandomTranslation { { -0.2, 0.2 }, 0, seed = 4 } (copies(2000, slope))
    local middle = ops.take(rows_of(y), 50, 1)    -- 50 less the way that was moved
    local way = (50 - middle) / 101
    assert.near_all(ops.mean(way), 0, 0.01)
    assert.near_all(ops.std(way), 0.4 / math.sqrt(12), 0.01)
  end)
end)

describe("RandomZoom", function ()
  it("zooms out for factors above 0", function ()
    local slope = ops.reshape(ops.arange(0, 5, 1, "float32"), { 5, 1, 1 })
    local out = layers.RandomZoom { { 0.5, 0.5 }, { 0, 0 }, fill_mode = "constant" } (slope)
    assert.near_all(ops.reshape(out, { 5 }), { 0, 0.5, 2, 3.5, 0 }, 1e-5)
    local inside = layers.RandomZoom { { -0.5, -0.5 }, { 0, 0 } } (slope)
    assert.near_all(ops.reshape(inside, { 5 }), { 1, 1.5, 2, 2.5, 3 }, 1e-5)
  end)

  it("does not zoom to nothing", function ()
    assert.error_at_line(function () layers.RandomZoom(-1) end,
      "height_factor must be above -1")
    assert.error_at_line(function () layers.RandomZoom { 0.1, { -1, 0 } } end,
      "width_factor must be above -1")
  end)
end)

describe("RandomBrightness", function ()
  it("adds evenly drawn parts of the range", function ()
    local grey = ops.full({ 2000, 2, 2, 1 }, 0.5)
    local y = layers.RandomBrightness { { -0.2, 0.2 }, value_range = { 0, 1 }, seed = 6 } (grey)
    local added = ops.take(rows_of(y), 0, 1) - 0.5
    assert.near_all(ops.mean(added), 0, 0.01)
    assert.near_all(ops.std(added), 0.4 / math.sqrt(12), 0.01)
    assert.near_all(layers.RandomBrightness { { 1, 1 } } (grey + 100), ops.full(grey.shape, 255))
  end)

  it("says what ranges it takes", function ()
    assert.error_at_line(function () layers.RandomBrightness { 0.1, value_range = { 1 } } end,
      "value_range must be a list of two numbers that differ, got {1}")
    for _, name in ipairs { "AutoContrast", "Equalization", "Solarization" } do
      assert.error_at_line(function () layers[name] { value_range = { 1, 1 } } end,
        name .. ": value_range must be a list of two numbers that differ, got {1, 1}")
    end
  end)
end)

describe("RandomContrast", function ()
  it("draws each channel away from its mean", function ()
    local two = core.tensor { { { 10, 100 }, { 30, 140 } } }
    local y = layers.RandomContrast { { 0.5, 0.5 } } (copies(500, two))
    local spread = (ops.take(rows_of(y), 2, 1) - ops.take(rows_of(y), 0, 1)) / 20
    assert.is_true(ops.min(spread):item() >= 0.5 and ops.max(spread):item() <= 1.5)
    assert.near_all(ops.mean(spread), 1, 0.05)
    assert.near_all((ops.take(rows_of(y), 2, 1) + ops.take(rows_of(y), 0, 1)) / 2,
      ops.full({ 500 }, 20), 1e-4)
    assert.are.same({ 0, 0.3 }, layers.RandomContrast(0.3).factor)
  end)
end)

describe("RandomCrop", function ()
  it("takes windows at every place", function ()
    local crop, seen = layers.RandomCrop { 2, 3, seed = 1 }, {}
    for _ = 1, 200 do
      local y = crop(image)
      assert.are.same({ 2, 3, 1 }, y.shape)
      local first = y:get(1, 1, 1)
      seen[first] = (seen[first] or 0) + 1
      assert.near_all(y:get(2, 3, 1), first + 6)
    end
    for _, place in ipairs { 0, 1, 4, 5, 8, 9 } do assert.is_true((seen[place] or 0) > 15) end
  end)

  it("enlarges what is too small", function ()
    assert.are.same({ 1, 6, 8, 1 }, layers.RandomCrop { 6, 8 } (copies(1)).shape)
  end)

  it("takes windows of images whose size is known when it runs", function ()
    local crop = layers.RandomCrop { 2, 3, seed = 1 }
    local f = core.trace({ { shape = { false, false, false, 1 }, dtype = "float32" } }, function (x)
      local y = crop(x, { training = true })
      assert.are.same({ false, 2, 3, 1 }, y.shape)
      return y
    end)
    local seen = {}
    for _ = 1, 100 do
      local y = f(copies(1))
      local first = y:get(1, 1, 1, 1)
      seen[first] = true
      assert.near_all(y:get(1, 2, 3, 1), first + 6)
    end
    for _, place in ipairs { 0, 1, 4, 5, 8, 9 } do assert.is_true(seen[place]) end
    local small = ops.slice(copies(1), { 0, 0, 0, 0 }, { 1, 1, 2, 1 })
    assert.near_all(f(small), crop(small, { training = true }))
  end)
end)

describe("CenterCrop", function ()
  it("takes the middle, of any size", function ()
    assert.near_all(ops.squeeze(layers.CenterCrop { 2, 2 } (image), -1), { { 5, 6 }, { 9, 10 } })
    local crop = layers.CenterCrop { 2, 2 }
    assert.are.same({ false, 2, 2, 3 }, (crop:compute_output_shape { false, false, false, 3 }))
    local any_size = { { shape = { false, false, false, 1 } } }
    local f = core.trace(any_size, function (x) return crop(x) end)
    assert.near_all(f(copies(2)), crop(copies(2)), 0)
    assert.near_all(f(ops.ones { 1, 7, 5, 1 }), ops.ones { 1, 2, 2, 1 }, 0)
    check_layer.any { layer = layers.CenterCrop { 5, 2 }, input = copies(2),
      output = { 2, 5, 2, 1 }, weights = 0 }
  end)
end)

describe("Resizing", function ()
  local row = core.tensor { { { 1 }, { 2 }, { 4 }, { 8 } } }

  it("weighs cells as Keras's rule says", function ()
    local wanted = {
      nearest = { 1, 1, 2, 4, 4, 8, 8 },
      bilinear = { 1, 1.357143, 1.928571, 3, 4.285714, 6.571428, 8 },
      bicubic = { 0.920673, 1.225692, 1.893292, 2.8125, 4.242501, 6.868149, 8.317307 },
      lanczos3 = { 0.954101, 1.191115, 1.908575, 2.571429, 4.321385, 6.964578, 8.389935 },
      lanczos5 = { 0.814227, 1.394818, 1.95861, 2.384664, 4.325647, 6.851694, 8.498849 },
    }
    for interpolation, values in pairs(wanted) do
      local resize = layers.Resizing { 1, 7, interpolation = interpolation }
      assert.near_all(ops.reshape(resize(row), { 7 }), values, 2e-6)
      local any_size = { { shape = { false, false, false, 1 } } }
      local f = core.trace(any_size, function (x) return resize(x) end)
      assert.near_all(ops.reshape(f(ops.expand_dims(row, 0)), { 7 }), values, 1e-5)
    end
  end)

  it("keeps the type of its input", function ()
    local bytes = core.tensor({ { { 0 }, { 255 } } }, { dtype = "uint8" })
    local y = layers.Resizing(1, 3)(bytes)
    assert.are.equal("uint8", y.dtype)
    assert.near_all(ops.reshape(y, { 3 }), { 0, 128, 255 })
  end)

  it("resizes masks by the nearest cell, and is the same at inference", function ()
    local resize = layers.Resizing(2, 2)
    local result = resize({ images = copies(1), segmentation_masks = ops.cast(copies(1), "int32") },
      inference)
    assert.are.same({ 1, 2, 2, 1 }, result.images.shape)
    assert.near_all(ops.reshape(result.segmentation_masks, { 4 }), { 5, 7, 13, 15 }, 0)
  end)

  it("is the first step of a model for images of any size", function ()
    local model = k.Sequential {
      k.Input { shape = { false, false, 1 } }, layers.Resizing(2, 2), layers.Flatten(),
    }
    assert.are.same({ false, 4 }, model.output_shape)
    assert.near_all(model:predict(copies(1), { verbose = 0 }),
      ops.reshape(layers.Resizing(2, 2)(copies(1)), { 1, 4 }), 1e-5)
  end)

  it("says what it cannot do", function ()
    assert.error_at_line(function ()
      layers.Resizing { 2, 2, crop_to_aspect_ratio = true, pad_to_aspect_ratio = true }
    end, "crop_to_aspect_ratio or pad_to_aspect_ratio, not both")
    assert.error_at_line(function () layers.Resizing { 2, 2, interpolation = "area" } end,
      "interpolation must be one of")
    assert.error_at_line(function () layers.Resizing(0, 2) end, "height must be a positive integer")
  end)
end)
