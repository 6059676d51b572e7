-- The lines of lunula/meta.lua as rocks/editor.lua writes them one after another: texts, functions.

local signatures = dofile "rocks/editor_signatures.lua"

local lines = {}

local function put(text, ...)
  lines[#lines + 1] = select("#", ...) > 0 and text:format(...) or text
end

local function sorted(t)
  local names = {}
  for name in pairs(t) do
    if type(name) == "string" and name:find "^[%a_][%w_]*$" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function one_line(text)
  return (text:gsub("%s+", " "))
end

local function doc(text)
  if text and text ~= "" then put("---" .. one_line(text)) end
end

-- ---- functions ---------------------------------------------------------------------------------

-- A function that takes its options in their order, or in one table behind what it needs, has
-- another way to be called.
local function put_overload(list, result)
  local tensors, options = {}, {}
  for _, parameter in ipairs(list) do
    if parameter.optional then
      options[#options + 1] = ("%s?: %s"):format(parameter.name, parameter.type)
    else
      tensors[#tensors + 1] = ("%s: %s"):format(parameter.name, parameter.type)
    end
  end
  if #options == 0 then return end
  tensors[#tensors + 1] = ("options: { %s }"):format(table.concat(options, ", "))
  put("---@overload fun(%s): %s", table.concat(tensors, ", "), result)
end

local function function_of(name, parameters, text, result)
  doc(text)
  local names = {}
  for i, parameter in ipairs(parameters) do
    names[i] = parameter.name
    put("---@param %s%s %s", parameter.name, parameter.optional and "?" or "", parameter.type)
  end
  put("---@return %s", result or "any")
  local owner, key = name:match "^(.*)[.:]([^.:]+)$"
  if signatures.keywords[key] then
    put("%s[%q] = function (%s) end", owner, key, table.concat(names, ", "))
  else
    put("function %s(%s) end", name, table.concat(names, ", "))
  end
end

return { lines = lines, put = put, sorted = sorted, one_line = one_line, doc = doc,
  put_overload = put_overload, function_of = function_of }
