-- Tables in which the ops on strings find words, and whole numbers.

local core = require "lunula.core"
local ops = require "lunula.ops"

local vocabulary = {}

-- What find_string, text_numbers and text_counts take behind x.
function vocabulary.words(list)
  local ends, size = {}, 0
  for i, word in ipairs(list) do
    size = size + #word
    ends[i] = size
  end
  local bytes = core.frombytes(table.concat(list), { dtype = "uint8" })
  ends = core.tensor(ends, { shape = { #list }, dtype = "int32" })
  return { bytes, ends, ops.string_slots(bytes, ends) }
end

-- What find_integer takes behind x.
function vocabulary.integers(list)
  local keys = core.tensor(list, { shape = { #list }, dtype = "int64" })
  return { keys, ops.integer_slots(keys) }
end

return vocabulary
