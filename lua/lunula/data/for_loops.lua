-- for x, y in dataset do … end: Lua calls the dataset for each element, with the one before, and
-- says nothing else of the loop. So the dataset keeps a pass for each loop that goes on, those
-- inside others last. Passes behind the one that is asked belong to loops that were left by break.

local core = require "lunula.core"

local for_loops = {}

local MOST <const> = 16   -- loops, one in another; the first of more were left by break, too

local function begin(dataset, passes)
  passes[#passes + 1] = { next = dataset:as_iterator() }
  if #passes > MOST then table.remove(passes, 1) end
end

local function go_on(passes, pass, first, ...)
  pass.last = first
  if first == nil then passes[#passes] = nil end
  return first, ...
end

-- dataset(nil, before): the element after `before`.
function for_loops.next(dataset, _, before)
  local passes = dataset.passes or {}
  dataset.passes = passes
  if before == nil then begin(dataset, passes) end
  while before ~= nil and passes[#passes] and not rawequal(passes[#passes].last, before) do
    passes[#passes] = nil
  end
  local pass = passes[#passes]
  if not pass then
    core.raise "a dataset is called by loops alone: for x, y in dataset do … end"
  end
  return go_on(passes, pass, pass.next())
end

return for_loops
