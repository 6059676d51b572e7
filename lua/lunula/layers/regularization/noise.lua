-- What the noisy layers share: where their random numbers come from, and the sizes of what they
-- draw.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"
local tools = require "lunula.ops.tools"

local noise = {}

-- The hook init of a noisy layer: a layer with a seed has a sequence of its own, the others share
-- the program's.
function noise.init(self)
  if self.seed then self.generator = random.SeedGenerator(self.seed) end
end

-- Sizes of what is drawn, each 1 or more, or false for the input's own.
noise.shape = {
  name = "a list of sizes of 1 or more, or false for that of the input",
  check = function (value, context)
    local shape = type(value) == "table" and kinds.shape.check(value, context)
    for _, size in ipairs(shape or {}) do
      if size and size < 1 then return nil end
    end
    return shape or nil
  end,
}

-- Each size of noise_shape is 1, for one draw along the axis, or what the input has there.
function noise.check_shape(self, x)
  local drawn, shape = self.noise_shape, x.shape
  local fits = #drawn == #shape
  for i = 1, fits and #drawn or 0 do
    local size = drawn[i]
    if size and size > 1 and shape[i] and size ~= shape[i] then fits = false end
  end
  if not fits then
    core.raise("noise_shape %s does not fit an input of shape %s", declare.show(drawn),
      tools.shape_text(shape))
  end
end

-- A tensor with the sizes of one draw for x: those of noise_shape, if there is one.
function noise.like(self, x)
  if not self.noise_shape then return x end
  noise.check_shape(self, x)
  local together = {}
  for i, size in ipairs(self.noise_shape) do
    if size == 1 then together[#together + 1] = i - 1 end
  end
  return #together > 0 and ops.sum(x, together, true) or x
end

return noise
