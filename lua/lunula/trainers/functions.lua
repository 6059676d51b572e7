-- The traced functions of a model by their key, the last used kept.
--
-- A subclassed model is traced for every shape of data it meets, a hundred lengths of sequences for
-- one. So their number is bounded, and so are the bytes that their plans work in.

local functions = { most = 32, bytes = 256 << 20 }

local function bytes_of(entry)
  return type(entry.call) == "userdata" and entry.call:memory() or 0
end

-- The kept entry, now the last used, or nil.
function functions.find(model, key)
  local entry = model._functions[key]
  if entry then
    model._function_uses = model._function_uses + 1
    entry.used = model._function_uses
  end
  return entry
end

-- The least used but one, which is the new one.
local function oldest(list, new)
  local found
  for key, entry in pairs(list) do
    if entry ~= new and (not found or entry.used < list[found].used) then found = key end
  end
  return found
end

-- Keeps an entry {call =, …}; what was used least goes, until both bounds hold.
function functions.keep(model, key, entry)
  local list = model._functions
  list[key] = entry
  functions.find(model, key)
  local count, bytes = 0, 0
  for _, one in pairs(list) do count, bytes = count + 1, bytes + bytes_of(one) end
  while count > 1 and (count > functions.most or bytes > functions.bytes) do
    local last = oldest(list, entry)
    count, bytes = count - 1, bytes - bytes_of(list[last])
    list[last] = nil
  end
end

return functions
