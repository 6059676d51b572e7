-- Random whole numbers for orders: a seed gives the same ones for ever.

local random = require "lunula.ops.random"

local dice = {}

-- A seed drawn from the stream that set_random_seed decides.
function dice.seed()
  local drawn = random.uniform({ 2 }):totable()
  return math.floor(drawn[1] * 2 ^ 24) << 24 | math.floor(drawn[2] * 2 ^ 24)
end

-- A function that throws: throw(n) is one of 1 … n. Knuth's linear congruence, its high bits.
function dice.new(seed)
  local state = (seed ~ (seed >> 31)) * 0x9E3779B97F4A7C15
  return function(n)
    state = state * 6364136223846793005 + 1442695040888963407
    return (state >> 33) % n + 1
  end
end

return dice
