-- it(name, f) for what only our own kernels promise; where OpenBLAS makes the products (make blas),
-- the test is pending: numbers have other bits in another batch, and there are no panels.

local core = require "lunula.core"
local busted = require "busted"

return function (name, f)
  if core.build_info().gemm == "native" then
    busted.it(name, f)
  else
    busted.pending(name .. " (OpenBLAS makes the products)")
  end
end
