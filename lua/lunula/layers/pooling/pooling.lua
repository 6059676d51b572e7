-- MaxPooling and AveragePooling, 1D to 3D: the largest, or the mean, of the cells under a window.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local spatial = require "lunula.layers.base.spatial"

local function pooling(pattern, alias, doc, default, row)
  return spatial.family(pattern, { 1, 2, 3 }, function (rank)
    local numbers = kinds.tuple_of(rank)
    return {
      doc = doc,
      args = {
        { "pool_size", numbers, default = default and spatial.each(rank, default),
          required = not default },
        { "strides", numbers },
        { "padding", kinds.one_of { "valid", "same" }, default = "valid" },
        { "data_format", kinds.data_format },
      },
      init = function (self)
        if not self.strides then self.strides = self.pool_size end
      end,
      call = function (self, x)
        spatial.check_room(self, x.shape, "pool_size")
        return spatial.leave(self, row(spatial.enter(self, x), self.pool_size, self.strides, nil,
          self.padding == "same"))
      end,
    }
  end, alias)
end

local classes = pooling("MaxPooling%dD", "MaxPool%dD", "the largest cell under each window", 2,
  ops.max_windows)
local means = pooling("AveragePooling%dD", "AvgPool%dD",
  "the mean of the cells under each window; those outside the input do not count", nil,
  ops.mean_windows)
for name, class in pairs(means) do classes[name] = class end

return classes
