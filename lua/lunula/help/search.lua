-- k.help "?word": the names that have the word in them, in their arguments or in their texts.

local core = require "lunula.core"
local declare = require "lunula.declare"
local functions = require "lunula.help.functions"

local search = {}

local most = 40   -- lines

-- visit(name, doc, arguments) for all that has a text.
local function each(visit)
  require "lunula.ops"
  for _, row in ipairs(core.catalogue()) do visit("ops." .. row.name, row.doc, row.signature) end
  local layers = require "lunula.layers"
  for _, name in ipairs(layers.names()) do layers.find(name) end
  for kind, module in pairs(declare.homes) do
    require(module)
    for name, class in pairs(declare.registry(kind)) do
      if declare.is_class(class) and class.name == name then
        local names = {}
        for i, arg in ipairs(class.positional) do names[i] = arg.name end
        visit(name, class.doc or "", table.concat(names, " "))
      end
    end
  end
  for _, module in ipairs(functions.of_modules) do
    for name, row in pairs(functions[module]) do visit(module .. "." .. name, row[2], row[1]) end
  end
  for name, row in pairs(functions.facade) do visit("k." .. name, row[2], row[1]) end
  for owner, list in pairs(functions.methods) do
    for name, row in pairs(list) do visit(owner .. ":" .. name, row[2], row[1]) end
  end
end

local function first_sentence(doc)
  doc = doc:gsub("%s+", " ")
  return doc:match "^(.-[%w%)])[.;:]%s" or doc
end

-- Names first, then arguments, then texts.
local function rank(word, name, doc, arguments)
  return name:lower():find(word, 1, true) and 1 or arguments:lower():find(word, 1, true) and 2
    or doc:lower():find(word, 1, true) and 3 or nil
end

local function found(word)
  local rows, seen = {}, {}
  each(function (name, doc, arguments)
    local place = rank(word, name, doc, arguments)
    if place and not seen[name] then
      seen[name] = true
      rows[#rows + 1] = { place = place, name = name, doc = first_sentence(doc) }
    end
  end)
  table.sort(rows, function (a, b)
    if a.place ~= b.place then return a.place < b.place end
    return a.name < b.name
  end)
  return rows
end

-- The lines, or nil, message.
function search.text(word)
  local rows = found(word:lower())
  if #rows == 0 then return nil, ('nothing is found for "%s"'):format(word) end
  local lines = {}
  for i = 1, math.min(#rows, most) do
    lines[i] = ("  %-28s %s"):format(rows[i].name, rows[i].doc)
  end
  if #rows > most then lines[#lines + 1] = ("  … and %d more"):format(#rows - most) end
  return table.concat(lines, "\n")
end

return search
