-- What holds for every layer that changes images at random.

local busted = require "busted"
local core = require "lunula.core"
local k = require "lunula"
local ops = require "lunula.ops"
local assert = require "luassert"

local describe, it = busted.describe, busted.it

local check = {}

local training, inference = { training = true }, { training = false }

function check.copies(n, one)
  return ops["repeat"](ops.expand_dims(one, 0), n, 0)
end

-- Each image as a row.
function check.rows(x) return ops.reshape(x, { x.shape[1], -1 }) end

-- The share of the images in which nothing has changed.
function check.unchanged(y, x)
  local same = ops.all(ops.equal(check.rows(y), check.rows(x)), 1)
  return ops.mean(ops.cast(same, "float32")):item()
end

local unchanged = check.unchanged

local function check_draws(name, make, batch, crops)
  it("repeats itself with a seed, and draws anew at every call", function ()
    local layer = make(3)
    local first, second, third = layer(batch), layer(batch), layer(batch)
    assert.near_all(make(3)(batch), first, 0)
    assert.is_true(unchanged(second, first) < 1 or unchanged(third, first) < 1)
  end)

  it("is in training when it is called directly, and not at inference", function ()
    local layer = make(3)
    assert.near_all(layer(batch, inference), batch, 0)
    if not crops then assert.is_true(unchanged(layer(batch), batch) < 1) end
  end)

  it("follows the model that it is in", function ()
    local input = k.Input { shape = table.move(batch.shape, 2, 4, 1, {}) }
    local model = k.Sequential { input, make(3) }
    assert.near_all(model:predict(batch, { verbose = 0 }), batch, 0)
    assert.are.same(make(3)(batch).shape, model(batch, training).shape)
    assert.is_nil(make(3).bogus)
  end)

  it("draws anew in every planned run", function ()
    local layer, shape = make(), batch.shape
    shape[1] = false
    local f = core.trace({ { shape = shape } }, function (x) return layer(x, training) end)
    local first, same = f(batch), true
    for _ = 1, 5 do same = same and unchanged(f(batch), first) == 1 end
    assert.is_false(same)
    assert.are.same(layer(batch).shape, f(batch).shape)
  end)

  it("takes one image, and channels first", function ()
    local layer = make(1)
    assert.are.equal(3, layer(batch[1]).rank)
    local first = ops.moveaxis(batch, -1, 1)
    local config = layer:get_config()
    config.data_format = "channels_first"
    local other = k.layers[name].from_config(config)
    assert.near_all(ops.moveaxis(other(first), 1, -1), make(1)(batch), 1e-4)
  end)
end

-- masks: "images", when they change as the images do, or "stay".
local function check_sides(make, batch, masks)
  it("passes labels on, and moves masks as it moves pixels", function ()
    local labels = ops.arange(0, batch.shape[1], 1, "int32")
    local result = make(5) {
      images = batch, labels = labels, segmentation_masks = ops.cast(batch, "int32"),
    }
    assert.near_all(result.images, make(5)(batch), 0)
    assert.near_all(result.labels, labels, 0)
    assert.are.equal("int32", result.segmentation_masks.dtype)
    local moved = ops.cast(result.segmentation_masks, "float32")
    if masks == "images" then
      assert.near_all(moved, result.images, 0)
    elseif masks == "stay" then
      assert.near_all(moved, batch, 0)
    end
  end)

  it("says what it takes", function ()
    assert.error_at_line(function () make()(ops.ones { 4, 4 }) end,
      "takes images (height, width, channels) or a batch of them, got shape (4, 4)")
    assert.error_at_line(function () make() { image = batch } end, 'did you mean "images"?')
  end)
end

-- make(seed) gives a layer; batch: images that it changes; options: masks, crops (the images are
-- smaller afterwards), mixes (labels change too).
function check.layer(name, make, batch, options)
  describe(name, function ()
    check_draws(name, make, batch, options.crops)
    if not options.mixes then check_sides(make, batch, options.masks) end
  end)
end

return check
