-- Tensors of one number.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.op

local full, full_like = tools.row "full", tools.row "full_like"

local function filled(shape, number, dtype)
  for _, size in ipairs(shape) do
    if core.is_tensor(size) then return ops.broadcast_to(full({}, number, dtype), shape) end
  end
  return full(shape, number, dtype)
end

op("full", "shape:shape, fill_value:value, dtype:dtype=nil",
  "A tensor of one number, or of what broadcasts to the shape.", function (shape, value, dtype)
    if type(value) == "number" then return filled(shape, value, dtype or config.floatx()) end
    return ops.broadcast_to(tools.cast(value, dtype or config.floatx()), shape)
  end)

op("full_like", "x, fill_value:value, dtype:dtype=nil",
  "One number in the shape of x, or what broadcasts to it.", function (x, value, dtype)
    if type(value) == "number" then return full_like(x, value, dtype) end
    return tools.cast(value, dtype or x.dtype) + full_like(x, 0, dtype)
  end, { file_called = "fill_value" })

op("zeros", "shape:shape, dtype:dtype=nil", "A tensor of zeros.", function (shape, dtype)
  return filled(shape, 0, dtype or config.floatx())
end)

op("ones", "shape:shape, dtype:dtype=nil", "A tensor of ones.", function (shape, dtype)
  return filled(shape, 1, dtype or config.floatx())
end)

op("empty", "shape:shape, dtype:dtype=nil", "A tensor whose content does not matter: zeros.",
  function (shape, dtype)
    return ops.zeros(shape, dtype)
  end)

op("empty_like", "x, dtype:dtype=nil", "A tensor like x whose content does not matter: zeros.",
  function (x, dtype)
    return ops.zeros_like(x, dtype)
  end)
