-- k.mixed_precision: the policy of layers under its names of Keras 2; it is float32.

local config = require "lunula.config"
local optimizers = require "lunula.optimizers"

return {
  dtype_policy = config.dtype_policy, global_policy = config.dtype_policy,
  LossScaleOptimizer = optimizers.LossScaleOptimizer,
  set_dtype_policy = config.set_dtype_policy, set_global_policy = config.set_dtype_policy,
}
