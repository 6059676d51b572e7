-- The functions that recorded Lambda layers name, in Lua.

local ops = require "lunula.ops"

return {
  square_plus = function (x) return x * x + 1 end,
  scale_shift = function (x, scale, shift) return x * scale + shift end,
  antirectifier = function (x)
    x = x - ops.mean(x, 1, true)
    x = x * ops.rsqrt(ops.maximum(ops.sum(x * x, 1, true), 1e-12))
    return ops.concatenate({ ops.relu(x), ops.relu(-x) }, 1)
  end,
  antirectifier_shape = function (shape)
    shape[2] = shape[2] * 2
    return shape
  end,
  add_product = function (pair)
    return { pair[1] + pair[2], pair[1] * pair[2] }
  end,
  zero_masked = function (x, mask)
    return x * ops.expand_dims(ops.cast(mask, "float32"), -1)
  end,
  keep_mask = function (_, mask) return mask end,
  double_in_training = function (x, training)
    return training and x * 2 or x
  end,
}
