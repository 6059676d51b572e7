-- Random initializers whose numbers do not depend on the shape of the weight.

local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local random = require "lunula.ops.random"
local initializer = require "lunula.initializers.initializer"

local Random, seed = initializer.Random, initializer.seed
local plain = {}

plain.RandomNormal = declare.class {
  name = "RandomNormal", parent = Random,
  doc = "normal numbers",
  args = {
    { "mean", kinds.number, default = 0.0 }, { "stddev", kinds.non_negative, default = 0.05 }, seed,
  },
  make = function (self, shape, dtype)
    return random.normal(shape, self.mean, self.stddev, dtype, self.key)
  end,
}

plain.TruncatedNormal = declare.class {
  name = "TruncatedNormal", parent = Random,
  doc = "normal numbers, none further than two deviations from the mean",
  args = {
    { "mean", kinds.number, default = 0.0 }, { "stddev", kinds.non_negative, default = 0.05 }, seed,
  },
  make = function (self, shape, dtype)
    return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.key)
  end,
}

plain.RandomUniform = declare.class {
  name = "RandomUniform", parent = Random,
  doc = "numbers from minval up to maxval",
  args = {
    { "minval", kinds.number, default = -0.05 }, { "maxval", kinds.number, default = 0.05 }, seed,
  },
  make = function (self, shape, dtype)
    return random.uniform(shape, self.minval, self.maxval, dtype, self.key)
  end,
}

return plain
