-- GaussianNoise: in training, normal numbers are added.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local noise = require "lunula.layers.regularization.noise"
local random = require "lunula.ops.random"

return layer "GaussianNoise" {
  doc = "in training x plus normal numbers of mean 0 and deviation stddev",
  args = {
    { "stddev", kinds.fraction, required = true, doc = "the standard deviation of the noise" },
    { "seed", kinds.seed },
  },
  supports_masking = true,
  init = noise.init,
  call = function (self, x, options)
    if not options.training or self.stddev == 0 then return x end
    return x + random.normal(x, 0, self.stddev, nil, self.generator)
  end,
}
