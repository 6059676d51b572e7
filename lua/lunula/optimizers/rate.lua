-- The learning rate of an optimizer: a number kept in a Variable, a schedule, or a function of no
-- arguments.
--
-- A number may be changed at any time without a new trace, because the plan reads the Variable.

local core = require "lunula.core"
local ops = require "lunula.ops"
local declare = require "lunula.declare"

local rate = {}

local function is_schedule(value)
  return declare.is(value, "schedule")
end

rate.kind = {
  name = "a number or a learning rate schedule",
  check = function(value)
    if type(value) == "number" then
      return value == value and value >= 0 and value < math.huge and value or nil
    end
    if is_schedule(value) or type(value) == "function" then return value end
    if declare.is_plain(value) and value.class_name then
      local schedule, problem = declare.find("schedule", value)
      return schedule, nil, problem
    end
  end,
  serialise = function(value, optimizer)
    if type(value) == "number" then return optimizer and rate.current(optimizer) or value end
    return declare.class_of(value) and declare.serialize(value) or value
  end,
}

-- Makes the Variable of a plain rate.
function rate.start(optimizer)
  local given = optimizer._rate
  if type(given) ~= "number" then return end
  optimizer.rate_variable = core.variable {
    value = core.tensor(given, { dtype = "float32" }), name = optimizer.name .. "/learning_rate",
    trainable = false,
  }
  optimizer.own_variables[#optimizer.own_variables + 1] = optimizer.rate_variable
end

-- What a step uses: a float32 scalar, symbolic inside a trace.
function rate.value(optimizer)
  if optimizer.rate_variable then return optimizer.rate_variable.value end
  local given = optimizer._rate
  if is_schedule(given) then return given(optimizer._iterations) end
  return ops.cast(given(), "float32")
end

local function as_float32(x)
  return (string.unpack("f", string.pack("f", x)))
end

-- The rate as a number, as it was set: 0.1 and not its float32 neighbour. In a trace, the tensor.
function rate.current(optimizer)
  local now = rate.value(optimizer)
  if core.is_symbolic(now) then return now end
  if not optimizer.rate_variable then
    local value = rate.value(optimizer)
    return type(value) == "number" and value or value:item()
  end
  local held = optimizer.rate_variable.value:item()
  return held == as_float32(optimizer._rate) and optimizer._rate or held
end

function rate.set(optimizer, value)
  if core.is_tensor(value) then value = ops.cast(value, "float32"):item() end
  if type(value) ~= "number" then
    core.raise("learning_rate must be a number to be assigned, got %s", type(value))
  end
  if not optimizer.rate_variable then
    core.raise("the learning rate follows a schedule and cannot be assigned")
  end
  optimizer._rate = value
  optimizer.rate_variable:assign(core.tensor(value, { dtype = "float32" }))
end

return rate
