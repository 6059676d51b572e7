-- keras.random: numbers from a distribution. Everything is made from two rows, uniform and normal
-- numbers in the shape of another tensor; so where Keras wants a shape, a tensor will do too, and
-- serves a batch whose size is not known. In a trace each run draws new numbers.
--
-- A seed is a number (the same numbers at every call), a SeedGenerator (the next numbers of its own
-- sequence), or nil (the next numbers of the program's sequence, see set_random_seed).

local core = require "lunula.core"
local is_plain = require("lunula.declare").is_plain
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local ops, takes = core.ops, tools.takes
local random = {}

-- ---- seeds ------------------------------------------------------------------------------------

local SeedGenerator = { __name = "lunula.SeedGenerator" }
SeedGenerator.__index = SeedGenerator

-- A sequence of its own: SeedGenerator(7), SeedGenerator{seed = 7}.
function random.SeedGenerator(options)
  local seed = options
  if type(options) == "table" then seed = options.seed or options[1] end
  if seed == nil then seed = core.random_key() end
  if math.type(seed) ~= "integer" then
    core.raise("SeedGenerator: seed must be a whole number, got %s", tostring(seed))
  end
  return setmetatable({ seed = seed, drawn = 0 }, SeedGenerator)
end

-- The number of the next draw. A trace numbers its own: what it draws does not depend on what was
-- traced before.
function SeedGenerator:next()
  if core.tracing() then return core.random_key() end
  self.drawn = self.drawn + 1
  return self.drawn
end

-- The stream and the seed that a row is given.
local function key_of(name, seed)
  if seed == nil then return core.random_key(), nil end
  if getmetatable(seed) == SeedGenerator then return seed:next(), seed.seed end
  if math.type(seed) == "integer" then return 0, seed end
  core.raise("random.%s: seed must be a whole number or a SeedGenerator, got %s", name,
    tostring(seed))
end

-- What has the sizes: the given tensor, or one of the given sizes.
local function like(name, shape)
  if type(shape) == "userdata" or type(shape) == "table" and not is_plain(shape) then
    return shape
  end
  if type(shape) ~= "table" then
    core.raise("random.%s: shape must be a list of sizes or a tensor, got %s", name, type(shape))
  end
  for i = 1, #shape do
    if not shape[i] then
      core.raise("random.%s: a size is unknown in %s; give ops.shape(x)[i] for it, or a tensor "
        .. "of this shape", name, tools.shape_text(shape))
    end
  end
  return ops.zeros(shape)
end

local function uniform(name, shape, seed)
  return ops.random_uniform_like(like(name, shape), key_of(name, seed))
end

local function normal(name, shape, seed)
  return ops.random_normal_like(like(name, shape), key_of(name, seed))
end

local function as(x, dtype) return tools.cast(x, dtype or config.floatx()) end

-- ---- distributions ----------------------------------------------------------------------------

-- Evenly from minval up to, not including, maxval.
random.uniform = takes("random.uniform",
  "shape:any, minval:value=0, maxval:value=1, dtype:dtype=nil, seed:any=nil",
  function (shape, minval, maxval, dtype, seed)
    local u = uniform("uniform", shape, seed)
    if minval == 0 and maxval == 1 then return as(u, dtype) end
    return as(u * (maxval - minval) + minval, dtype)
  end)

random.normal = takes("random.normal",
  "shape:any, mean:value=0, stddev:value=1, dtype:dtype=nil, seed:any=nil",
  function (shape, mean, stddev, dtype, seed)
  return as(normal("normal", shape, seed) * stddev + mean, dtype)
end)

-- Normal numbers without those further than two deviations from the mean: the inverse of their
-- distribution function, at even numbers.
local share_within_two = 0.9544997361036416 -- erf(sqrt(2))

random.truncated_normal = takes("random.truncated_normal",
  "shape:any, mean:value=0, stddev:value=1, dtype:dtype=nil, seed:any=nil",
  function (shape, mean, stddev, dtype, seed)
    local u = uniform("truncated_normal", shape, seed)
    local x = ops.erfinv((u * 2 - 1) * share_within_two) * math.sqrt(2)
    return as(ops.clip(x, -2, 2) * stddev + mean, dtype)
  end)

-- Whole numbers from minval up to, not including, maxval.
random.randint = takes("random.randint",
  "shape:any, minval:int, maxval:int, dtype:dtype=nil, seed:any=nil",
  function (shape, minval, maxval, dtype, seed)
    local range = maxval - minval
    if range < 1 or range > 1 << 24 or minval < -(1 << 31) or maxval > 1 << 31 then
      core.raise("random.randint: from %d to %d: the range must hold 1 to 2^24 numbers of int32",
        minval, maxval)
    end
    local steps = ops.floor(uniform("randint", shape, seed) * range)
    return tools.cast(ops.cast(ops.minimum(steps, range - 1), "int32") + minval, dtype or "int32")
  end)

-- 1 with probability p, else 0.
random.bernoulli = takes("random.bernoulli",
  "shape:any, p:value, dtype:dtype=nil, seed:any=nil",
  function (shape, p, dtype, seed)
  return as(ops.less(uniform("bernoulli", shape, seed), p), dtype)
end)

-- How many of `counts` trials come out, each with its probability: so many uniform numbers are
-- drawn, some trials at a time.
local at_once <const>, most_trials <const> = 64, 1 << 16

random.binomial = takes("random.binomial",
  "shape:any, counts:value, probabilities:value, dtype:dtype=nil, seed:any=nil",
  function (shape, counts, probabilities, dtype, seed)
    if core.is_symbolic(counts) then
      core.no_value "random.binomial: how many numbers are drawn depends on counts"
    end
    if core.is_tensor(counts) then counts = counts + 0 end   -- numbers, of truths too
    local most = core.is_tensor(counts) and ops.max(counts):item() or counts
    if not (most >= 0 and most <= most_trials) then
      core.raise("random.binomial: %.0f trials, at most %d", most, most_trials)
    end
    if math.type(seed) == "integer" then seed = random.SeedGenerator(seed) end
    local x = like("binomial", shape)
    local wide = {}
    for i = 1, x.rank do wide[i] = -1 - i end
    wide[x.rank + 1] = at_once
    local rows = ops.broadcast_to(ops.expand_dims(x, -1), wide)
    local function beside(value)
      return core.is_tensor(value) and value.rank > 0 and ops.expand_dims(value, -1) or value
    end
    local n, p, sum = beside(counts), beside(probabilities), ops.zeros_like(x)
    for first = 0, most - 1, at_once do
      local hits = ops.less(uniform("binomial", rows, seed), p)
      local counted = ops.less(ops.iota_like(rows, x.rank) + first, n)
      sum = sum + ops.sum(ops.cast(hits & counted, "float32"), -1)
    end
    return as(sum, dtype)
  end)

-- num_samples class numbers for each row of logits (unnormalised log-probabilities): the largest of
-- the logits after noise whose maxima are distributed as they should be (Gumbel).
random.categorical = takes("random.categorical",
  "logits, num_samples:int, dtype:dtype=nil, seed:any=nil",
  function (logits, num_samples, dtype, seed)
    if logits.rank ~= 2 or num_samples < 0 then
      core.raise("random.categorical: logits of two axes and 0 samples or more are wanted, got "
        .. "rank %d and %d", logits.rank, num_samples)
    end
    local rows = ops.expand_dims(logits, 1)
    local repeated = ops.broadcast_to(rows, { -2, num_samples, -4 })
    local u = ops.maximum(uniform("categorical", repeated, seed), 2.0 ^ -25)
    return tools.cast(ops.argmax(rows - ops.log(-ops.log(u)), -1), dtype or "int32")
  end)

-- Marsaglia and Tsang's way for a shape of 1 or more: a candidate is taken some 19 times of 20.
-- With this many candidates for each number all are refused once in 10^13.
local CANDIDATES = 10

local function gamma_from_one(like_it, alpha, seed)
  local d = alpha - 1 / 3
  local c = 1 / ops.sqrt(d * 9)
  local result = d
  for _ = 1, CANDIDATES do
    local x = normal("gamma", like_it, seed)
    local u = ops.maximum(uniform("gamma", like_it, seed), 2.0 ^ -25)
    local v = (x * c + 1) ^ 3
    local bound = x * x * 0.5 + d - d * v + d * ops.log(ops.maximum(v, 1e-30))
    local taken = ops.logical_and(ops.less(0, v), ops.less(ops.log(u), bound))
    result = ops.where(taken, d * v, result)
  end
  return result
end

-- Numbers x and logarithms of factors: a shape below 1 has the numbers of one more, times
-- u^(1/shape), which may be too small for a float.
local function gamma(name, shape, alpha, seed)
  local like_it = like(name, shape)
  alpha = ops.zeros_like(ops.cast(like_it, "float32")) + alpha
  local below = ops.less(alpha, 1)
  local x = gamma_from_one(like_it, ops.where(below, alpha + 1, alpha), seed)
  local u = ops.maximum(uniform(name, like_it, seed), 2.0 ^ -25)
  return x, ops.where(below, ops.log(u) / alpha, 0)
end

-- The numbers of one call are drawn one after the other, also with a seed that is a number.
local function sequence(seed)
  return math.type(seed) == "integer" and random.SeedGenerator(seed) or seed
end

random.gamma = takes("random.gamma", "shape:any, alpha:value, dtype:dtype=nil, seed:any=nil",
  function (shape, alpha, dtype, seed)
    local x, factor = gamma("gamma", shape, alpha, sequence(seed))
    return as(x * ops.exp(factor), dtype)
  end)

-- a / (a + b) of two such numbers, by their logarithms.
random.beta = takes("random.beta",
  "shape:any, alpha:value, beta:value, dtype:dtype=nil, seed:any=nil",
  function (shape, alpha, beta, dtype, seed)
    seed = sequence(seed)
    local a, factor_a = gamma("beta", shape, alpha, seed)
    local b, factor_b = gamma("beta", shape, beta, seed)
    return as(ops.sigmoid(ops.log(a / b) + factor_a - factor_b), dtype)
  end)

-- ---- what is done with them -------------------------------------------------------------------

-- Zeros a share of the elements and scales the others up. noise_shape: 1 on an axis along which
-- whole slices are dropped; elsewhere x's size, or nothing known.
random.dropout = takes("random.dropout",
  "inputs, rate:num, noise_shape:sizes=nil, seed:any=nil",
  function (inputs, rate, noise_shape, seed)
  if not (rate >= 0 and rate <= 1) then
    core.raise("random.dropout: rate must be from 0 to 1, got %g", rate)
  end
  if rate == 0 then return inputs end
  local noise = inputs
  if noise_shape then
    local together = {}
    for i = 1, inputs.rank do
      if (noise_shape[i] or 0) == 1 then together[#together + 1] = i - 1 end
    end
    if #together > 0 then noise = ops.sum(inputs, together, true) end
  end
  local kept = ops.less_equal(rate, uniform("dropout", noise, seed))
  return ops.where(kept, inputs * (1 / (1 - rate)), 0)
end)

-- Where each element of u would stand among all, from 0: a permutation.
local function ranks(u)
  if core.is_symbolic(u) then
    local own, other = ops.expand_dims(u, 1), ops.expand_dims(u, 0)
    local pair = own - other
    local earlier = ops.less(ops.iota_like(pair, 1), ops.iota_like(pair, 0))
    return ops.sum(ops.cast(ops.less(other, own) | (ops.equal(other, own) & earlier), "int32"), 1)
  end
  local values, order, place = u:totable(), {}, {}
  for i = 1, #values do order[i] = i end
  table.sort(order, function (a, b)
    if values[a] ~= values[b] then return values[a] < values[b] end
    return a < b
  end)
  for rank, i in ipairs(order) do place[i] = rank - 1 end
  return core.tensor(place, { dtype = "int32", shape = { #place } })
end

-- The parts of x along an axis in random order.
random.shuffle = takes("random.shuffle",
  "x, axis:int=0, seed:any=nil",
  function (x, axis, seed)
  axis = tools.axis("random.shuffle", axis, x.rank)
  local others = {}
  for i = 0, x.rank - 1 do if i ~= axis then others[#others + 1] = i end end
  local line = #others > 0 and ops.sum(x, others) or x
  return ops.take(x, ranks(uniform("shuffle", line, seed)), axis)
end)

return random
