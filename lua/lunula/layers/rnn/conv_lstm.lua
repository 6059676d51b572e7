-- ConvLSTM1D, 2D, 3D and their cells: LSTM whose products are convolutions. The states have the
-- shape that the input has after its convolution; that of the state keeps it.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local nest = require "lunula.utils.nest"
local ops = require "lunula.ops"
local spatial = require "lunula.layers.base.spatial"
local tools = require "lunula.ops.tools"
local RNN = require "lunula.layers.rnn.rnn"
local arguments = require "lunula.layers.rnn.arguments"
local dropout = require "lunula.layers.rnn.dropout"
local gates = require "lunula.layers.rnn.gates"
local steps = require "lunula.layers.rnn.steps"
local weights = require "lunula.layers.rnn.weights"
local wrapped = require "lunula.layers.rnn.wrapped"

-- ---- one step ---------------------------------------------------------------------------------

-- The size of spatial axis i after the input's convolution.
local function size_after(self, n, i)
  local reach = self.padding == "valid"
    and (self.kernel_size[i] - 1) * self.dilation_rate[i] or 0
  return (n - reach - 1) // self.strides[i] + 1
end

-- All of them; nil when one is known only when it runs.
local function sizes_after(self, shape)
  local sizes = {}
  for i = 1, self.rank do
    local n = spatial.size(self, shape, i)
    if not n then return nil end
    sizes[i] = size_after(self, n, i)
  end
  return sizes
end

local function build(self, shape)
  spatial.check_room(self, shape, "kernel_size")
  local channels, filters = spatial.channels(self, shape), self.filters
  self.input_spec = nil   -- of the class: what was projected has other channels
  self.state_sizes = sizes_after(self, shape)
  local function kernel_of(inputs)
    local sizes = table.move(self.kernel_size, 1, self.rank, 1, {})
    sizes[self.rank + 1], sizes[self.rank + 2] = inputs, 4 * filters
    return sizes
  end
  self:add_weight { name = "kernel", shape = kernel_of(channels) }
  weights.add_recurrent_kernel(self, kernel_of(filters))
  if self.use_bias then weights.add_lstm_bias(self, filters, 4, 2) end
end

local function initial_state(self, batch)
  local sizes = self.state_sizes
  if not sizes then
    core.raise(self.built and "the sizes of the images are not known, which its states have"
      or "the cell is not built: its states have the sizes of the images")
  end
  local shape = { batch, table.unpack(sizes) }
  table.insert(shape, spatial.is_first(self) and 2 or #shape + 1, self.filters)
  return { ops.zeros(shape), ops.zeros(shape) }
end

-- First states for x, one step or a sequence, where sizes of it are not known.
local function states_like(self, x)
  local first, sizes = spatial.is_first(self), { tools.size(x, 0) }
  for i = 1, self.rank do
    local axis = x.rank - self.rank + i - (first and 1 or 2)
    sizes[i + 1] = size_after(self, tools.size(x, axis), i)
  end
  table.insert(sizes, first and 2 or #sizes + 1, self.filters)
  local state = ops.broadcast_to(ops.zeros({}), sizes)
  return { state, state }
end

-- The convolution for all gates at once, unless each gate has a mask of its own.
local function convolved(x, kernel, masks, conv)
  if not masks then return conv(x, kernel) end
  local z = {}
  for k, block in ipairs(gates.blocks(kernel, 4)) do z[k] = conv(x * masks[k], block) end
  return ops.concatenate(z, -1)
end

local function entered(self, list)
  local moved = {}
  for k, mask in ipairs(list or {}) do moved[k] = spatial.enter(self, mask) end
  return list and moved
end

-- What the input gives to the gates. x has channels last; it may be many steps.
local function from_input(self, x, masks)
  local z = convolved(x, self.kernel, masks, function (input, kernel)
    local many = input.rank > self.rank + 2
    local y = ops.convolution(many and steps.together(input) or input, kernel, self.strides,
      self.dilation_rate, self.padding == "same")
    return many and steps.apart(y, input) or y
  end)
  return self.bias and z + self.bias or z
end

-- All steps of a sequence in one convolution. Cells with channels_first go step by step.
local function project(self, sequence, drawn)
  return from_input(self, sequence, drawn and drawn.input)
end

local function call(self, x, states)
  local drawn = dropout.drawn(self, x, states)
  local one = tools.fill(self.rank, 1)
  local a = states.projected and x
    or from_input(self, spatial.enter(self, x), entered(self, drawn.input))
  local b = convolved(spatial.enter(self, states[1]), self.recurrent_kernel,
    entered(self, drawn.state),
    function (input, kernel) return ops.convolution(input, kernel, one, one, true) end)
  local h, new = gates.lstm(self, gates.blocks(a + b, 4), spatial.enter(self, states[2]))
  if not spatial.is_first(self) then return h, new end
  h = spatial.leave(self, h)
  return h, { h, spatial.leave(self, new[2]) }
end

-- ---- the layer --------------------------------------------------------------------------------

-- The cell of a layer knows channels_last only: the layer turns what goes in and out.
local function turned(states, from, to)
  return nest.map(states, function (state)
    if not core.is_tensor(state) then state = core.tensor(state) end
    return ops.moveaxis(state, from, to)
  end)
end

local function call_layer(self, x, options)
  if not spatial.is_first(self) then return RNN.call(self, x, options) end
  local first = options.initial_state
  if first ~= nil then options.initial_state = turned(first, 1, -1) end
  local results = table.pack(RNN.call(self, ops.moveaxis(x, 2, -1), options))
  for i = 1, results.n do
    results[i] = ops.moveaxis(results[i], -1, i == 1 and self.return_sequences and 2 or 1)
  end
  return table.unpack(results, 1, results.n)
end

local function build_layer(self, shape)
  local own = { shape[1], table.unpack(shape, 3) }
  if spatial.is_first(self) then table.insert(own, table.remove(own, 2)) end
  self:build_cell(own, shape)
  self.input_spec = { ndim = #shape, shape = { false, false, table.unpack(shape, 3) } }
end

local function get_initial_state(self, batch)
  local states = RNN.get_initial_state(self, batch)
  return spatial.is_first(self) and turned(states, -1, 1) or states
end

local function reset_states(self, states)
  if states ~= nil and spatial.is_first(self) then states = turned(states, 1, -1) end
  return RNN.reset_states(self, states)
end

-- ---- the classes ------------------------------------------------------------------------------

local function conv_arguments(rank)
  local numbers = kinds.tuple_of(rank)
  return {
    { "filters", kinds.positive, required = true },
    { "kernel_size", numbers, required = true },
    { "strides", numbers, default = 1 },
    { "padding", kinds.one_of { "valid", "same" }, default = "valid" },
    { "data_format", kinds.data_format },
    { "dilation_rate", numbers, default = 1 },
  }
end

local function with(rank, words)
  local list = conv_arguments(rank)
  local more = arguments(words)
  return table.move(more, 1, #more, #list + 1, list)
end

local classes = {}

for rank = 1, 3 do
  local name = ("ConvLSTM%dD"):format(rank)
  local Cell = layer(name .. "Cell") {
    abstract = rank ~= 2,   -- Keras has a name for this one only
    doc = "one step of " .. name,
    args = with(rank, [[ activation recurrent_activation use_bias kernel_initializer
      recurrent_initializer bias_initializer unit_forget_bias kernel_regularizer
      recurrent_regularizer bias_regularizer kernel_constraint recurrent_constraint bias_constraint
      dropout recurrent_dropout seed ]]),
    casts = "all",
    rank = rank,
    state_size = { -1, -1 },   -- not known before the sizes of the images
    begins_at_zero = true,
    input_spec = { ndim = rank + 2 },
    init = function (self)
      spatial.check_dilation(self)
      dropout.init(self)
      if not spatial.is_first(self) then self.project = project end
    end,
    build = build,
    get_initial_state = initial_state,
    states_like = states_like,
    draw = function (self, x, states) return dropout.draw(self, x, states[1], 4) end,
    call = call,
  }
  local Layer = wrapped(name, Cell, {
    doc = ("LSTM over images of %d axes: its products are convolutions"):format(rank),
    args = with(rank, [[ activation recurrent_activation use_bias kernel_initializer
      recurrent_initializer bias_initializer unit_forget_bias kernel_regularizer
      recurrent_regularizer bias_regularizer activity_regularizer kernel_constraint
      recurrent_constraint bias_constraint dropout recurrent_dropout seed return_sequences
      return_state go_backwards stateful | unroll zero_output_for_mask time_major ]]),
    rank = rank,
    cell_name = "conv_lstm_cell", cell_options = { data_format = "channels_last" },
    input_spec = { ndim = rank + 3 },
    build = build_layer,
    call = call_layer,
    get_initial_state = get_initial_state,
    reset_states = reset_states, reset_state = reset_states,
  })
  classes[name], classes[name .. "Cell"] = Layer, Cell
end

return classes
