-- StackedRNNCells: cells one above the other, as one cell. Its states are a list with the states of
-- each.

local core = require "lunula.core"
local cells = require "lunula.layers.base.cells"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local nest = require "lunula.utils.nest"
local ops = require "lunula.ops"

local cell_list = {
  name = "a list of cells",
  check = function (value)
    if not declare.is_plain(value) or #value == 0 then return nil end
    local list = {}
    for i, one in ipairs(value) do
      local cell, _, problem = kinds.layer.check(one)
      if cell == nil or not cells.is(cell) then
        return nil, nil, problem or ("number %d is no cell, which has a state_size: %s"):format(i,
          declare.show(one))
      end
      list[i] = cell
    end
    return list
  end,
  serialise = kinds.list_of(kinds.layer).serialise,
}

local function output_size(cell)
  local size = cell.output_size or cell.state_size
  while type(size) == "table" do size = size[1] end
  return size
end

-- The output has an output_size, or is like the first state.
local function output_shape(cell, batch)
  if cell.output_size then return { batch, cell.output_size } end
  local shape = nest.flatten(cells.states_for(cell, 1))[1].shape
  shape[1] = batch
  return shape
end

-- The states of one cell as a list.
local function listed(state)
  return core.is_tensor(state) and { state } or state
end

return layer "StackedRNNCells" {
  several = true,
  doc = "cells one above the other, as one cell",
  args = { { "cells", cell_list, required = true } },
  getters = {
    -- The sizes of the states of each cell, as a list.
    state_size = function (self)
      local sizes = {}
      for i, cell in ipairs(self.cells) do sizes[i] = cell.state_size end
      return sizes
    end,
    -- The size of what the last cell gives.
    output_size = function (self) return output_size(self.cells[#self.cells]) end,
  },
  build = function (self, shape)
    for _, cell in ipairs(self.cells) do
      if not cell.built then cell:build(shape) end
      shape = output_shape(cell, shape[1])
    end
  end,
  -- The states that a batch of that size begins with: for each cell a list.
  get_initial_state = function (self, batch_size)
    local states = {}
    for i, cell in ipairs(self.cells) do states[i] = cells.states_for(cell, batch_size) end
    return states
  end,
  -- What each cell draws. The output of a cell is known by its sizes only: those of its first
  -- state, or its output_size.
  draw = function (self, x, states)
    local drawn = {}
    for i, cell in ipairs(self.cells) do
      local own = listed(states[i])
      drawn[i] = cell.draw and cell:draw(x, own) or false
      x = own[1]
      if cell.output_size and x.rank == 2 and x.shape[2] ~= cell.output_size then
        x = ops.broadcast_to(ops.zeros_like(ops.sum(x, 1, true)), { -2, cell.output_size })
      end
    end
    return drawn
  end,
  call = function (self, x, states)
    if #states ~= #self.cells then
      core.raise("there are %d cells, the states are of %d", #self.cells, #states)
    end
    local drawn, new = states.drawn or {}, {}
    for i, cell in ipairs(self.cells) do
      local own = listed(states[i])
      local list
      x, list = cells.step(cell, x, {
        states = own, constants = states.constants, drawn = drawn[i] or nil,
      }, #nest.flatten(own))
      new[i] = core.is_tensor(states[i]) and list[1] or cells.packed(own, list)
    end
    return x, new
  end,
}
