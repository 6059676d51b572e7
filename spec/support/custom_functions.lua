-- The functions and cells that recorded layers name, in Lua.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"

local function weights(self, input, more)
  self:add_weight { name = "kernel", shape = { input, self.units } }
  for _, weight in ipairs(more) do self:add_weight { name = weight[1], shape = weight[2] } end
end

return {
  MinimalCell = layer "MinimalCell" {
    args = { { "units", kinds.positive, required = true } },
    init = function (self) self.state_size = self.units end,
    build = function (self, shape)
      weights(self, shape[#shape], { { "recurrent_kernel", { self.units, self.units } } })
    end,
    call = function (self, x, states)
      local h = ops.matmul(x, self.kernel) + ops.matmul(states[1], self.recurrent_kernel)
      return h, { h }
    end,
  },
  TwoStateCell = layer "TwoStateCell" {
    args = { { "units", kinds.positive, required = true }, { "memory", kinds.positive } },
    init = function (self)
      self.state_size, self.output_size = { self.units, self.memory }, self.units + self.memory
    end,
    build = function (self, shape)
      weights(self, shape[#shape], { { "mixer", { self.units, self.memory } } })
    end,
    call = function (self, x, states)
      local h, m = states[1], states[2]
      h = ops.tanh(ops.matmul(x, self.kernel) + h)
      m = m * 0.5 + ops.matmul(h, self.mixer)
      return ops.concatenate({ h, m }, -1), { h, m }
    end,
  },
  CellWithConstant = layer "CellWithConstant" {
    args = {
      { "units", kinds.positive, required = true },
      { "constant_size", kinds.positive, required = true },
    },
    init = function (self) self.state_size = self.units end,
    build = function (self, shape)
      weights(self, shape[#shape], {
        { "recurrent_kernel", { self.units, self.units } },
        { "constant_kernel", { self.constant_size, self.units } },
      })
    end,
    call = function (self, x, states)
      local h = ops.matmul(x, self.kernel) + ops.matmul(states[1], self.recurrent_kernel)
        + ops.matmul(states.constants[1], self.constant_kernel)
      return h, { h }
    end,
  },
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
