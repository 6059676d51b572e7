-- The orders of numpy.random.RandomState(seed).shuffle, by which Keras shuffles files and its
-- datasets: which sample is kept for validation depends on them.

local numpy_order = {}

local N <const>, M <const> = 624, 397

-- The Mersenne twister MT19937, seeded as RandomState is: a function that gives 32 random bits.
local function twister(seed)
  local state, at = { [0] = seed & 0xffffffff }, N
  for i = 1, N - 1 do
    local before = state[i - 1]
    state[i] = (1812433253 * (before ~ before >> 30) + i) & 0xffffffff
  end
  local function refill()
    for i = 0, N - 1 do
      local bits = state[i] & 0x80000000 | state[(i + 1) % N] & 0x7fffffff
      state[i] = state[(i + M) % N] ~ bits >> 1 ~ (bits & 1) * 0x9908b0df
    end
    at = 0
  end
  return function()
    if at == N then refill() end
    local bits = state[at]
    at = at + 1
    bits = bits ~ bits >> 11
    bits = bits ~ bits << 7 & 0x9d2c5680
    bits = bits ~ bits << 15 & 0xefc60000
    return bits ~ bits >> 18
  end
end

-- A whole number from 0 to `most`: bits are drawn until they are no more.
local function below(bits, most)
  local mask = most
  for _, by in ipairs { 1, 2, 4, 8, 16 } do mask = mask | mask >> by end
  local drawn
  repeat drawn = bits() & mask until drawn <= most
  return drawn
end

-- A function that shuffles lists where they stand, each with what the ones before left of the
-- random numbers.
function numpy_order.new(seed)
  local bits = twister(seed)
  return function(list)
    for i = #list, 2, -1 do
      local j = below(bits, i - 1) + 1
      list[i], list[j] = list[j], list[i]
    end
    return list
  end
end

-- Shuffles one list. Another of the same length with the same seed is moved to the same places.
function numpy_order.shuffle(list, seed)
  return numpy_order.new(seed)(list)
end

-- The numbers from 0 to n - 1.
function numpy_order.range(n)
  local list = {}
  for i = 1, n do list[i] = i - 1 end
  return list
end

-- The same, shuffled.
function numpy_order.numbers(n, seed)
  return numpy_order.shuffle(numpy_order.range(n), seed)
end

return numpy_order
