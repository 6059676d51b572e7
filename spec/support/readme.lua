-- The table of classes in lua/lunula/README.md, from the catalogue itself: as a script it writes
-- the table into that page, and readme_spec compares. And the examples of README.md.

package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = "build/?.so;" .. package.cpath

local declare = require "lunula.declare"
local files = require "spec.support.files"

local readme = {}

local page <const> = "lua/lunula/README.md"
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

-- What stands in the page now.
function readme.current()
  local text = files.read(page)
  local _, first = text:find(opening, 1, true)
  local last = text:find(closing, first, true)
  return text:sub(first + 1, last - 1)
end

-- The code of the README's sections, as a reader would copy it: the first of `language` below the
-- heading.
function readme.example(heading, language)
  local _, at = assert(files.read("README.md"):find("\n## " .. heading .. "\n", 1, true))
  return files.read("README.md"):match("```" .. language .. "\n(.-)```", at)
end

function readme.count_lines()
  return select(2, files.read("README.md"):gsub("\n", ""))
end

function readme.write()
  local text = files.read(page)
  local _, first = text:find(opening, 1, true)
  local last = text:find(closing, first, true)
  files.write(page, text:sub(1, first) .. readme.table() .. text:sub(last))
end

if arg and arg[0] and arg[0]:find "readme.lua$" then readme.write() end

return readme
