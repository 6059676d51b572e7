-- A recurrent layer around one kind of cell: LSTM is RNN with an LSTMCell that it makes from its
-- own arguments.

local base = require "lunula.layers.base"
local declare = require "lunula.declare"
local RNN = require "lunula.layers.rnn.rnn"

-- The cell's arguments are fields of the layer; None is said with `false`.
local function make_cell(self, Cell, name, options)
  local given = { name = name }
  if Cell.by_name.implementation then given.implementation = self.implementation end
  for _, arg in ipairs(Cell.positional) do
    local value = self[arg.field]
    if value == nil then value = false end
    given[arg.name] = value
  end
  for option, value in pairs(options or {}) do given[option] = value end
  return Cell(given)
end

return function (name, Cell, spec)
  spec.parent, spec.replace_args = RNN, true
  spec.casts = "all"
  spec.input_spec = spec.input_spec or { ndim = 3 }
  local build, cell_name = RNN.build, spec.cell_name or declare.snake_case(Cell.name)
  spec.init = function (self) self.cell = make_cell(self, Cell, cell_name, spec.cell_options) end
  spec.build = spec.build or function (self, shape)
    build(self, shape)
    self.input_spec = { ndim = #shape, axes = { [-1] = shape[#shape] } }
  end
  return base.layer(name)(spec)
end
