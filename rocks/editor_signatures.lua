-- Types and parameters for rocks/editor.lua: of kinds of argument, of signatures of ops, of calls
-- that k.help shows, of Lua functions. Parameters are lists of { name =, type =, optional = }.

local taken = require("lunula.ops.tools").taken

local keywords = { ["end"] = true, ["function"] = true, ["repeat"] = true, ["in"] = true,
  ["not"] = true, ["and"] = true, ["or"] = true }

local function identifier(name)
  name = name:gsub("[^%w_]+", "_")
  return keywords[name] and name .. "_" or name
end

-- ---- types -------------------------------------------------------------------------------------

local object_types = {
  ["an initializer"] = "string|table|function|lunula.Initializer",
  ["a regularizer"] = "string|table|function|lunula.Regularizer",
  ["a constraint"] = "string|table|function|lunula.Constraint",
  ["an activation"] = "string|table|function|lunula.Activation",
  ["a layer"] = "lunula.Layer", ["a function"] = "function", ["a table"] = "table",
  ["a string"] = "string", ["a dtype policy"] = "string", ["true or false"] = "boolean",
  ["a number, a table of numbers or a tensor"] = "lunula.Value",
  ["an axis number or a list of them"] = "integer|integer[]",
}

local kind_type

local function list_type(one)
  return one:find "[^%w_.]" and ("(%s)[]"):format(one) or one .. "[]"
end

local function literals(list)
  local found = {}
  for word in list:gmatch '"[^"]*"' do found[#found + 1] = word end
  return #found > 0 and table.concat(found, "|") or nil
end

-- Lists and alternatives, told by the name of the kind.
local function compound(name)
  local element = name:match "^(.+) or a list of %d+$"
  if element then
    local one = kind_type(element)
    return ("%s|%s"):format(one, list_type(one))
  end
  element = name:match "^a list of (.+)s$"
  if element then return list_type(kind_type("a " .. element)) end
  local first, second = name:match "^(.-) or (.+)$"
  if first then return kind_type(first) .. "|" .. kind_type(second) end
end

function kind_type(name)
  if object_types[name] then return object_types[name] end
  if name:find "^one of" then return literals(name) or "any" end
  if name:find "^a shape" then
    return "(integer|false)[]|integer" .. (name:find "function" and "|function" or "")
  end
  local alone = not name:find " or "
  if alone and name:find "integer" or name == "an axis number" then return "integer" end
  if alone and name:find "number" or name == "an integer, 0 or more" then
    return name:find "integer" and "integer" or "number"
  end
  if name == "a number, 0 or more" then return "number" end
  return compound(name) or "any"
end

-- The types of the signatures of ops.
local op_types = {
  int = "integer", num = "number", bool = "boolean", str = "string", dtype = "string",
  axis = "integer", axes = "integer|integer[]", shape = "lunula.Shape|(integer|false)[]|integer",
  sizes = "integer|integer[]", value = "any", tensors = "lunula.Value[]", strings = "string[]",
  [""] = "lunula.Value",
}

local function type_of_default(text)
  if text == "true" or text == "false" then return "boolean" end
  if text:find '^"' then return "string" end
  return tonumber(text) and "number" or "any"
end

-- ---- parameters --------------------------------------------------------------------------------

-- The parts between the commas that are in no brackets.
local function split(text)
  local parts, depth, from = {}, 0, 1
  for at, c in text:gmatch "()([{}(),])" do
    if c == "{" or c == "(" then depth = depth + 1 end
    if c == "}" or c == ")" then depth = depth - 1 end
    if c == "," and depth == 0 then
      parts[#parts + 1], from = text:sub(from, at - 1), at + 1
    end
  end
  parts[#parts + 1] = text:sub(from)
  for i, part in ipairs(parts) do parts[i] = part:match "^%s*(.-)%s*$" end
  return parts
end

local function option_table(names)
  local parts = {}
  for _, part in ipairs(names) do
    local name, default = part:match "^([%w_]+)=?(.*)$"
    if name then parts[#parts + 1] = ("%s?: %s"):format(name, type_of_default(default)) end
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

-- Of a text such as "x, y, { batch_size=, shuffle=true }".
local function parameters_of_call(row)
  local call = row[1]
  local own = row.module and require(row.module).options
  if own then call = call:gsub(",?%s*{$", "") end
  local list = {}
  for i, part in ipairs(call == "" and {} or split(call)) do
    local inner = part:match "^{(.*)}$"
    local name, default = part:match "^([%w_]+)=(.*)$"
    if part == "…" then
      list[i] = { name = "...", type = "any" }
      break
    elseif inner then
      list[i] = inner:find "=" and { name = "options", type = option_table(split(inner)) }
        or { name = "list", type = "table" }
    else
      list[i] = { name = identifier(name or part), type = type_of_default(default or "") }
    end
    list[i].optional = list[i].name ~= "..." and (i > 1 or inner ~= nil)
  end
  if own then
    list[#list + 1] = { name = "options", type = option_table(own), optional = true }
  end
  return list
end

local function parameters_of_signature(signature)
  local list = {}
  for _, part in ipairs(signature == "" and {} or split(signature)) do
    local name, kind, default = part:match "^([%w_]+):?(%a*)%??=?(.*)$"
    list[#list + 1] = name and {
      name = identifier(name), type = op_types[kind] or "any", optional = default ~= "",
    } or { name = "xs", type = "lunula.Value[]" }
  end
  return list
end

-- What a function calls its parameters, or says in its signature; self is the colon's.
local function parameters_of_function(f, is_method)
  if taken[f] then return parameters_of_signature(taken[f].signature) end
  local list, i, unused = {}, 1, 0
  while type(f) == "function" and debug.getlocal(f, i) do
    local name = identifier(debug.getlocal(f, i))
    if name == "_" then name, unused = name .. (unused > 0 and unused + 1 or ""), unused + 1 end
    list[i] = { name = name, type = "any", optional = true }
    i = i + 1
  end
  if is_method and list[1] and list[1].name == "self" then table.remove(list, 1) end
  if type(f) ~= "function" or debug.getinfo(f, "u").isvararg then
    list[#list + 1] = { name = "...", type = "any" }
  end
  return list
end

return {
  keywords = keywords, kind_type = kind_type, of_call = parameters_of_call,
  of_signature = parameters_of_signature, of_function = parameters_of_function,
}
