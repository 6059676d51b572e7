-- keras.backend as it is today: types by name, names that no two layers have, and what a session
-- was.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local takes = require("lunula.ops.tools").takes

local types = {}

local floats = { float16 = true, bfloat16 = true, float32 = true, float64 = true }
local whole = { int8 = true, uint8 = true, int32 = true, int64 = true }
local meant = { int = "int32", float = false, boolean = "bool" } -- false: what floatx says

types.standardize_dtype = takes("backend.standardize_dtype", "dtype:any=nil", function (dtype)
  if dtype == nil or meant[dtype] == false then return config.floatx() end
  if core.is_tensor(dtype) or core.is_placeholder(dtype) then dtype = dtype.dtype end
  dtype = meant[dtype] or dtype
  if floats[dtype] or whole[dtype] or dtype == "bool" or dtype == "string" then return dtype end
  core.raise("backend.standardize_dtype: there is no type %s here: float16, bfloat16, float32, "
    .. "float64, int8, uint8, int32, int64, bool, string", tostring(dtype))
end)

-- Is it a type of floats?
types.is_float_dtype = takes("backend.is_float_dtype", "dtype:any",
  function (dtype) return floats[types.standardize_dtype(dtype)] or false end)
-- Is it a type of whole numbers?
types.is_int_dtype = takes("backend.is_int_dtype", "dtype:any",
  function (dtype) return whole[types.standardize_dtype(dtype)] or false end)

-- The wider of two: bool, whole numbers, floats. What has no common type among these is wider.
local order = { bool = 0, uint8 = 1, int8 = 1, int32 = 2, int64 = 3, float16 = 4, bfloat16 = 4,
  float32 = 5, float64 = 6 }

local function wider(a, b)
  if a == b then return a end
  if order[a] == order[b] then return order[a] == 1 and "int32" or "float32" end
  return order[a] > order[b] and a or b
end

-- The type that an op gives which computes with values of these types.
function types.result_type(...)
  local found
  for _, dtype in ipairs { ... } do
    local name = types.standardize_dtype(dtype)
    if name == "string" then core.raise "backend.result_type: strings compute nothing" end
    found = found and wider(found, name) or name
  end
  return found or config.floatx()
end

types.is_keras_tensor = takes("backend.is_keras_tensor", "x:any",
  function (x) return core.is_placeholder(x) end)

local numbers = {}

-- 1, 2 … for each prefix.
types.get_uid = takes("backend.get_uid", "prefix:str=nil", function (prefix)
  prefix = prefix or ""
  numbers[prefix] = (numbers[prefix] or 0) + 1
  return numbers[prefix]
end)

-- Begins these numbers, and those of layers, anew. Graphs end with what holds them.
types.clear_session = takes("backend.clear_session", "free_memory:bool=true", function ()
  numbers = {}
  require("lunula.utils").clear_session()
end)

function types.backend() return "lunula" end

return types
