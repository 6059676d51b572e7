-- Files into a C host: a network 4-8-1 from file to its first answer, and 100 MB of weights beside
-- fread of the file, with the most memory that took.

local k = require "lunula"
local core = require "lunula.core"
local served = require "lunula.models.served"

local function write(path, model)
  local fn, inputs, outputs = served(model)
  local entries = {}
  local text, constants = core.graph_text(fn, {
    inputs = inputs, outputs = outputs,
    variable = function (v)
      entries[#entries + 1] = { ("weight/%d"):format(#entries), v }
      return entries[#entries][1]
    end,
  })
  table.move(constants, 1, #constants, #entries + 1, entries)
  core.file_write(path, entries, { format = "lunula 1", graph = text })
end

local function dense(inputs, units)
  local layers = { k.Input { shape = { inputs } } }
  for i, n in ipairs(units) do layers[i + 1] = k.layers.Dense(n) end
  return k.Sequential(layers)
end

local small, large = os.tmpname(), os.tmpname()
write(small, dense(4, { 8, 1 }))
write(large, dense(2048, { 2048, 2048, 2048, 2048, 2048, 2048 }))
assert(os.execute(("build/peers/load %s %s"):format(small, large)))
os.remove(small)
os.remove(large)
