-- The layers that change images to make more of them, where no number of Keras reaches: chance,
-- labels and masks, planned runs, errors. Their formulas: image_draws_spec.lua, golden_spec.lua.

local core = require "lunula.core"
local k = require "lunula"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"

local layers = k.layers

local batch = core.untraced(function ()
  return ops.floor(random.uniform({ 16, 4, 5, 3 }, 0, 256, nil, 3))
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
end)
