-- Dropout: in training, some elements are 0 and the others are larger by as much.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local noise = require "lunula.layers.regularization.noise"
local random = require "lunula.ops.random"

return layer "Dropout" {
  doc = "in training each element is 0 with chance rate, else x / (1 - rate)",
  args = {
    { "rate", kinds.fraction, required = true },
    { "noise_shape", noise.shape },
    { "seed", kinds.seed },
  },
  supports_masking = true,
  init = noise.init,
  call = function (self, x, options)
    if not options.training or self.rate == 0 then return x end
    if self.rate == 1 then return x * 0 end
    if self.noise_shape then noise.check_shape(self, x) end
    return random.dropout(x, self.rate, self.noise_shape, self.generator)
  end,
}
