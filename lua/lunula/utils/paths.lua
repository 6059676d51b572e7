-- Where a variable stands: the names of its layers and its own, "lstm/lstm_cell/kernel", as in
-- Keras. Layers note it when they make a weight; optimizers, which know no layers, ask.

local core = require "lunula.core"

local paths = {}

local path_of = setmetatable({}, { __mode = "k" })

function paths.set(variable, path)
  path_of[variable] = path
end

-- A variable that no layer made has its name only.
function paths.of(variable)
  return path_of[variable] or variable.name
end

core.variable_field("path", paths.of)

-- The name, or name_1, name_2 … where it is taken; it is taken then.
function paths.unique(name, taken)
  local new, number = name, 0
  while taken[new] do
    number = number + 1
    new = ("%s_%d"):format(name, number)
  end
  taken[new] = true
  return new
end

return paths
