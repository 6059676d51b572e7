-- AlphaDropout: in training, some elements take the value at which selu saturates; then all are
-- scaled and shifted so that mean and variance stay as they were.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local noise = require "lunula.layers.regularization.noise"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"

local saturated = -1.6732632423543772 * 1.0507009873554805   -- selu(-infinity)

return layer "AlphaDropout" {
  doc = "in training each element saturates with chance rate; mean and variance stay",
  args = {
    { "rate", kinds.fraction, required = true },
    { "noise_shape", noise.shape },
    { "seed", kinds.seed },
  },
  supports_masking = true,
  init = noise.init,
  call = function (self, x, options)
    local rate = self.rate
    if not options.training or rate == 0 then return x end
    if rate == 1 then core.raise("rate 1 leaves nothing of the input to keep the variance with") end
    local u = random.uniform(noise.like(self, x), 0, 1, nil, self.generator)
    local scale = ((1 - rate) * (1 + rate * saturated ^ 2)) ^ -0.5
    local kept = ops.where(ops.less_equal(rate, u), x, saturated)
    return kept * scale - scale * saturated * rate
  end,
}
