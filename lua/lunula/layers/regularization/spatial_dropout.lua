-- SpatialDropout1D, SpatialDropout2D, SpatialDropout3D: dropout of whole channels, as neighbouring
-- cells of one say nearly the same.

local kinds = require "lunula.kinds"
local random = require "lunula.ops.random"
local spatial = require "lunula.layers.base.spatial"
local tools = require "lunula.ops.tools"

return spatial.family("SpatialDropout%dD", { 1, 2, 3 }, function (rank)
  local args = {
    { "rate", kinds.fraction, required = true },
    { "data_format", kinds.data_format },
    { "seed", kinds.seed },
    { "trainable", kinds.boolean, default = true, field = "_trainable", keyword = true,
      config = false },                        -- Keras's config does not tell it
  }
  if rank == 1 then table.remove(args, 2) end
  return {
    doc = "in training each channel is 0 with chance rate, else x / (1 - rate)",
    args = args,
    supports_masking = true,
    init = function (self)
      if self.seed then self.generator = random.SeedGenerator(self.seed) end
    end,
    call = function (self, x, options)
      if not options.training or self.rate == 0 then return x end
      if self.rate == 1 then return x * 0 end
      local noise_shape = tools.fill(rank + 2, 1)
      noise_shape[1], noise_shape[spatial.is_first(self) and 2 or rank + 2] = false, false
      return random.dropout(x, self.rate, noise_shape, self.generator)
    end,
  }
end)
