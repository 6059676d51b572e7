-- GaussianDropout: in training, every element is multiplied by a normal number around 1, with the
-- deviation that Dropout of the same rate would have.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local noise = require "lunula.layers.regularization.noise"
local random = require "lunula.ops.random"

return layer "GaussianDropout" {
  doc = "in training x times normal numbers of mean 1 and deviation sqrt(rate / (1 - rate))",
  args = { { "rate", kinds.fraction, required = true }, { "seed", kinds.seed } },
  supports_masking = true,
  init = noise.init,
  call = function (self, x, options)
    if not options.training or self.rate == 0 then return x end
    if self.rate == 1 then core.raise("rate 1 asks for noise of infinite deviation") end
    local deviation = math.sqrt(self.rate / (1 - self.rate))
    return x * random.normal(x, 1, deviation, nil, self.generator)
  end,
}
