-- Work goes with what is asked for: a large number is refused at once, or costs no more than its
-- result does.

local core = require "lunula.core"
local k = require "lunula"
local ops = k.ops

-- Seconds that f took.
local function seconds(f, ...)
  local start = os.clock()
  f(...)
  return os.clock() - start
end

local x = k.tensor { 1, 2, 3 }
local image = k.ones { 1, 3, 3, 1 }

-- Each row: what is said, and what is done.
local function refuses(rows)
  for i = 1, #rows, 2 do
    it("refuses at once: " .. rows[i], function ()
      assert.error_at_line(rows[i + 1], rows[i])
      assert.is_true(seconds(pcall, rows[i + 1]) < 0.2)
    end)
  end
end

describe("a number beyond reason", function ()
  refuses {
    "array_split: 2147483647 results, at most 65536",
    function () ops.array_split(x, (1 << 31) - 1) end,
    "split: 1099511627776 results, at most 65536",
    function () ops.split(k.zeros { 0 }, 1 << 40) end,
    "unstack: 100000 results, at most 65536",
    function () ops.unstack(k.zeros { 100000 }) end,
    "eye: no memory has so many numbers: (2147483648, 2147483648)",
    function () ops.eye(1 << 31) end,
    "tri: a size of -1",
    function () ops.tri(-1) end,
    "vander: no memory has so many numbers",
    function () ops.vander(x, 1 << 60) end,
    "linspace: no memory has so many numbers",
    function () ops.linspace(0, 1, 1 << 60) end,
    "one_hot: no memory has so many numbers",
    function () ops.one_hot({ 1, 2 }, 1 << 60) end,
    "image.resize: height and width go from 1 to 65536, got 400000000",
    function () ops.image.resize(image, { 2, 400000000 }) end,
    "repeat: 4611686018427387905 times",
    function () ops["repeat"](x, { 1, 1 << 62, 1 }, 0) end,
    "repeat: -1 times",
    function () ops["repeat"](x, -1) end,
    "tile: -2 times",
    function () ops.tile(x, -2) end,
    "bincount: numbers below 0, the least is -1",
    function () ops.bincount { 1, -1 } end,
    "diff: 2000 times, along an axis of size None",
    function ()
      core.trace({ { shape = { false } } }, function (t) return (ops.diff(t, 2000)) end)
    end,
    'layer "center_crop" (CenterCrop): image.resize: height and width go from 1 to 65536',
    function ()
      k.models.model_from_json [[{"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 8, 8, 1], "name": "i"}},
        {"class_name": "CenterCrop", "config": {"height": 4, "width": 400000000,
          "name": "center_crop"}}]}, "keras_version": "3.15.1"}]]
    end,
  }

  it("is nothing to wait for when nothing is left to do", function ()
    assert.near_all(ops.diff(x, 1 << 40), {})
    assert.is_true(seconds(ops.diff, x, 1 << 40) < 0.1)
  end)
end)

describe("work in proportion to the result", function ()
  it("makes a million powers in a second", function ()
    local y
    assert.is_true(seconds(function () y = ops.vander(x, 1000000, true) end) < 3)
    assert.same({ 3, 1000000 }, y.shape)
    assert.near_all(y[{ 2, { 1, 4 } }], { 1, 2, 4, 8 })
  end)

  it("repeats by a list without a loop over the result", function ()
    local y
    assert.is_true(seconds(function () y = ops["repeat"](x, { 1000000, 0, 500000 }) end) < 0.5)
    assert.same({ 1500000 }, y.shape)
    assert.equal(1, y[1000000])
    assert.equal(3, y[1000001])
  end)

  it("pads sequences without a loop over the blanks", function ()
    local y
    local function pad() y = k.utils.pad_sequences({ { 1, 2 }, {} }, { maxlen = 4000000 }) end
    assert.is_true(seconds(pad) < 0.5)
    assert.same({ 2, 4000000 }, y.shape)
    assert.same({ 0, 1, 2 }, y[{ 1, { 3999998, 4000000 } }]:totable())
    assert.error_at_line(function ()
      k.utils.pad_sequences({ { 1 << 31 } }, { maxlen = 2 })
    end, "element [1] of the table is 2147483648, which int32 cannot hold")
  end)

  it("makes a matrix for resizing of those weights that count", function ()
    assert.is_true(seconds(ops.image.resize, k.ones { 1, 1, 2000, 1 }, { 1, 2000 }) < 0.5)
  end)
end)

describe("what is asked for again and again", function ()
  -- VM instructions of our Lua files that f takes, to the nearest ten.
  local function instructions(f)
    local n = 0
    debug.sethook(function () n = n + 10 end, "", 10)
    f()
    debug.sethook()
    return n
  end

  it("is an epoch of few batches", function ()
    local model = k.Sequential { k.Input { 4 }, k.layers.Dense(8), k.layers.Dense(1) }
    model:compile { optimizer = "sgd", loss = "mse" }
    local xs, ys = k.ones { 64, 4 }, k.ones { 64, 1 }
    local function fit(epochs) model:fit(xs, ys, { epochs = epochs, verbose = 0 }) end
    fit(1)
    local one = instructions(function () fit(1) end)
    assert.is_true((instructions(function () fit(21) end) - one) / 20 < 8000)
  end)

  it("is the text of a model", function ()
    local model = k.Sequential { k.Input { 4 }, k.layers.Dense(8), k.layers.Dense(1) }
    model:to_json()
    assert.is_true(instructions(function () model:to_json() end) < 13000)
  end)
end)
