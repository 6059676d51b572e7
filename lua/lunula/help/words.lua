-- The words that a prompt can complete (`lunula words`): the names of k and of its modules, in
-- full, then the methods, and the options of all classes.

local declare = require "lunula.declare"
local functions = require "lunula.help.functions"

-- A sorted list, each word once. home: the module of a name.
return function (home)
  local seen, list = {}, {}
  local function add(word)
    if not seen[word] and not word:find "^_" then seen[word], list[#list + 1] = true, word end
  end
  for _, name in ipairs { "Input", "Sequential", "Model", "Layer" } do add("k." .. name) end
  for name in pairs(functions.facade) do add("k." .. name) end
  for _, row in ipairs(functions.modules) do
    add("k." .. row[1])
    for name, value in pairs(home(row[1])) do
      if type(name) == "string" then add(("k.%s.%s"):format(row[1], name)) end
      for _, arg in ipairs(declare.is_class(value) and value.arguments or {}) do add(arg.name) end
    end
  end
  for _, methods in pairs(functions.methods) do
    for name in pairs(methods) do add(name) end
  end
  table.sort(list)
  return list
end
