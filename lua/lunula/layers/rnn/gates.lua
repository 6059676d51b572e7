-- What LSTM and GRU share: products of a vector with the blocks of a kernel, one block a gate.
--
-- The blocks are cut out of the kernel, not the gates out of the product: the kernel does not
-- change from step to step, so that the cutting is done once before the loop, and each gate comes
-- out of its product whole.

local ops = require "lunula.ops"
local dropout = require "lunula.layers.rnn.dropout"

local gates = {}

-- A kernel or a bias as `count` equal parts of its last axis; nil for none.
function gates.blocks(x, count)
  return x and { ops.split(x, count, -1) }
end

-- For every gate x . kernel (+ bias); x times the gate's mask where there are masks.
function gates.products(x, kernels, biases, masks)
  local z = {}
  for k, kernel in ipairs(kernels) do
    z[k] = ops.matmul(dropout.apply(x, masks, k), kernel)
    if biases then z[k] = z[k] + biases[k] end
  end
  return z
end

-- One mask of the input for all gates, as long as the state is not dropped.
function gates.draw(cell, x, h, count)
  if cell.recurrent_dropout == 0 and cell.implementation ~= 1 then count = 1 end
  return dropout.draw(cell, x, h, count)
end

-- What the input and the state give to the gates, together.
function gates.sums(a, b)
  local z = {}
  for k = 1, #a do z[k] = a[k] + b[k] end
  return z
end

-- c' = f c + i g, h' = o act(c').
function gates.lstm(cell, z, c)
  local inner, outer = cell.activation, cell.recurrent_activation
  c = outer(z[2]) * c + outer(z[1]) * inner(z[3])
  local h = outer(z[4]) * inner(c)
  return h, { h, c }
end

-- h' = z h + (1 - z) hh. `a` holds what the input gives to each gate.
function gates.gru(cell, a, h, kernels, biases, masks)
  local inner, outer = cell.activation, cell.recurrent_activation
  local function from(state, k)
    local product = ops.matmul(dropout.apply(state, masks, k), kernels[k])
    return biases and product + biases[k] or product
  end
  local z = outer(a[1] + from(h, 1))
  local r = outer(a[2] + from(h, 2))
  local candidate = inner(a[3] + (cell.reset_after and r * from(h, 3) or from(r * h, 3)))
  h = z * h + (1 - z) * candidate
  return h, { h }
end

return gates
