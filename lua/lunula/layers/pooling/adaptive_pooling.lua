-- AdaptiveAveragePooling and AdaptiveMaxPooling, 1D to 3D: as many windows as are wanted, whatever
-- the input's size.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local spatial = require "lunula.layers.base.spatial"

local function adaptive(pattern, doc, op)
  return spatial.family(pattern, { 1, 2, 3 }, function (rank)
    return {
      doc = doc,
      args = {
        { "output_size", kinds.tuple_of(rank), required = true },
        { "data_format", kinds.data_format },
      },
      call = function (self, x)
        return spatial.leave(self, op(spatial.enter(self, x), self.output_size, "channels_last"))
      end,
    }
  end)
end

local classes = adaptive("AdaptiveMaxPooling%dD", "the largest of each of output_size windows",
  ops.adaptive_max_pool)
local means = adaptive("AdaptiveAveragePooling%dD", "the mean of each of output_size windows",
  ops.adaptive_average_pool)
for name, class in pairs(means) do classes[name] = class end

return classes
