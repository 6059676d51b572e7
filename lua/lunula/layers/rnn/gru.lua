-- GRU: gates z, r, h (in this order in the weights), one state. h' = z h + (1 - z) hh.
--
-- With reset_after the reset gate acts on the product of the state with the kernel, and the bias
-- has two rows, of the input and of the state; without, it acts on the state.

local layer = require "lunula.layers.base"
local cells = require "lunula.layers.base.cells"
local arguments = require "lunula.layers.rnn.arguments"
local dropout = require "lunula.layers.rnn.dropout"
local gates = require "lunula.layers.rnn.gates"
local loop = require "lunula.layers.rnn.loop"
local weights = require "lunula.layers.rnn.weights"
local wrapped = require "lunula.layers.rnn.wrapped"

-- The biases of the input's and of the state's products, where there are any.
local function biases(self)
  local bias = self.bias
  if not bias then return nil, nil end
  if not self.reset_after then return gates.blocks(bias, 3), nil end
  return gates.blocks(loop.row(bias, 0), 3), gates.blocks(loop.row(bias, 1), 3)
end

local GRUCell = layer "GRUCell" {
  doc = "one step of GRU",
  args = arguments [[ units activation recurrent_activation use_bias kernel_initializer
    recurrent_initializer bias_initializer kernel_regularizer recurrent_regularizer bias_regularizer
    kernel_constraint recurrent_constraint bias_constraint dropout recurrent_dropout reset_after
    seed | implementation ]],
  casts = "all",
  init = function (self)
    self.state_size, self.output_size = self.units, self.units
    dropout.init(self)
  end,
  build = function (self, shape)
    local n = 3 * self.units
    self:add_weight { name = "kernel", shape = { shape[#shape], n } }
    weights.add_recurrent_kernel(self, { self.units, n })
    if self.use_bias then
      self:add_weight { name = "bias", shape = self.reset_after and { 2, n } or { n } }
    end
  end,
  get_initial_state = cells.zero_states,
  draw = function (self, x, states) return gates.draw(self, x, states[1], 3) end,
  call = function (self, x, states)
    local drawn = dropout.drawn(self, x, states)
    local input_biases, state_biases = biases(self)
    local a = gates.products(x, gates.blocks(self.kernel, 3), input_biases, drawn.input)
    return gates.gru(self, a, states[1], gates.blocks(self.recurrent_kernel, 3), state_biases,
      drawn.state)
  end,
}

local GRU = wrapped("GRU", GRUCell, {
  doc = "gated recurrent unit over time",
  args = arguments [[ units activation recurrent_activation use_bias kernel_initializer
    recurrent_initializer bias_initializer kernel_regularizer recurrent_regularizer bias_regularizer
    activity_regularizer kernel_constraint recurrent_constraint bias_constraint dropout
    recurrent_dropout seed return_sequences return_state go_backwards stateful unroll reset_after
    use_cudnn | zero_output_for_mask implementation time_major ]],
})

return { GRU = GRU, GRUCell = GRUCell }
