-- SimpleRNN: h' = activation(x . kernel + bias + h . recurrent_kernel).

local layer = require "lunula.layers.base"
local cells = require "lunula.layers.base.cells"
local ops = require "lunula.ops"
local arguments = require "lunula.layers.rnn.arguments"
local dropout = require "lunula.layers.rnn.dropout"
local weights = require "lunula.layers.rnn.weights"
local wrapped = require "lunula.layers.rnn.wrapped"

local SimpleRNNCell = layer "SimpleRNNCell" {
  doc = "one step of SimpleRNN",
  args = arguments [[ units activation use_bias kernel_initializer recurrent_initializer
    bias_initializer kernel_regularizer recurrent_regularizer bias_regularizer kernel_constraint
    recurrent_constraint bias_constraint dropout recurrent_dropout seed ]],
  casts = "all",
  init = function (self)
    self.state_size, self.output_size = self.units, self.units
    dropout.init(self)
  end,
  build = function (self, shape)
    self:add_weight { name = "kernel", shape = { shape[#shape], self.units } }
    weights.add_recurrent_kernel(self, { self.units, self.units })
    if self.use_bias then self:add_weight { name = "bias", shape = { self.units } } end
  end,
  get_initial_state = cells.zero_states,
  draw = function (self, x, states) return dropout.draw(self, x, states[1], 1) end,
  call = function (self, x, states)
    local drawn = dropout.drawn(self, x, states)
    local z = ops.matmul(dropout.apply(x, drawn.input, 1), self.kernel)
    if self.bias then z = z + self.bias end
    local h = dropout.apply(states[1], drawn.state, 1)
    h = self.activation(z + ops.matmul(h, self.recurrent_kernel))
    return h, { h }
  end,
}

local SimpleRNN = wrapped("SimpleRNN", SimpleRNNCell, {
  doc = "activation(x . kernel + bias + h . recurrent_kernel) over time",
  args = arguments [[ units activation use_bias kernel_initializer recurrent_initializer
    bias_initializer kernel_regularizer recurrent_regularizer bias_regularizer activity_regularizer
    kernel_constraint recurrent_constraint bias_constraint dropout recurrent_dropout
    return_sequences return_state go_backwards stateful unroll seed
    | zero_output_for_mask implementation time_major ]],
})

return { SimpleRNN = SimpleRNN, SimpleRNNCell = SimpleRNNCell }
