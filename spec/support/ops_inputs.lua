-- Inputs of the op cases: the same numbers at every run and in every language. They are spread over
-- an interval without repeating (multiples of the golden ratio), rounded to 1/128, so that float32
-- holds them exactly, and pushed away from the places where a function has a corner.

local inputs = {}

local golden_ratio = (math.sqrt(5) - 1) / 2

local function count(shape)
  local n = 1
  for _, size in ipairs(shape) do n = n * size end
  return n
end

local function push_away(x, corners)
  for _, corner in ipairs(corners or {}) do
    if math.abs(x - corner) < 0.125 then return corner + (x < corner and -0.125 or 0.125) end
  end
  return x
end

-- options: shape as the list part, seed, low, high, away = { corners }, dtype
local function spread(options, low, high, round)
  local shape = table.move(options, 1, #options, 1, {})
  low, high = options.low or low, options.high or high
  local data, start = {}, (options.seed or 1) * 0.37
  for i = 1, count(shape) do
    local at = (start + i * golden_ratio) % 1
    data[i] = push_away(round(low + (high - low) * at), options.away)
  end
  return { shape = shape, data = data, dtype = options.dtype or "float32" }
end

local function to_128ths(x) return math.floor(x * 128 + 0.5) / 128 end

function inputs.real(options) return spread(options, -2, 2, to_128ths) end
function inputs.positive(options) return spread(options, 0.25, 3, to_128ths) end
function inputs.unit(options) return spread(options, -0.9, 0.9, to_128ths) end
function inputs.chance(options) return spread(options, 0.05, 0.95, to_128ths) end

function inputs.ints(options)
  options.dtype = options.dtype or "int32"
  return spread(options, -4, 5, math.floor)
end

function inputs.bools(options)
  options.dtype = "bool"
  return spread(options, 0, 2, math.floor)
end

-- Numbers as they are written, with NaN and infinities if need be.
function inputs.exact(data, options)
  options = options or {}
  return { shape = options.shape or { #data }, data = data, dtype = options.dtype or "float32" }
end

function inputs.scalar(value, dtype)
  return { shape = {}, data = { value }, dtype = dtype or "float32" }
end

-- The first rows of an input; how batches of other sizes are made from it.
function inputs.rows(input, n)
  local shape = table.move(input.shape, 1, #input.shape, 1, {})
  local width = #input.data // shape[1]
  shape[1] = n
  return { shape = shape, data = table.move(input.data, 1, n * width, 1, {}), dtype = input.dtype }
end

-- The input as a tensor.
function inputs.tensor(input)
  local core = require "lunula.core"
  if #input.shape == 0 then return core.tensor(input.data[1], { dtype = input.dtype }) end
  return core.tensor(input.data, { dtype = input.dtype, shape = input.shape })
end

return inputs
