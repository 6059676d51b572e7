-- The table of layers in the README, from the catalogue itself. As a script it writes the table
-- into README.md; the spec compares.

local declare = require "lunula.declare"

local readme = {}

local opening, closing = "<!-- layers: written by spec/support/readme.lua -->\n", "<!-- end -->"

local titles = {
  core = "Core", convolutional = "Convolution", pooling = "Pooling", merging = "Merging",
  normalization = "Normalization", regularization = "Regularization", reshaping = "Reshaping",
  activations = "Activations", rnn = "Recurrent", attention = "Attention",
  preprocessing = "Preprocessing", legacy = "From Keras 2",
}
local order = {
  "core", "convolutional", "pooling", "rnn", "attention", "merging", "normalization",
  "regularization", "reshaping", "activations", "preprocessing", "legacy",
}

local function names_of(folder)
  local found, list = pcall(require, "lunula.layers." .. folder)
  local names = {}
  for _, classes in pairs(found and list or {}) do
    for name in classes:gmatch "%S+" do names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- The classes of the other kinds, as their registrar knows them.
local function others(k)
  local lines = {}
  for _, row in ipairs {
    { "Optimizers", "optimizer", k.optimizers }, { "Losses", "loss", k.losses },
    { "Metrics", "metric", k.metrics }, { "Callbacks", "callback", k.callbacks },
    { "Initializers", "initializer", k.initializers },
    { "Regularizers", "regularizer", k.regularizers },
    { "Constraints", "constraint", k.constraints },
  } do
    local names = {}
    for name, class in pairs(declare.registry(row[2])) do
      if name == class.name then names[#names + 1] = name end
    end
    table.sort(names)
    lines[#lines + 1] = ("| %s | %s |"):format(row[1], table.concat(names, " "))
  end
  return lines
end

function readme.table()
  local lines = { "| | |", "|---|---|" }
  for _, folder in ipairs(order) do
    local names = names_of(folder)
    if #names > 0 then
      lines[#lines + 1] = ("| %s | %s |"):format(titles[folder], table.concat(names, " "))
    end
  end
  table.move(others(require "lunula"), 1, 99, #lines + 1, lines)
  return table.concat(lines, "\n") .. "\n"
end

local function read()
  local file = assert(io.open "README.md")
  local text = file:read "a"
  file:close()
  return text
end

-- What stands in the README now.
function readme.current()
  local text = read()
  local _, first = text:find(opening, 1, true)
  local last = text:find(closing, first, true)
  return text:sub(first + 1, last - 1)
end

-- The Lua example, as a reader would copy it.
function readme.example()
  return read():match "```lua\n(.-)```"
end

function readme.write()
  local text = read()
  local _, first = text:find(opening, 1, true)
  local last = text:find(closing, first, true)
  local file = assert(io.open("README.md", "w"))
  file:write(text:sub(1, first), readme.table(), text:sub(last))
  file:close()
end

if arg and arg[0] and arg[0]:find "readme.lua$" then readme.write() end

return readme
