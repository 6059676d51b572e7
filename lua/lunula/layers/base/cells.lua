-- What makes a layer a cell, one step of a recurrent layer: it has a state_size.
--
-- cell(x, states) returns the output and a table of new states. In its call the third argument
-- holds the states in its list part and the rest of the context by name:
--   call = function (self, x, states) local h = states[1] … return h, { h } end
-- Further names are states.training, states.constants, and states.drawn: what the cell's draw(x,
-- states) gave once for all steps. A cell with a project(sequence, drawn) gets a step of what that
-- returned for x; states.projected says so.

local core = require "lunula.core"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"

local ops = core.ops
local cells = {}

cells.arguments = { "states", "constants", "drawn", "projected" }
for _, name in ipairs(cells.arguments) do cells.arguments[name] = true end

function cells.is(layer)
  return declare.is(layer, "layer") and layer.state_size ~= nil
end

local function count_sizes(size)
  if type(size) ~= "table" then return 1 end
  local count = 0
  for _, one in ipairs(size) do count = count + count_sizes(one) end
  return count
end

-- The number of state tensors.
function cells.count(cell)
  return count_sizes(cell.state_size)
end

-- ---- first states -----------------------------------------------------------------------------

local function zeros(batch, size)
  if type(size) ~= "table" then
    if not math.tointeger(size) then
      core.raise("state_size must be an integer or a list of them, got %s", declare.show(size))
    end
    return ops.zeros { batch, math.tointeger(size) }
  end
  local list = {}
  for i, one in ipairs(size) do list[i] = zeros(batch, one) end
  return list
end

-- get_initial_state of cells that begin at zero.
function cells.zero_states(cell, batch)
  local states = zeros(batch, cell.state_size)
  return core.is_tensor(states) and { states } or states
end

-- Whether nothing else is known of a cell's first states than that they are 0.
function cells.begins_at_zero(cell)
  for _, inner in ipairs(cell.cells or {}) do
    if not cells.begins_at_zero(inner) then return false end
  end
  return cell.cells ~= nil or cell.begins_at_zero or cell.get_initial_state == nil
    or cell.get_initial_state == cells.zero_states
end

-- The states that a cell begins with, for so many samples: a list, and lists in it for stacked
-- cells.
function cells.states_for(cell, batch)
  if not cell.get_initial_state then return cells.zero_states(cell, batch) end
  local states = cell:get_initial_state(batch)
  return core.is_tensor(states) and { states } or states
end

-- For the samples of x. When nobody knows how many those are, the states of one sample stand for
-- all.
function cells.first_states(cell, x)
  local batch, open = x.shape[1], false
  for axis = 1, x.rank do open = open or not x.shape[axis] end
  if open and cell.states_like then return cell:states_like(x) end
  if batch then return cells.states_for(cell, batch) end
  local others = {}
  for axis = 1, x.rank - 1 do others[axis] = axis end
  local column = ops.zeros_like(#others > 0 and ops.sum(x, others) or x, "float32")
  return nest.map(cells.states_for(cell, 1), function (state)
    local shape = { -2 }
    for i = 2, state.rank do shape[i] = 1 end
    return state + ops.reshape(column, shape)
  end)
end

-- ---- calls ------------------------------------------------------------------------------------

-- The context of a cell's call: its states become the list part.
function cells.enter(cell, x, context)
  local states = context.states
  if states == nil then states = cells.first_states(cell, x) end
  if core.is_tensor(states) or nest.is_data(states) then states = { states } end
  states = nest.map(states, function (state)
    return core.is_tensor(state) and state or core.tensor(state)
  end)
  local count, wanted = #nest.flatten(states), cells.count(cell)
  if count ~= wanted then
    core.raise("the cell has %d state%s, got %d", wanted, wanted == 1 and "" or "s", count)
  end
  context.states = states
  table.move(states, 1, #states, 1, context)
end

-- A list of tensors in the structure of others.
function cells.packed(structure, list)
  local i = 0
  return nest.map(structure, function ()
    i = i + 1
    return list[i]
  end)
end

-- One step: the output, and the new states as a plain list.
function cells.step(cell, x, options, count)
  local output, states = cell(x, options)
  local list = states ~= nil and nest.flatten(states) or {}
  local fits = #list == count and core.is_tensor(output)
  for _, state in ipairs(list) do fits = fits and core.is_tensor(state) end
  if not fits then
    local _ <close> = core.enter(cell.name, declare.class_of(cell).name)
    core.raise("a cell returns its output and a table of its new states; it has %d state%s, the "
      .. "call returned %s and %s", count, count == 1 and "" or "s",
      core.is_tensor(output) and "an output" or declare.show(output),
      states == nil and "no states" or ("%d of them"):format(#list))
  end
  return output, list
end

return cells
