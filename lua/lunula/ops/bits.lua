-- Whole numbers and the bits of numbers: rows do the work, here is what Keras calls them and which
-- types it takes.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local ops, op, alias = core.ops, tools.op, tools.alias

alias("bitwise_invert", "bitwise_not")
alias("left_shift", "bitwise_left_shift")
alias("right_shift", "bitwise_right_shift")

op("lcm", "x1, x2", "The least common multiple of whole numbers.", function (x1, x2)
  local divisor = ops.gcd(x1, x2)
  local whole = ops.maximum(divisor, 1)
  return ops.abs(x1) * (ops.abs(x2) // whole)
end)

local ldexp = tools.row "ldexp"

op("ldexp", "x1, x2", "x1 * 2 ^ x2, for whole numbers x2.", function (x1, x2)
  if tools.is_float(x2) then core.raise("ldexp: x2 must be whole numbers, it is %s", x2.dtype) end
  return ldexp(tools.float(x1), tools.number(x2))
end)

-- The least and the largest number of a type, where another type has more.
local ranges = {
  bool = { 0, 1 }, uint8 = { 0, 255 }, int8 = { -128, 127 },
  int32 = { -2147483648, 2147483647 }, float16 = { -65504.0, 65504.0 },
  bfloat16 = { -0x1.fep127, 0x1.fep127 },
}

op("saturate_cast", "x, dtype:dtype?",
  "x as another type, and what does not fit as the nearest number that does.",
  function (x, dtype)
    dtype = dtype or config.floatx()
    local range = ranges[dtype]
    if not range or x.dtype == "bool" then return ops.cast(x, dtype) end
    local held = x
    if tools.is_float(x) or dtype ~= "int32" and dtype:find "^[ub]?.*int" or dtype == "bool" then
      held = ops.clip(x, range[1], range[2])
    end
    return ops.cast(held, dtype)
  end, { file_class = "core" })

local view = tools.row "view"

op("view", "x, dtype:dtype=nil", "The bits of x as another type (None: its own).",
  function (x, dtype)
    return view(x, dtype or x.dtype)
  end)

-- ---- of real numbers what complex ones have -----------------------------------------------------

op("real", "x", "The real part, which is x: there are no complex types.", function (x) return x end)

op("imag", "x", "The imaginary part, which is 0: there are no complex types.", function (x)
  return ops.zeros_like(x)
end)

op("conjugate", "x", "The conjugate, which is x: there are no complex types.", function (x)
  return x
end)
alias("conj", "conjugate")

op("isreal", "x", "True everywhere: there are no complex types.", function (x)
  return ops.equal(ops.zeros_like(x), 0)
end)

op("angle", "x", "The angle in the plane: pi where x is below 0, else 0.", function (x)
  x = tools.float(x)
  return ops.where(ops.less(x, 0), math.pi, 0.0)
end)
