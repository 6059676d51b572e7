-- What an initializer is: initializer(shape, dtype) returns the first value of a weight.
--
-- A random one takes its place in the random numbers when it is made: calling the same object twice
-- gives the same numbers, and two objects give different ones unless they were given one seed.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local random = require "lunula.ops.random"

local initializer = {}

local Initializer = declare.class {
  kind = "initializer", name = "Initializer", abstract = true,
  doc = "the first value of a weight: initializer(shape, dtype)",
}

function Initializer:__call(shape, dtype)
  if type(dtype) == "table" then dtype = dtype.dtype end
  local sizes = kinds.shape.check(shape)
  for i = 1, sizes and #sizes or 0 do
    if not sizes[i] or sizes[i] < 0 then sizes = nil break end
  end
  if not sizes then
    core.raise("%s: a shape of known sizes is needed, got %s", declare.class_of(self).name,
      declare.show(shape))
  end
  return self:make(sizes, dtype or "float32")
end

initializer.Initializer = Initializer

-- The parent of the random ones.
local Random = declare.class {
  name = "RandomInitializer", parent = Initializer, abstract = true,
  init = function (self)
    self.stream = self.seed and 1 or core.random_key()
  end,
}

-- What random.* takes as a seed. Always the same place: the seed or the program's, and our stream.
function Random:place()
  local generator = random.SeedGenerator(0)
  generator.seed, generator.drawn = self.seed, self.stream - 1
  return generator
end

initializer.Random = Random
initializer.seed = { "seed", kinds.seed }

return initializer
