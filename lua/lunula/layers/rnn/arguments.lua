-- The arguments of recurrent layers and their cells, each declared once; a class names those it
-- has, in Keras's order.

local kinds = require "lunula.kinds"

local option = kinds.boolean

local rows = {
  units = { kinds.positive, required = true },
  filters = { kinds.positive, required = true },
  activation = { kinds.activation, default = "tanh" },
  recurrent_activation = { kinds.activation, default = "sigmoid" },
  use_bias = { option, default = true },
  kernel_initializer = { kinds.initializer, default = "glorot_uniform" },
  recurrent_initializer = { kinds.initializer, default = "orthogonal" },
  bias_initializer = { kinds.initializer, default = "zeros" },
  unit_forget_bias = { option, default = true },
  kernel_regularizer = { kinds.regularizer },
  recurrent_regularizer = { kinds.regularizer },
  bias_regularizer = { kinds.regularizer },
  activity_regularizer = { kinds.regularizer },
  kernel_constraint = { kinds.constraint },
  recurrent_constraint = { kinds.constraint },
  bias_constraint = { kinds.constraint },
  dropout = { kinds.fraction, default = 0.0 },
  recurrent_dropout = { kinds.fraction, default = 0.0 },
  seed = { kinds.seed },
  reset_after = { option, default = true },
  return_sequences = { option, default = false },
  return_state = { option, default = false },
  go_backwards = { option, default = false },
  stateful = { option, default = false },
  unroll = { option, default = false },
  zero_output_for_mask = { option, default = false },
  -- How Keras computes the same numbers is not for us to choose.
  use_cudnn = { kinds.either(option, kinds.one_of { "auto" }), default = "auto", config = false },
  implementation = { kinds.integer, config = false },
  num_constants = { kinds.count, config = "set" },
  time_major = { kinds.unsupported "inputs are (batch, time, …); transpose what is not",
    config = false },
}

local function copy(name, row)
  local own = { name }
  for key, value in pairs(row) do own[key == 1 and 2 or key] = value end
  return own
end

-- "units activation …": the rows of an args table. What stands behind a bar may be given by name
-- only.
return function (words)
  local list = {}
  local before, after = words:match "^([^|]*)|?(.*)$"
  for name in before:gmatch "%S+" do list[#list + 1] = copy(name, rows[name]) end
  for name in after:gmatch "%S+" do
    local row = copy(name, rows[name])
    row.keyword = true
    list[#list + 1] = row
  end
  return list
end
