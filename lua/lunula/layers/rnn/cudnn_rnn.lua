-- CuDNNLSTM and CuDNNGRU of Keras 2: LSTM and GRU with their default activations, no dropout, no
-- masks, and weights in another layout.
--
-- The block of each gate is stored as (units, inputs) in row-major order under the shape (inputs,
-- units); the bias has a half for the input and a half for the state.

local core = require "lunula.core"
local layer = require "lunula.layers.base"
local cells = require "lunula.layers.base.cells"
local ops = require "lunula.ops"
local RNN = require "lunula.layers.rnn.rnn"
local arguments = require "lunula.layers.rnn.arguments"
local gates = require "lunula.layers.rnn.gates"
local weights = require "lunula.layers.rnn.weights"
local wrapped = require "lunula.layers.rnn.wrapped"

local function unscrambled(kernel, count)
  local blocks = gates.blocks(kernel, count)
  for k, block in ipairs(blocks) do
    local shape = block.shape
    blocks[k] = ops.transpose(ops.reshape(block, { shape[2], shape[1] }))
  end
  return blocks
end

-- The biases of the input, then those of the state.
local function halves(bias, count)
  local parts = gates.blocks(bias, 2 * count)
  return table.move(parts, 1, count, 1, {}), table.move(parts, count + 1, 2 * count, 1, {})
end

local cell_arguments = [[ kernel_initializer recurrent_initializer bias_initializer %s
  kernel_regularizer recurrent_regularizer bias_regularizer %s kernel_constraint
  recurrent_constraint bias_constraint ]]

local function define(name, spec)
  local Cell = layer(name .. "Cell") {
    abstract = true,
    doc = "one step of " .. name,
    args = arguments("units " .. cell_arguments:format(spec.more, "")),
    casts = "all",
    activation = ops.tanh, recurrent_activation = ops.sigmoid, reset_after = true,
    init = function (self)
      local n = self.units
      self.state_size, self.output_size = spec.states == 2 and { n, n } or n, n
    end,
    build = function (self, shape)
      local n = spec.gates * self.units
      self:add_weight { name = "kernel", shape = { shape[#shape], n } }
      weights.add_recurrent_kernel(self, { self.units, n })
      spec.add_bias(self)
    end,
    get_initial_state = cells.zero_states,
    call = function (self, x, states)
      local input_biases, state_biases = halves(self.bias, spec.gates)
      local a = gates.products(x, unscrambled(self.kernel, spec.gates), input_biases)
      return spec.step(self, a, states, unscrambled(self.recurrent_kernel, spec.gates),
        state_biases)
    end,
  }
  return wrapped(name, Cell, {
    doc = spec.doc,
    args = arguments("units " .. cell_arguments:format(spec.more, "activity_regularizer")
      .. "return_sequences return_state go_backwards stateful | time_major"),
    supports_masking = false,
    call = function (self, x, options)
      if options.mask then core.raise("masks are not supported; %s takes them", name:sub(6)) end
      return RNN.call(self, x, options)
    end,
  })
end

local CuDNNLSTM = define("CuDNNLSTM", {
  doc = "LSTM with the weights of Keras 2's cuDNN layer",
  more = "unit_forget_bias", gates = 4, states = 2,
  add_bias = function (self) weights.add_lstm_bias(self, self.units, 8, 6) end,
  step = function (self, a, states, kernels, biases)
    return gates.lstm(self, gates.sums(a, gates.products(states[1], kernels, biases)), states[2])
  end,
})

local CuDNNGRU = define("CuDNNGRU", {
  doc = "GRU with the weights of Keras 2's cuDNN layer",
  more = "", gates = 3, states = 1,
  add_bias = function (self) self:add_weight { name = "bias", shape = { 6 * self.units } } end,
  step = function (self, a, states, kernels, biases)
    return gates.gru(self, a, states[1], kernels, biases)
  end,
})

return { CuDNNLSTM = CuDNNLSTM, CuDNNGRU = CuDNNGRU }
