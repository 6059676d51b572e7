-- k.initializers: every initializer under its class name and under its function name.

local declare = require "lunula.declare"
local initializer = require "lunula.initializers.initializer"
local constant = require "lunula.initializers.constant"
local random = require "lunula.initializers.random"
local orthogonal = require "lunula.initializers.orthogonal"

local classes, named = {}, {}

for _, family in ipairs { constant, random, orthogonal } do
  for _, class in ipairs(family) do
    classes[#classes + 1], named[class.name] = class, class
  end
end

local initializers = declare.catalogue("initializer", classes, {
  zero = named.Zeros, one = named.Ones, normal = named.RandomNormal, uniform = named.RandomUniform,
  IdentityInitializer = named.Identity, OrthogonalInitializer = named.Orthogonal,
  STFTInitializer = named.STFT,
})

initializers.Initializer = initializer.Initializer
initializers.compute_fans = random.compute_fans

return initializers
