-- Equalization: values spread so that all of them are equally frequent.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

-- How often each of `bins` steps of the bytes occurs in a channel of all images: (c, bins).
local function histogram(bytes, bins)
  local step = ops.clip(ops.cast(bytes * ((bins - 1) / 255), "int32"), 0, bins - 1)
  local place = ops.iota_like(step, 3) * bins + step
  local none = ops.expand_dims(ops.zeros_like(ops.sum(step, { 0, 1, 2 })), 1)
  none = none + ops.zeros({ 1, bins }, "int32")
  local counts = ops.scatter_add(ops.reshape(ops.ones_like(step), { -1 }),
    ops.reshape(place, { -1 }), ops.reshape(none, { -1 }))
  return ops.reshape(counts, { -1, bins })
end

-- What becomes of each step: (c, bins).
local function curves(counts)
  local sum = ops.cast(ops.cumsum(counts, 1), "float32")
  local total = ops.max(sum, 1, true)
  local least = ops.min(ops.where(ops.less(0, sum), sum, total), 1, true)
  local whole = total - least
  local range = ops.where(ops.equal(whole, 0), 1, whole)
  return ops.clip(ops.round((sum - least) * 255 / range), 0, 255)
end

local function equalized(bytes, bins)
  local counts = histogram(bytes, bins)
  local step = ops.cast(ops.clip(bytes / 255 * (bins - 1), 0, bins - 1), "int32")
  local place = ops.iota_like(step, 3) * bins + step
  local value = ops.take(ops.reshape(curves(counts), { -1 }), place, 0)
  local used = ops.sum(ops.cast(ops.less(0, counts), "int32"), 1)
  return ops.where(ops.less_equal(used, 1), bytes, value)
end

return layer "Equalization" {
  parent = image.Layer,
  doc = "in training spreads the values of each channel by their histogram over the batch",
  args = {
    { "value_range", image.value_range, default = { 0, 255 } },
    { "bins", kinds.positive, default = 256,
      doc = "how many bins the histogram has" },
    image.data_format,
  },
  transform = function (self, images)
    local bytes = image.rescale(images, self.value_range, { 0, 255 })
    return image.rescale(equalized(bytes, self.bins), { 0, 255 }, self.value_range)
  end,
}
