-- What K tells about a tensor: its shape, its type, where it stands.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local takes = tools.takes

local K = {}

-- The shape; an unknown size in it is false.
K.int_shape = takes("K.int_shape", "x", function (x) return x.shape end)
K.shape = K.int_shape
-- The number of axes.
K.ndim = takes("K.ndim", "x", function (x) return x.rank end)
-- The type, as "float32".
K.dtype = takes("K.dtype", "x", function (x) return x.dtype end)
-- How many numbers are in it.
K.count_params = takes("K.count_params", "x", function (x) return x.size end)
-- false: there are no sparse tensors.
K.is_sparse = takes("K.is_sparse", "x=nil", function () return false end)
-- x itself, since there are no sparse tensors.
K.to_dense = takes("K.to_dense", "x", function (x) return x end)
-- The numbers as floatx, which is float32.
K.cast_to_floatx = takes("K.cast_to_floatx", "x:data", function (x)
  return tools.cast(x, config.floatx())
end)

-- local _ <close> = K.name_scope "encoder"
K.name_scope = takes("K.name_scope", "name:str", function (name) return core.enter(name) end)

return K
