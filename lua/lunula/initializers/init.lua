-- k.initializers: every initializer under its class name and under its function name.

local declare = require "lunula.declare"

local initializers = declare.late_catalogue("initializer", {
  { "Zeros Ones Constant Identity", function ()
    return require "lunula.initializers.constant"
  end },
  { "RandomNormal TruncatedNormal RandomUniform", function ()
    return require "lunula.initializers.random"
  end },
  { "VarianceScaling GlorotUniform GlorotNormal HeUniform HeNormal LecunUniform LecunNormal",
    function () return require "lunula.initializers.scaled" end },
  { "Orthogonal", function () return require "lunula.initializers.orthogonal" end },
  { "STFT", function () return require "lunula.initializers.stft" end },
}, {
  zero = "Zeros", one = "Ones", normal = "RandomNormal", uniform = "RandomUniform",
  IdentityInitializer = "Identity", OrthogonalInitializer = "Orthogonal",
  STFTInitializer = "STFT",
})

initializers.Initializer = require("lunula.initializers.initializer").Initializer

-- How many inputs and how many outputs a weight of that shape connects: two numbers. from and to
-- are lists of its axes, where they are not the last but one and the last.
function initializers.compute_fans(shape, from, to)
  return require("lunula.initializers.scaled").compute_fans(shape, from, to)
end

return initializers
