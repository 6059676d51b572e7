-- Initializers without chance.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local initializer = require "lunula.initializers.initializer"

local Initializer = initializer.Initializer

local constant = {}

constant.Zeros = declare.class {
  name = "Zeros", parent = Initializer,
  doc = "all 0",
  make = function (_, shape, dtype) return ops.full(shape, 0, dtype) end,
}

constant.Ones = declare.class {
  name = "Ones", parent = Initializer,
  doc = "all 1",
  make = function (_, shape, dtype) return ops.full(shape, 1, dtype) end,
}

constant.Constant = declare.class {
  name = "Constant", parent = Initializer,
  doc = "all one number, or the numbers of a table or tensor",
  args = { { "value", kinds.values, default = 0.0 } },
  make = function (self, shape, dtype)
    if type(self.value) == "number" then return ops.full(shape, self.value, dtype) end
    local value = core.is_tensor(self.value) and self.value or core.tensor(self.value)
    return ops.broadcast_to(tools.cast(value, dtype), shape)
  end,
}

constant.Identity = declare.class {
  name = "Identity", parent = Initializer,
  doc = "gain times the identity matrix",
  args = { { "gain", kinds.number, default = 1.0 } },
  make = function (self, shape, dtype)
    if #shape ~= 2 then
      core.raise("Identity: the shape must have rank 2, got %s", declare.show(shape))
    end
    return tools.cast(ops.eye(shape[1], shape[2]) * self.gain, dtype)
  end,
}

return constant
