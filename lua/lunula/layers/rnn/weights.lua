-- The weights that cells have in common.

local initializers = require "lunula.initializers"
local ops = require "lunula.ops"

local weights = {}

-- Its options are called recurrent_*, without the "kernel".
function weights.add_recurrent_kernel(self, shape)
  self:add_weight {
    name = "recurrent_kernel", shape = shape, initializer = self.recurrent_initializer,
    regularizer = self.recurrent_regularizer, constraint = self.recurrent_constraint,
  }
end

-- A bias of gates of n each: what bias_initializer gives, but ones for gate number `forget`.
function weights.add_lstm_bias(self, n, count, forget)
  local initializer = self.bias_initializer
  if self.unit_forget_bias then
    initializer = function (_, dtype)
      local own = self.bias_initializer
      return ops.concatenate({
        own({ n * (forget - 1) }, dtype), initializers.Ones()({ n }, dtype),
        own({ n * (count - forget) }, dtype),
      }, 0)
    end
  end
  self:add_weight { name = "bias", shape = { count * n }, initializer = initializer }
end

return weights
