-- ops: the rows of C and the composites of this folder, one catalogue. The families load in this
-- order, each upon those before it.

local core = require "lunula.core"

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

function ops.shape(x) return x.shape end
function ops.ndim(x) return x.rank end
function ops.size(x) return x.size end
function ops.dtype(x) return x.dtype end
ops.is_tensor = core.is_tensor

local function to_tensor(x, dtype)
  if type(dtype) == "table" then dtype = dtype.dtype end
  if core.is_tensor(x) then return dtype and ops.cast(x, dtype) or x end
  return core.tensor(x, dtype and { dtype = dtype })
end
ops.convert_to_tensor, ops.array = to_tensor, to_tensor

return ops
