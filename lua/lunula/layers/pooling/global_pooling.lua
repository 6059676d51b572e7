-- GlobalMaxPooling and GlobalAveragePooling, 1D to 3D: the largest, or the mean, over all cells.
-- The mean over a line counts the steps of its mask.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local spatial = require "lunula.layers.base.spatial"

local function spatial_axes(self)
  local axes = {}
  for i = 1, self.rank do axes[i] = spatial.is_first(self) and i + 1 or i end
  return axes
end

-- The mean over the steps that the mask (batch, steps) keeps.
local function masked_mean(self, x, mask)
  local axis = spatial.is_first(self) and 2 or 1
  local kept = ops.expand_dims(ops.cast(mask, "float32"), axis == 1 and 2 or 1)
  return ops.sum(x * kept, axis, self.keepdims) / ops.sum(kept, axis, self.keepdims)
end

local function average(self, x, options)
  if self.rank == 1 and options.mask ~= nil then return masked_mean(self, x, options.mask) end
  return ops.mean(x, spatial_axes(self), self.keepdims)
end

local function largest(self, x)
  return ops.max(x, spatial_axes(self), self.keepdims)
end

local function over_all(pattern, alias, doc, call, takes_mask)
  return spatial.family(pattern, { 1, 2, 3 }, function (rank)
    return {
      doc = doc,
      args = {
        { "data_format", kinds.data_format },
        { "keepdims", kinds.boolean, default = false },
      },
      supports_masking = takes_mask and rank == 1,
      compute_mask = takes_mask and rank == 1 and function () end or nil,
      call = call,
    }
  end, alias)
end

local classes = over_all("GlobalMaxPooling%dD", "GlobalMaxPool%dD", "the largest over all cells",
  largest, false)
local means = over_all("GlobalAveragePooling%dD", "GlobalAvgPool%dD",
  "the mean over all cells, of a line over those that the mask keeps", average, true)
for name, class in pairs(means) do classes[name] = class end

return classes
