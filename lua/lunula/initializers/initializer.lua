-- What an initializer is: initializer(shape, dtype) returns the first value of a weight.
--
-- A random one that was given no seed draws one when it is made: calling the same object twice
-- gives the same numbers, and two objects give different ones.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local random = require "lunula.ops.random"

local initializer = {}

local Initializer = declare.class {
  kind = "initializer", name = "Initializer", abstract = true,
  doc = "the first value of a weight: initializer(shape, dtype)",
}

-- The sizes of a shape that `name` was given; all are known.
function initializer.sizes(name, shape)
  local sizes = kinds.shape.check(shape)
  for i = 1, sizes and #sizes or 0 do
    if not sizes[i] or sizes[i] < 0 then sizes = nil break end
  end
  if not sizes then
    core.raise("%s: a shape of known sizes is needed, got %s", name, declare.show(shape))
  end
  return sizes
end

function Initializer:__call(shape, dtype)
  local name = declare.class_of(self).name
  if not self.make then core.raise("%s does nothing: others are made from it", name) end
  if type(dtype) == "table" then dtype = dtype.dtype end
  return self:make(initializer.sizes(name, shape), dtype or "float32")
end

-- Another one of the same config; without a seed it gives numbers of its own.
function Initializer:clone()
  return declare.class_of(self).from_config(self:get_config())
end

initializer.Initializer = Initializer

-- A seed that no other object of the program has, and that follows from the program's seed.
local function fresh_seed()
  local chance = core.untraced(random.uniform, {}):item()
  return math.tointeger(chance * (1 << 24)) << 32 | core.random_key()
end

-- The parent of the random ones. `seed` is what was asked for, `key` what is used.
initializer.Random = declare.class {
  name = "RandomInitializer", parent = Initializer, abstract = true,
  init = function (self) self.key = self.seed or fresh_seed() end,
}

initializer.seed = { "seed", kinds.seed }

return initializer
