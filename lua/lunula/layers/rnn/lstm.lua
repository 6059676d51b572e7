-- LSTM: gates i, f, c, o (in this order in the weights), states h and c.

local layer = require "lunula.layers.base"
local cells = require "lunula.layers.base.cells"
local arguments = require "lunula.layers.rnn.arguments"
local dropout = require "lunula.layers.rnn.dropout"
local gates = require "lunula.layers.rnn.gates"
local weights = require "lunula.layers.rnn.weights"
local wrapped = require "lunula.layers.rnn.wrapped"

local LSTMCell = layer "LSTMCell" {
  doc = "one step of LSTM",
  args = arguments [[ units activation recurrent_activation use_bias kernel_initializer
    recurrent_initializer bias_initializer unit_forget_bias kernel_regularizer recurrent_regularizer
    bias_regularizer kernel_constraint recurrent_constraint bias_constraint dropout
    recurrent_dropout seed | implementation ]],
  casts = "all",
  init = function (self)
    self.state_size, self.output_size = { self.units, self.units }, self.units
    dropout.init(self)
  end,
  build = function (self, shape)
    self:add_weight { name = "kernel", shape = { shape[#shape], 4 * self.units } }
    weights.add_recurrent_kernel(self, { self.units, 4 * self.units })
    if self.use_bias then weights.add_lstm_bias(self, self.units, 4, 2) end
  end,
  get_initial_state = cells.zero_states,
  draw = function (self, x, states) return gates.draw(self, x, states[1], 4) end,
  call = function (self, x, states)
    local drawn = dropout.drawn(self, x, states)
    local a = gates.products(x, gates.blocks(self.kernel, 4), gates.blocks(self.bias, 4),
      drawn.input)
    local b = gates.products(states[1], gates.blocks(self.recurrent_kernel, 4), nil, drawn.state)
    return gates.lstm(self, gates.sums(a, b), states[2])
  end,
}

local LSTM = wrapped("LSTM", LSTMCell, {
  doc = "long short-term memory over time",
  args = arguments [[ units activation recurrent_activation use_bias kernel_initializer
    recurrent_initializer bias_initializer unit_forget_bias kernel_regularizer recurrent_regularizer
    bias_regularizer activity_regularizer kernel_constraint recurrent_constraint bias_constraint
    dropout recurrent_dropout seed return_sequences return_state go_backwards stateful unroll
    use_cudnn | zero_output_for_mask implementation time_major ]],
})

return { LSTM = LSTM, LSTMCell = LSTMCell }
