-- Where a variable stands: the names of its layers and its own, "lstm/lstm_cell/kernel", as in
-- Keras. Layers note it when they make a weight; optimizers, which know no layers, ask.

local paths = {}

local path_of = setmetatable({}, { __mode = "k" })

function paths.set(variable, path)
  path_of[variable] = path
end

-- A variable that no layer made has its name only.
function paths.of(variable)
  return path_of[variable] or variable.name
end

return paths
