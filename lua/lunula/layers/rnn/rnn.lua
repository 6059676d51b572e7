-- RNN: any cell over time, and the parent of all recurrent layers.
--
-- Inputs are (batch, time, …); time comes first inside, so they are transposed at the door. What
-- runs over time is over_time.lua's business; here are states: given in the call, kept between
-- calls (stateful), or those that the cell begins with.

local core = require "lunula.core"
local base = require "lunula.layers.base"
local cells = require "lunula.layers.base.cells"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local nest = require "lunula.utils.nest"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local arguments = require "lunula.layers.rnn.arguments"
local list_input = require "lunula.layers.rnn.list_input"
local loop = require "lunula.layers.rnn.loop"
local over_time = require "lunula.layers.rnn.over_time"

local shape_text = tools.shape_text

-- ---- the cell as an argument ------------------------------------------------------------------

local cell_kind = {
  name = "a cell or a list of cells",
  check = function (value)
    if type(value) == "table" and declare.is_plain(value) and not value.class_name then
      return require "lunula.layers.rnn.stacked_rnn_cells" { value }
    end
    local cell, wanted, problem = kinds.layer.check(value)
    if cell ~= nil and not cells.is(cell) then
      return nil, nil, ("%s is no cell: a cell has a state_size, an integer or a list of them")
        :format(declare.show(cell))
    end
    return cell, wanted, problem
  end,
  serialise = kinds.layer.serialise,
}

-- ---- states -----------------------------------------------------------------------------------

local function check_state(i, state, wanted)
  local given, shape = state.shape, wanted.shape
  local fits = #given == #shape
  for axis = 1, fits and #shape or 0 do
    if given[axis] and shape[axis] and given[axis] ~= shape[axis] then fits = false end
  end
  if not fits then
    core.raise("initial_state: state %d must have shape %s, got %s", i, shape_text(shape),
      shape_text(given))
  end
end

-- What was given for states, in the structure that the cell's states have; flat lists and tables
-- of numbers will do.
local function read_states(given, structure)
  local list = core.is_tensor(given) and { given } or nest.is_data(given) and { core.tensor(given) }
    or nest.flatten(given)
  local wanted = nest.flatten(structure)
  if #list ~= #wanted then
    core.raise("initial_state: the layer has %d state%s, got %d", #wanted,
      #wanted == 1 and "" or "s", #list)
  end
  for i, state in ipairs(list) do
    if not core.is_tensor(state) then state = core.tensor(state) end
    check_state(i, state, wanted[i])
    list[i] = tools.cast(state, "float32")
  end
  return cells.packed(structure, list)
end

local function values_of(states)
  return nest.map(states, function (variable) return variable.value end)
end

local function check_batch(self, x)
  local batch = x.shape[1]
  if batch and batch ~= self._batch then
    core.raise("a stateful layer keeps one state for each sample: it was built for a batch of %d, "
      .. "got %d", self._batch, batch)
  end
end

-- The states to begin with, and whether they are known to be 0.
local function first_states(self, x, given)
  if self.stateful then check_batch(self, x) end
  if given ~= nil then
    return read_states(given, cells.first_states(self.cell, x)), false
  elseif self.stateful then
    return values_of(self.states), false
  end
  return cells.first_states(self.cell, x), cells.begins_at_zero(self.cell)
end

local function make_states(self, shape)
  if not shape[1] then
    core.raise("stateful=true needs to know the batch size: give batch_size to Input, or "
      .. "batch_input_shape to the first layer; the input is %s", shape_text(shape))
  end
  rawset(self, "_batch", shape[1])
  rawset(self, "states", nest.map(cells.states_for(self.cell, shape[1]), function (value)
    return core.variable { value = value, name = "rnn_state", trainable = false }
  end))
end

local function assign_states(self, states)
  local variables = nest.flatten(self.states)
  for i, state in ipairs(nest.flatten(states)) do variables[i]:assign(state) end
end

-- Zeros, or what is given, in the states of a stateful layer.
local function reset_states(self, states)
  local _ <close> = core.enter(self.name, declare.class_of(self).name)
  if not self.stateful then core.raise("only a stateful layer keeps states: give stateful=true") end
  if not self.states then
    core.raise("the layer has no states yet: they are made when it is built")
  end
  assign_states(self, states == nil
    and nest.map(self.states, function (variable) return ops.zeros_like(variable.value) end)
    or read_states(states, values_of(self.states)))
end

-- ---- masks ------------------------------------------------------------------------------------

-- The mask of the steps, time first; nil for none.
local function step_mask(x, mask)
  if mask and nest.is_structure(mask) then mask = mask[1] end
  if not mask then return nil end
  if mask.rank == 3 and mask.shape[3] == 1 then mask = ops.squeeze(mask, 2) end
  local given, wanted = mask.shape, { x.shape[1], x.shape[2] }
  local fits = #given == 2
  for axis = 1, fits and 2 or 0 do
    if given[axis] and wanted[axis] and given[axis] ~= wanted[axis] then fits = false end
  end
  if not fits then
    core.raise("the mask must have shape %s (batch, time), got %s", shape_text(wanted),
      shape_text(given))
  end
  return ops.transpose(tools.cast(mask, "bool"))
end

-- ---- the call ---------------------------------------------------------------------------------

local function count_losses(layer)
  local count = #layer._losses
  for _, inner in ipairs(layer:tracked_layers()) do count = count + count_losses(inner) end
  return count
end

-- What is added to the loss inside the loop cannot leave it.
local function check_losses(cell, before)
  if count_losses(cell) == before then return end
  core.raise("a cell cannot add to the loss in its call, nor regularize its activity: do so with "
    .. "the output of the layer")
end

local function call(self, x, options)
  if self.unroll and not x.shape[2] then
    core.raise("unroll=true needs to know the number of steps; the input is %s",
      shape_text(x.shape))
  end
  local cell, mask = self.cell, step_mask(x, options.mask)
  local states, from_zero = first_states(self, x, options.initial_state)
  local sequence, drawn = ops.swapaxes(x, 0, 1), nil
  if options.training and cell.draw then drawn = cell:draw(loop.row(sequence, 0), states) end
  local losses = count_losses(cell)
  local last, all, final = over_time(cell, {
    sequence = sequence, mask = mask, reverse = self.go_backwards, unroll = self.unroll,
    zero_masked = self.zero_output_for_mask, all = self.return_sequences, from_zero = from_zero,
    constants = options.constants, training = options.training,
  }, states, drawn)
  check_losses(cell, losses)
  if self.stateful then assign_states(self, final) end
  if all and self.go_backwards and not options.in_time then all = ops.flip(all, 0) end
  local y = all and ops.swapaxes(all, 0, 1) or last
  if self.return_state then return y, table.unpack(final) end
  return y
end

-- ---- the class --------------------------------------------------------------------------------

local RNN = base.layer "RNN" {
  several = true,
  doc = "a cell, or a stack of cells, over the steps of (batch, time, …)",
  args = {
    { "cell", cell_kind, required = true },
    table.unpack(arguments [[ return_sequences return_state go_backwards stateful unroll
      zero_output_for_mask | num_constants time_major ]]),
  },
  -- in_time: outputs of a layer that goes backwards come in the order of time nevertheless
  call_args = { "initial_state", "constants", "in_time" },
  supports_masking = true,
  input_spec = { min_ndim = 2 },
  getters = {
    -- input_dim alone says that the number of steps is unknown.
    batch_input_shape = function (self)
      if self._batch_input_shape then return self._batch_input_shape end
      local shape = self._input_shape
        or self._input_dim and { self._input_length or false, self._input_dim }
      if not shape then return nil end
      return table.move(shape, 1, #shape, 2, { self._batch_size or false })
    end,
    state_size = function (self) return self.cell.state_size end,
  },
  __call = list_input,
  build = function (self, shape)
    self:build_cell({ shape[1], table.unpack(shape, 3) }, shape)
  end,
  -- For the shape of one step, of a sequence of the given shape.
  build_cell = function (self, step_shape, shape)
    local rank = self.input_spec.ndim
    if rank and #shape ~= rank then   -- built by another layer, or by hand
      core.raise("takes an input of rank %d, got shape %s", rank, shape_text(shape))
    end
    if not self.cell.built then self.cell:build(step_shape) end
    if self.stateful then make_states(self, shape) end
  end,
  call = call,
  compute_mask = function (self, _, mask)
    if mask and nest.is_structure(mask) then mask = mask[1] end
    return self.return_sequences and mask or nil
  end,
  -- The states that a batch of that size begins with, as a list: zeros, or what the cell says.
  get_initial_state = function (self, batch_size)
    return cells.states_for(self.cell, batch_size)
  end,
  count_states = function (self) return cells.count(self.cell) end,
  reset_states = reset_states,
  reset_state = reset_states,
}

return RNN
