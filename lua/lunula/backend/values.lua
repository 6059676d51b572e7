-- K's variables and constants, and what they hold: made, read, given new values.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local takes = tools.takes

local K = {}

-- Numbers and tables of numbers become tensors.
local function tensor(x, dtype)
  return core.is_tensor(x) and x or core.tensor(x, dtype and { dtype = dtype })
end

-- A variable with that value; floatx is its type unless one is said.
K.variable = takes("K.variable", "value:any, dtype:dtype=nil, name:str=nil, constraint:any=nil",
  function (value, dtype, name)
  return core.variable {
    value = tools.cast(tensor(value, dtype or config.floatx()), dtype or config.floatx()),
    name = name or "variable", trainable = true,
  }
end)

-- A tensor of a number, or of nested tables; a number fills the shape.
K.constant = takes("K.constant", "value:any, dtype:dtype=nil, shape:sizes=nil, name:str=nil",
  function (value, dtype, shape)
  dtype = dtype or config.floatx()
  if type(value) == "number" and shape then return ops.full(shape, value, dtype) end
  local x = core.tensor(value, { dtype = dtype })
  return shape and ops.reshape(x, shape) or x
end)

-- A tensor of zeros.
K.zeros = takes("K.zeros", "shape:sizes, dtype:dtype=nil, name:str=nil",
  function (shape, dtype) return ops.zeros(shape, dtype) end)
-- A tensor of ones.
K.ones = takes("K.ones", "shape:sizes, dtype:dtype=nil, name:str=nil",
  function (shape, dtype) return ops.ones(shape, dtype) end)
-- A square matrix with ones on its diagonal.
K.eye = takes("K.eye", "size:int, dtype:dtype=nil, name:str=nil",
  function (size, dtype) return ops.eye(size, nil, 0, dtype) end)
-- Whole numbers from start to before stop; one number is the stop.
K.arange = takes("K.arange", "start:num, stop:num=nil, step:num=nil, dtype:dtype=nil",
  function (start, stop, step, dtype)
  if stop == nil and start < 0 then start = 0 end
  return ops.arange(start, stop, step or 1, dtype or "int32")
end)

-- A tensor with the numbers of a variable or an expression.
K.get_value = takes("K.get_value", "x", function (x)
  return core.is_variable(x) and x.value or x
end)
K.eval = K.get_value
-- Gives a variable a value.
K.set_value = takes("K.set_value", "x:variable, value:any", function (x, value)
  x:assign(tensor(value, x.dtype))
end)

-- The values of several variables, as a list.
K.batch_get_value = takes("K.batch_get_value", "tensors:tensors", function (list)
  local values = {}
  for i, x in ipairs(list) do values[i] = K.get_value(x) end
  return values
end)

-- Gives variables values: a list of { variable, value }.
K.batch_set_value = takes("K.batch_set_value", "tuples:any", function (tuples)
  if type(tuples) ~= "table" then
    core.raise("K.batch_set_value: a list of {variable, value} is wanted, got %s", type(tuples))
  end
  for i, pair in ipairs(tuples) do
    if type(pair) ~= "table" then
      core.raise("K.batch_set_value: entry %d must be {variable, value}, got %s", i, type(pair))
    end
    K.set_value(pair[1], pair[2])
  end
end)

-- Functions that give the variable a new value, and it back.
local function updater(name, more, fn)
  K[name] = takes("K." .. name, "x:variable, " .. more, function (x, ...)
    x:assign(fn(x, ...))
    return x
  end)
end

-- Gives a variable a new value, and returns the variable.
updater("update", "new_x", function (_, new_x) return new_x end)
-- Adds to a variable, and returns the variable.
updater("update_add", "increment", function (x, increment) return x + increment end)
-- Subtracts from a variable, and returns the variable.
updater("update_sub", "decrement", function (x, decrement) return x - decrement end)
-- Moves a variable a part of the way to value, 1 - momentum of it, and returns the variable.
updater("moving_average_update", "value, momentum:value", function (x, value, momentum)
  return x - (x - value) * (1 - momentum)
end)

-- The gradients of a scalar by each of the variables, as a list.
K.gradients = takes("K.gradients", "loss, variables:nest", function (loss, variables)
  return core.grad(loss, core.is_tensor(variables) and { variables } or variables)
end)

return K
