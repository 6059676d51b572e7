-- Dropout: in training, some elements are 0 and the others are larger by as much.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local random = require "lunula.ops.random"
local tools = require "lunula.ops.tools"

-- Each size of noise_shape is 1, for one draw along the axis, or what the input has there.
local function check_noise_shape(self, x)
  local noise, shape = self.noise_shape, x.shape
  local fits = #noise == #shape
  for i = 1, fits and #noise or 0 do
    local size = noise[i]
    if size and size > 1 and shape[i] and size ~= shape[i] then fits = false end
  end
  if not fits then
    core.raise("noise_shape %s does not fit an input of shape %s", declare.show(noise),
      tools.shape_text(shape))
  end
end

return layer "Dropout" {
  doc = "in training each element is 0 with chance rate, else x / (1 - rate)",
  args = {
    { "rate", kinds.fraction, required = true, alias = "p" },
    { "noise_shape", kinds.shape },
    { "seed", kinds.seed },
  },
  casts = "all",
  supports_masking = true,
  init = function (self)
    if self.seed then self.generator = random.SeedGenerator(self.seed) end
  end,
  call = function (self, x, ctx)
    if not ctx.training or self.rate == 0 then return x end
    if self.rate == 1 then return x * 0 end
    if self.noise_shape then check_noise_shape(self, x) end
    return random.dropout(x, self.rate, self.noise_shape, self.generator)
  end,
}
