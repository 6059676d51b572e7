-- Names of layers that were given none: dense, dense_1, dense_2 …

local names = {}

local counters = {}

function names.unique(prefix)
  local count = counters[prefix] or 0
  counters[prefix] = count + 1
  return count == 0 and prefix or ("%s_%d"):format(prefix, count)
end

-- What clear_session does: counting starts again.
function names.reset()
  counters = {}
end

return names
