-- The Mersenne twister MT19937, whose numbers NumPy and Python shuffle by.

local mersenne = {}

local N <const>, M <const> = 624, 397

local function seeded(seed)
  local state = { [0] = seed & 0xffffffff }
  for i = 1, N - 1 do
    local before = state[i - 1]
    state[i] = (1812433253 * (before ~ before >> 30) + i) & 0xffffffff
  end
  return state
end

-- A function that gives 32 random bits.
local function from(state)
  local at = N
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

-- As numpy.random.RandomState(seed).
function mersenne.numpy(seed)
  return from(seeded(seed))
end

-- As Python's random.seed(seed): a key of 32-bit words is stirred into the state.
function mersenne.python(seed)
  local state, key = seeded(19650218), { math.abs(seed) & 0xffffffff }
  if math.abs(seed) >> 32 > 0 then key[2] = math.abs(seed) >> 32 end
  local i, j = 1, 0
  local function stir(factor, more)
    local before = state[i - 1]
    state[i] = ((state[i] ~ (before ~ before >> 30) * factor) + more) & 0xffffffff
    i = i + 1
    if i == N then state[0], i = state[N - 1], 1 end
  end
  for _ = 1, N do
    stir(1664525, key[j + 1] + j)
    j = (j + 1) % #key
  end
  for _ = 1, N - 1 do stir(1566083941, -i) end
  state[0] = 0x80000000
  return from(state)
end

return mersenne
