-- A traced function written as text and read again, with the same variables: what files keep of it.

local core = require "lunula.core"

local stored = {}

-- The function that is read again; nil and why when it is one that files cannot have. Constants
-- that the text has no room for go through a file.
function stored.again(f)
  local variables = {}
  local ok, text, constants = pcall(core.graph_text, f, { variable = function (v)
    variables[#variables + 1] = v
    return tostring(#variables)
  end })
  if not ok then return nil, text end
  local path = #constants > 0 and os.tmpname()
  if path then core.file_write(path, constants) end
  local file = path and core.file_read(path) or nil
  local function find(name) return variables[tonumber(name)] end
  local again = core.graph_function(text, file, find)
  if path then os.remove(path) end
  return again, nil, text, variables
end

local function values_of(variables)
  local list = {}
  for i, v in ipairs(variables) do list[i] = core.tensor(v.value) end
  return list
end

local function restore(variables, values)
  for i, v in ipairs(variables) do v:assign(values[i]) end
end

local function same(a, b)
  if #a ~= #b then return ("%d and %d of them"):format(#a, #b) end
  for i = 1, #a do
    if a[i].dtype ~= b[i].dtype or a[i]:tobytes() ~= b[i]:tobytes() then return "number " .. i end
  end
end

-- Both give the same bits and leave the same in variables; a complaint, or nil.
function stored.check(f, arguments)
  local again, message, _, variables = stored.again(f)
  if not again then return not stored.is_excuse(message) and message or nil end
  local before = values_of(variables)
  local function run(g)
    core.seed(5)
    local results = { g(table.unpack(arguments)) }
    local after = values_of(variables)
    restore(variables, before)
    return results, after
  end
  local wanted, wanted_after = run(f)
  local given, given_after = run(again)
  local complaint = same(given, wanted)
  if complaint then return "written and read, other results: " .. complaint end
  complaint = same(given_after, wanted_after)
  return complaint and "written and read, other variables: " .. complaint
end

-- Why files cannot have a function: a closure of Lua, or a part of a gradient.
function stored.is_excuse(message)
  return message:find "a step of Lua at .* cannot be written into a file"
    or message:find "is a part of a gradient, which is not written into files"
end

return stored
