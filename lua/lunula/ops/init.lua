-- ops: the rows of C and the composites of this folder, one catalogue. The families load in this
-- order, each upon those before it.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

for _, family in ipairs { "math", "reduce", "shape", "join", "make", "index", "get_item", "einsum",
  "linalg", "solve", "nn", "normalize", "crossentropy", "attention", "conv", "image", "control" } do
  require("lunula.ops." .. family)
end

local ops = core.ops

-- Keras has these under ops.linalg too.
ops.linalg = {}
for _, name in ipairs { "cholesky", "det", "inv", "norm", "qr", "solve", "solve_triangular" } do
  ops.linalg[name] = ops[name]
end

-- ---- facts about a tensor: plain values, not tensors ------------------------------------------

-- In a trace a size may not be known yet: then it is a scalar tensor.
ops.shape = tools.takes("ops.shape", "x", function (x)
  local sizes = x.shape
  for i, size in ipairs(sizes) do
    if not size and core.is_tensor(x) then sizes[i] = ops.dim(x, i - 1) end
  end
  return sizes
end)

for name, field in pairs { ndim = "rank", size = "size", dtype = "dtype" } do
  ops[name] = tools.takes("ops." .. name, "x", function (x) return x[field] end)
end
ops.is_tensor = core.is_tensor

local own_type = tools.takes("ops.convert_to_tensor", "x", function (x) return x end)

local function to_tensor(x, dtype)
  if type(dtype) == "table" then dtype = dtype.dtype end
  if core.is_tensor(x) then return dtype and ops.cast(x, dtype) or x end
  return dtype and core.tensor(x, { dtype = dtype }) or own_type(x)
end
ops.convert_to_tensor, ops.array = to_tensor, to_tensor

return ops
