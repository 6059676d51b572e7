-- The layers that change images to make more of them, where no number of Keras reaches: chance,
-- labels and masks, planned runs, errors. Their formulas: image_draws_spec.lua, golden_spec.lua.

local core = require "lunula.core"
local k = require "lunula"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"
local check_images = require "spec.support.image_layers"

local layers = k.layers

local batch = core.untraced(function ()
  return ops.floor(random.uniform({ 16, 4, 5, 3 }, 0, 256, nil, 3))
end)

-- Many images of which only the number matters.
local many = ops.ones { 4000, 1, 1, 3 }

local makers = {
  RandomInvert = { factor = { 0.2, 0.8 } }, RandomGrayscale = { factor = 0.5 },
  RandomPosterization = { factor = 8 }, RandomColorDegeneration = { factor = 0.5 },
  RandomSharpness = { factor = 0.9 }, RandomHue = { factor = 0.5 },
  RandomSaturation = { factor = { 0.1, 0.9 } },
  RandomColorJitter = { brightness_factor = 0.2, contrast_factor = 0.3, saturation_factor = 0.4,
    hue_factor = 0.1 },
  RandomShear = { x_factor = 0.5, y_factor = 0.4 }, RandomErasing = { scale = { 0.1, 0.9 } },
  RandomGaussianBlur = {}, RandomPerspective = {}, RandomElasticTransform = {},
  Solarization = { addition_factor = 0.3, threshold_factor = 0.8 },
}

for name, options in pairs(makers) do
  local function make(seed)
    local own = { seed = seed }
    for key, value in pairs(options) do own[key] = value end
    return layers[name](own)
  end
  check_images.layer(name, make, batch,
    { masks = layers[name].moves_pixels and "moved" or "stay" })
end

local function mean(x) return ops.mean(ops.cast(x, "float32")):item() end

local function draws_of(name, options)
  options.seed = 5
  return ops.reshape(layers[name](options):draw(many), { -1 })
end

-- Even numbers from low to high.
local function assert_even(x, low, high)
  assert.near_all(mean(x), (low + high) / 2, (high - low) * 0.03)
  assert.near_all(ops.std(x), (high - low) / math.sqrt(12), (high - low) * 0.03)
  assert.is_true(ops.min(x):item() >= low - 1e-6 and ops.max(x):item() <= high + 1e-6)
end

describe("colours by chance", function ()
  it("are drawn evenly", function ()
    assert_even(draws_of("RandomColorDegeneration", { factor = { -0.2, 0.6 } }), -0.2, 0.6)
    assert_even(draws_of("RandomColorDegeneration", { factor = 0.6 }), -0.6, 0.6)
    assert_even(draws_of("RandomSharpness", { factor = 0.6 }), 0, 0.6)
    local s = draws_of("RandomSaturation", { factor = 0.5 })      -- f / (1 - f)
    assert_even(s / (1 + s), -0.5, 0.5)
    local solar = layers.Solarization { 0.2, { 0.5, 1 }, seed = 1 }:draw(many)
    assert_even(solar.addition, 0, 51)
    assert_even(solar.threshold, 0.5, 255)     -- Keras scales the upper end alone
  end)

  it("turn to both sides", function ()
    local turn = draws_of("RandomHue", { factor = { 0.4, 0.8 } })
    assert.near_all(mean(ops.less(turn, 0)), 0.5, 0.03)
    assert_even(ops.abs(turn), 0.2, 0.4)
  end)

  it("keep whole numbers of bits, but not the most", function ()
    local step = draws_of("RandomPosterization", { factor = 4 })
    for bits = 1, 3 do
      assert.near_all(mean(ops.equal(step, 2.0 ^ (8 - bits))), 1 / 3, 0.03)
    end
  end)

  it("change as many images as factor says", function ()
    assert.near_all(mean(draws_of("RandomInvert", { factor = { 0.2, 0.8 } })), 0.5, 0.03)
    assert.near_all(mean(draws_of("RandomInvert", { factor = 0.4 })), 0.2, 0.03)
    assert.near_all(mean(draws_of("RandomGrayscale", { factor = 0.3 })), 0.3, 0.03)
  end)

  it("of one jitter are drawn one after the other", function ()
    local jitter = layers.RandomColorJitter {
      brightness_factor = { 0, 1 }, saturation_factor = { 0, 0.5 }, seed = 2,
    }
    local first, second = table.unpack(jitter:draw(many))
    local x, y = ops.reshape(first, { -1 }), ops.reshape(second / (1 + second), { -1 }) * 2
    assert.near_all(mean((x - 0.5) * (y - 0.5)), 0, 0.01)
  end)

  it("say what they take", function ()
    assert.error_at_line(function () layers.RandomPosterization(2.5) end,
      "factor must be a whole number from 1 to 8 or a list of two, got 2.5")
    assert.error_at_line(function () layers.RandomPosterization { { 1, 9 } } end,
      "factor must be a whole number from 1 to 8")
    assert.error_at_line(function () layers.Solarization(1.5) end,
      "addition_factor must be a number from 0 to 1 or a list of two, got 1.5")
    assert.error_at_line(function () layers.RandomHue(-0.1) end,
      "factor must be a number from 0 to 1")
    assert.error_at_line(function () layers.RandomHue(0.1)(ops.ones { 1, 2, 2, 4 }) end,
      "images have 3 channels, these have 4")
  end)
end)

describe("histograms", function ()
  it("are of every channel, where they are first too", function ()
    local first = { data_format = "channels_first" }
    for _, name in ipairs { "AutoContrast", "Equalization",
      "ContrastLimitedAdaptiveHistogramEqualization" } do
      local wanted = layers[name]()(batch)
      local other = layers[name](first)(ops.moveaxis(batch, -1, 1))
      assert.near_all(ops.moveaxis(other, 1, -1), wanted, 1e-4)
      assert.near_all(layers[name]()(batch[1]), layers[name]()(ops.slice(batch, { 0, 0, 0, 0 },
        { 1, -1, -1, -1 }))[1], 1e-4)
    end
  end)

  it("keep whole numbers in CLAHE", function ()
    local bytes = ops.cast(batch, "int32")
    local y = layers.ContrastLimitedAdaptiveHistogramEqualization()(bytes)
    assert.are.equal("int32", y.dtype)
  end)

  it("need pixels for the tiles of CLAHE", function ()
    local layer = layers.ContrastLimitedAdaptiveHistogramEqualization()
    assert.error_at_line(function () layer(ops.ones { 1, 8, 3, 3 }) end,
      "images 3 pixels wide are too small for 8 tiles: give a smaller tile_grid_size")
    assert.same({ 1, 4, 4, 3 }, layer(ops.ones { 1, 4, 4, 3 }).shape)
  end)
end)

describe("RandomShear", function ()
  it("slants to both sides by evenly drawn factors", function ()
    local draw = layers.RandomShear { 0.4, { 0.2, 0.6 }, seed = 4 }:draw(many)
    assert_even(draw.x, -0.4, 0.4)
    assert_even(ops.abs(draw.y), 0.2, 0.6)
    assert.near_all(mean(ops.less(draw.y, 0)), 0.5, 0.03)
  end)

  it("reads what Keras writes, which Keras does not", function ()
    local layer = layers.RandomShear(0.3)
    assert.are.same({ -0.3, 0.3 }, layer:get_config().x_factor)
    assert.are.same({ -0.3, 0.3 }, layers.RandomShear.from_config(layer:get_config()).x_factor)
    for _, factor in ipairs { -0.3, 1.5, { -0.3, 0.4 }, { -0.2, -0.1 } } do
      assert.error_at_line(function () layers.RandomShear { factor } end,
        "x_factor must be a number from 0 to 1 or a list of two")
    end
  end)
end)

describe("blurred, tilted and bent images", function ()
  it("are as many as factor says", function ()
    for _, name in ipairs { "RandomGaussianBlur", "RandomPerspective", "RandomElasticTransform" } do
      local layer = layers[name] { factor = { 0.2, 0.6 }, seed = 3 }
      assert.near_all(mean(layer:draw(many).chosen), 0.4, 0.03)
    end
  end)

  it("have evenly drawn deviations and corners", function ()
    local sigmas, blur = {}, layers.RandomGaussianBlur { sigma = { 0.2, 0.8 }, seed = 1 }
    for i = 1, 500 do sigmas[i] = blur:draw(batch).sigma:totable() end
    assert_even(core.tensor(sigmas), 0.2, 0.8)
    local draw = layers.RandomPerspective { scale = 0.4, seed = 1 }:draw(ops.ones { 2000, 5, 9, 1 })
    assert.near_all(draw.from[1], { { 0, 0 }, { 8, 0 }, { 0, 4 }, { 8, 4 } }, 0)
    local moved = (draw.to - draw.from) / ops.maximum(draw.from, 1)
    assert.near_all(moved[1][1], { 0, 0 }, 0)
    assert_even(ops.reshape(ops.slice(moved, { 0, 3, 0 }, { -1, 1, -1 }), { -1 }), -0.2, 0.2)
  end)

  it("bend masks as images, and do not clip them", function ()
    local numbers = ops.cast(batch, "int32") + 1000
    local bend = { scale = { 1, 1 }, factor = { 1, 1 }, interpolation = "nearest", seed = 7 }
    bend.value_range = { 0, 2000 }
    local images = ops.tile(numbers, { 1, 10, 10, 1 })
    local y = layers.RandomElasticTransform(bend) { images = images, segmentation_masks = images }
    assert.near_all(ops.cast(y.segmentation_masks, "float32"), y.images, 0)
    assert.is_true(mean(ops.equal(y.segmentation_masks, images)) < 0.9)
    bend.value_range = { 0, 1 }
    y = layers.RandomElasticTransform(bend) { images = images, segmentation_masks = images }
    assert.is_true(ops.min(y.segmentation_masks):item() >= 1000 and ops.max(y.images):item() <= 1)
  end)

  it("say what they take", function ()
    assert.error_at_line(function () layers.RandomGaussianBlur { kernel_size = 4 } end,
      "kernel_size must be an odd number or a list of two, got 4")
    assert.error_at_line(function () layers.RandomPerspective { scale = 1.5 } end,
      "scale must be a number from 0 to 1, got 1.5")
    assert.error_at_line(function () layers.RandomElasticTransform { fill_mode = "edge" } end,
      "fill_mode must be one of")
  end)
end)

describe("RandomErasing", function ()
  local blank = ops.zeros { 400, 40, 50, 1 }

  local function share_of(options)
    options.seed, options.factor = 9, { 1, 1 }
    return ops.mean(layers.RandomErasing(options)(blank), { 1, 2, 3 })
  end

  it("erases a part of the area, whose sides have the same share each", function ()
    assert.near_all(share_of { scale = { 0.25, 0.25 }, fill_value = 1 },
      ops.full({ 400 }, 0.25), 0.02)
    local y = share_of { scale = { 0.1, 0.6 }, fill_value = 1 }
    local side = (0.6 ^ 1.5 - 0.1 ^ 1.5) / 1.5 / 0.5      -- the mean of the root of an even number
    assert.near_all(mean(y), side * side, 0.015)
  end)

  it("erases as many images as factor says, anywhere", function ()
    local options = { factor = { 0.2, 0.4 }, scale = { 0.25, 0.25 }, fill_value = 1, seed = 2 }
    local y = layers.RandomErasing(options)(blank)
    assert.near_all(mean(ops.less(0, ops.max(y, { 1, 2, 3 }))), 0.3, 0.07)
    options.factor = { 1, 1 }
    local everywhere = ops.mean(layers.RandomErasing(options)(blank), 0)
    assert.is_true(ops.min(everywhere):item() < 0.1 and ops.max(everywhere):item() > 0.4)
  end)

  it("fills with noise, or with a colour", function ()
    local whole = { factor = { 1, 1 }, scale = { 1, 1 }, seed = 1 }
    local y = layers.RandomErasing(whole)(blank)
    assert.near_all(mean(ops.equal(y, 0)), 0.5, 0.01)         -- half of the noise is below 0
    assert.near_all(mean(ops.equal(y, 255)), 0.1587, 0.01)    -- ... and some is clipped
    whole.fill_value = { 1, 300, 3 }
    y = layers.RandomErasing(whole)(ops.zeros { 1, 2, 2, 3 })
    assert.near_all(y, ops.zeros { 1, 2, 2, 3 } + core.tensor { 1, 255, 3 })
    assert.error_at_line(function () layers.RandomErasing { fill_value = { 1, 2 } } end,
      "fill_value must be a number or a list of three")
  end)
end)

describe("mixing", function ()
  local labels = ops.one_hot(ops.arange(16) % 4, 4)

  for _, name in ipairs { "MixUp", "CutMix" } do
    local function make(seed) return layers[name] { 0.9, seed = seed } end

    check_images.layer(name, make, batch, { mixes = true })

    it("of labels adds up to 1 in " .. name, function ()
      local result = make(1) { images = batch, labels = labels }
      assert.near_all(ops.sum(result.labels, 1), ops.ones { 16 }, 1e-6)
      assert.is_true(ops.max(ops.abs(result.labels - labels)):item() > 0.05)
      local still = make(1)({ images = batch, labels = labels }, { training = false })
      assert.near_all(still.labels, labels, 0)
    end)

    it("leaves one image as it is in " .. name, function ()
      local result = make(1) { images = batch[1], labels = labels[1],
        segmentation_masks = batch[2] }
      assert.near_all(result.images, batch[1], 1e-5)
      assert.near_all(result.labels, labels[1], 1e-6)
      assert.near_all(result.segmentation_masks, batch[2], 1e-5)
    end)
  end

  it("has the weight of its labels in MixUp", function ()
    local weight = layers.MixUp { 0.2, seed = 8 }:draw(many).weight
    assert.near_all(mean(weight), 0.5, 0.03)
    assert.near_all(ops.std(weight), math.sqrt(1 / (4 * 1.4)), 0.02)
    local x = { images = batch, labels = ops.reshape(batch, { 16, -1 }),
      segmentation_masks = batch }
    local y = layers.MixUp { 1, seed = 3 } (x)
    assert.near_all(ops.reshape(y.images, { 16, -1 }), y.labels, 1e-3)
    assert.near_all(y.segmentation_masks, y.images, 1e-3)
  end)

  it("of every image is with another one, each once", function ()
    local order = layers.MixUp { 0.2, seed = 8 }:draw(batch).order:totable()
    table.sort(order)
    assert.are.same(ops.arange(16):totable(), order)
  end)

  it("cuts what its labels say in CutMix, and masks as images", function ()
    local number = ops.reshape(ops.arange(0, 16, 1, "float32"), { 16, 1, 1, 1 })
    local images = ops.zeros { 16, 60, 50, 1 } + number
    local y = layers.CutMix { seed = 2 } {
      images = images, labels = ops.one_hot(ops.arange(16), 16),
      segmentation_masks = ops.cast(images, "int32"),
    }
    local kept = ops.mean(ops.cast(ops.equal(y.images, number), "float32"), { 1, 2, 3 })
    assert.near_all(kept, ops.max(y.labels * ops.eye(16), 1), 0.04)
    assert.near_all(ops.cast(y.segmentation_masks, "float32"), y.images, 0)
    assert.are.equal("int32", y.segmentation_masks.dtype)
  end)

  it("wants a shape above 0", function ()
    assert.error_at_line(function () layers.MixUp(0) end,
      "alpha must be a number above 0, got 0")
  end)
end)

describe("chosen layers", function ()
  check_images.layer("RandAugment", function (seed)
    return layers.RandAugment { num_ops = 3, seed = seed }
  end, batch, { masks = "moved" })

  check_images.layer("AugMix", function (seed) return layers.AugMix { seed = seed } end, batch,
    { mixes = true })

  it("are all chosen as often", function ()
    local layer = layers.RandAugment { num_ops = 5000, seed = 2 }
    local numbers = layer:draw(ops.ones { 1, 1, 1, 3 }).numbers
    for i = 0, 10 do assert.near_all(mean(ops.equal(numbers, i)), 1 / 11, 0.015) end
    local mix = layers.AugMix { num_chains = 1, chain_depth = 1, all_ops = false }
    assert.are.equal(7, #mix._layers)
    assert.are.equal(11, #layers.AugMix()._layers)
  end)

  it("are chosen in a planned run as they are at once", function ()
    for _, name in ipairs { "RandAugment", "AugMix" } do
      local layer = layers[name] { seed = 3 }
      local draw = layer:draw(batch)
      function layer.draw() return draw end
      local f = core.trace({ { shape = batch.shape } }, function (x)
        local numbers = {}          -- as they are drawn in a trace: not known yet
        for i = 1, draw.numbers.shape[1] do numbers[i] = draw.numbers[i] + ops.sum(x * 0) end
        function layer.draw()
          return setmetatable({ numbers = numbers }, { __index = draw })
        end
        return layer(x, { training = true })
      end)
      function layer.draw() return draw end
      assert.near_all(f(batch), layer(batch), 1e-4)
    end
  end)

  it("colour no masks", function ()
    local layer = layers.RandAugment { num_ops = 1, interpolation = "nearest" }
    local masks = ops.cast(batch, "int32")
    for i, one in ipairs(layer._layers) do
      local draw = { numbers = core.tensor { i - 1 }, draws = {} }
      for j, other in ipairs(layer._layers) do draw.draws[j] = other:draw(batch) or false end
      function layer.draw() return draw end
      local y = layer { images = batch, segmentation_masks = masks }
      local wanted = one.moves_pixels and ops.cast(y.images, "int32") or masks
      assert.near_all(y.segmentation_masks, wanted, 0)
    end
  end)

  it("mix no masks", function ()
    assert.error_at_line(function ()
      layers.AugMix() { images = batch, segmentation_masks = batch }
    end, "mixes images, whose segmentation_masks cannot follow: leave them out")
  end)
end)
