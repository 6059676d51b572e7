-- K's random numbers: by names and arguments of Keras 2.

local config = require "lunula.ops.config"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"
local variable = require("lunula.backend.values").variable
local takes = require("lunula.ops.tools").takes

local K = {}

-- Numbers of a normal distribution.
K.random_normal = takes("K.random_normal",
  "shape:any, mean:value=0, stddev:value=1, dtype:dtype=nil, seed:any=nil",
  function (...) return random.normal(...) end)
-- Numbers evenly between two bounds.
K.random_uniform = takes("K.random_uniform",
  "shape:any, minval:value=0, maxval:value=1, dtype:dtype=nil, seed:any=nil",
  function (...) return random.uniform(...) end)
-- Numbers of a normal distribution within two deviations.
K.truncated_normal = takes("K.truncated_normal",
  "shape:any, mean:value=0, stddev:value=1, dtype:dtype=nil, seed:any=nil",
  function (...) return random.truncated_normal(...) end)
-- Ones with the probability p, else zeros.
K.random_bernoulli = takes("K.random_bernoulli",
  "shape:any, p:value=0, dtype:dtype=nil, seed:any=nil",
  function (shape, p, dtype, seed)
  return ops.cast(ops.less_equal(random.uniform(shape, 0, 1, nil, seed), p),
    dtype or config.floatx())
end)
-- x with a share of its values set to 0 and the rest scaled up.
K.dropout = takes("K.dropout", "x, level:num, noise_shape:sizes=nil, seed:any=nil",
  function (x, level, noise_shape, seed)
  return random.dropout(x, level, noise_shape, seed)
end)
-- A variable whose values are drawn from a normal distribution.
K.random_normal_variable = takes("K.random_normal_variable",
  "shape:any, mean:value=0, scale:value=1, dtype:dtype=nil, name:str=nil, seed:any=nil",
  function (shape, mean, scale, dtype, name, seed)
    return variable(random.normal(shape, mean, scale, dtype, seed), dtype, name)
  end)
-- A variable whose values are drawn evenly between two bounds.
K.random_uniform_variable = takes("K.random_uniform_variable",
  "shape:any, low:value=0, high:value=1, dtype:dtype=nil, name:str=nil, seed:any=nil",
  function (shape, low, high, dtype, name, seed)
    return variable(random.uniform(shape, low, high, dtype, seed), dtype, name)
  end)

return K
