-- A cell over time. A stack of cells becomes one loop after another: each cell sees the whole
-- sequence of the one below, so that its products with the input leave the loop too.

local core = require "lunula.core"
local cells = require "lunula.layers.base.cells"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"
local StackedRNNCells = require "lunula.layers.rnn.stacked_rnn_cells"
local loop = require "lunula.layers.rnn.loop"

local function step_of(cell, job, structure, count, drawn)
  return function (x, states)
    return cells.step(cell, x, {
      states = cells.packed(structure, states), constants = job.constants, drawn = drawn,
      training = job.training, projected = cell.project ~= nil or nil,
    }, count)
  end
end

local function one_loop(cell, job, structure, drawn)
  local states = nest.flatten(structure)
  if cell.project then job.sequence = cell:project(job.sequence, drawn) end
  job.states, job.step = states, step_of(cell, job, structure, #states, drawn)
  local last, all, final = loop.run(job)
  return last, all, cells.packed(structure, final)
end

-- over_time(cell, job, states, drawn): job is what loop.run takes, but for step and states, and has
-- the context of the cell's calls (constants, training). Returns what loop.run does, the states in
-- their structure.
local function over_time(cell, job, structure, drawn)
  if declare.class_of(cell) ~= StackedRNNCells then
    return one_loop(cell, job, structure, drawn)
  end
  local finals, sequence, last, all = {}, job.sequence, nil, nil
  for i, inner in ipairs(cell.cells) do
    local own = setmetatable({ sequence = sequence }, { __index = job })
    if i < #cell.cells then own.all, own.raw = true, true end
    local alone = core.is_tensor(structure[i])
    local final
    last, all, final = over_time(inner, own, alone and { structure[i] } or structure[i],
      drawn and drawn[i] or nil)
    finals[i], sequence = alone and final[1] or final, all
  end
  return last, all, finals
end

return over_time
