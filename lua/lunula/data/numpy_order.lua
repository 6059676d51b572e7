-- The orders of numpy.random.RandomState(seed).shuffle, by which Keras shuffles files and its
-- datasets: which sample is kept for validation depends on them.

local mersenne = require "lunula.data.mersenne"

local numpy_order = {}

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
  local bits = mersenne.numpy(seed)
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
