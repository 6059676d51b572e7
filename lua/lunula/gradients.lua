-- k.value_and_grad and k.gradcheck: gradients of plain Lua functions, and the proof that they are
-- right.

local core = require "lunula.core"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"
local tools = require "lunula.ops.tools"
local options = require "lunula.utils.options"

local gradients = {}

-- g = value_and_grad(f); g(x…) -> f(x…), {gradients of x…}. With variables, their gradients come
-- third.
function gradients.value_and_grad(f, variables)
  tools.callable("value_and_grad: the first argument", f)
  return core.value_and_grad(f, variables)
end

-- remat(f): f, whose inner values are computed again for the gradient instead of being kept.
function gradients.remat(f)
  tools.callable("remat: the argument", f)
  return function(...)
    return table.unpack(core.call(function(...)
      return table.pack(f(...))
    end, { ... }))
  end
end

local function with(list, i, value)
  local copy = table.move(list, 1, #list, 1, {})
  copy[i] = value
  return copy
end

-- f(inputs…) as one number: the sum of its first result weighted by fixed numbers, so that no
-- symmetry hides errors.
local function scalar(f)
  return function(...)
    local y = f(...)
    if not core.is_tensor(y) then core.raise("gradcheck: the function must return a tensor, "
      .. "got %s", type(y)) end
    if y.rank == 0 then return y end
    local weights = ops.cos(ops.reshape(ops.cumsum(ops.ones_like(ops.reshape(y, { -1 })), 0),
      y.shape))
    return ops.sum(y * weights)
  end
end

-- Compares gradients with central differences along random directions of every input. Returns the
-- largest relative difference; raises when it is above the tolerance. options: step, tolerance,
-- directions.
function gradients.gradcheck(f, inputs, given)
  tools.callable("gradcheck: the first argument", f)
  local o = options.read("gradcheck", given, { "step", "tolerance", "directions" })
  local step = options.number("gradcheck", "step", o.step) or 1e-2
  local tolerance = options.number("gradcheck", "tolerance", o.tolerance) or 2e-2
  local directions = options.count("gradcheck", "directions", o.directions) or 3
  if type(inputs) ~= "table" or type(inputs[1]) == "number" then inputs = { inputs } end
  local tensors = {}
  for i, x in ipairs(inputs) do tensors[i] = tools.tensor("gradcheck: an input", x) end
  local g = scalar(f)
  local _, grads = core.value_and_grad(g)(table.unpack(tensors))
  local worst = 0
  for i, x in ipairs(tensors) do
    if x.dtype == "float32" then
      for _ = 1, directions do
        local direction = random.uniform(x.shape) - 0.5
        local up = g(table.unpack(with(tensors, i, x + step * direction))):item()
        local down = g(table.unpack(with(tensors, i, x - step * direction))):item()
        local measured = (up - down) / (2 * step)
        local grad = grads[i]
        local computed = grad and ops.sum(grad * direction):item() or 0
        local scale = math.max(math.abs(measured), math.abs(computed), 1e-2)
        local difference = math.abs(measured - computed) / scale
        worst = math.max(worst, difference)
        if difference > tolerance or difference ~= difference then
          core.raise("gradcheck: the gradient of input %d is wrong: %.6g along a direction in "
            .. "which the function "
            .. "changes by %.6g", i, computed, measured)
        end
      end
    end
  end
  return worst
end

return gradients
