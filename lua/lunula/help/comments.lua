-- What a Lua function says of itself: its parameters, and the comment above it, where the file
-- that it was read from is there.

local taken = require("lunula.ops.tools").taken

local comments = {}

local lines_of = {}   -- path -> its lines; false: it is not there

local function read(path)
  if lines_of[path] ~= nil then return lines_of[path] end
  local lines, file = {}, io and io.open(path)
  if file then
    for line in file:lines() do lines[#lines + 1] = line end
    file:close()
  end
  lines_of[path] = file and lines or false
  return lines_of[path]
end

-- The function inside: a method that checks its self is wrapped (declare/classes.lua), what takes
-- its arguments as an op does may be, and one of another file is required when it is called.
local function inner(f)
  local upvalues, i = {}, 1
  while debug.getupvalue(f, i) do
    local name, value = debug.getupvalue(f, i)
    upvalues[name], i = value, i + 1
  end
  for _, wrapped in ipairs { "method", "fn" } do
    if type(upvalues[wrapped]) == "function" then return upvalues[wrapped] end
  end
  local module, name = upvalues.module, upvalues.name
  if type(module) ~= "string" or type(name) ~= "string" then return f end
  local loaded = package.loaded[module]
  local found = type(loaded) == "table" and rawget(loaded, name)
  return type(found) == "function" and found or f
end

-- "x, axis:axes?=nil" as one would write it down: "x, axis=None".
local function plain(signature)
  return (signature:gsub(":%a+", ""):gsub("%?", ""):gsub("=nil", "=None"):gsub("%*", ""))
end

-- "(x, options)"
function comments.parameters(f)
  if taken[f] then return "(" .. plain(taken[f].signature) .. ")" end
  f = inner(f)
  local names, i = {}, 1
  while debug.getlocal(f, i) do
    names[i], i = debug.getlocal(f, i), i + 1
  end
  if debug.getinfo(f, "u").isvararg then names[i] = "…" end
  return "(" .. table.concat(names, ", ") .. ")"
end

-- The comment right above a line, without its dashes; nil where there is none.
local function above(lines, number)
  local found = {}
  for i = number - 1, 1, -1 do
    local text = lines[i]:match "^%s*%-%-%s?(.*)$"
    if not text or text:find "^%-%-" or text:find "^%[" then break end
    table.insert(found, 1, text)
  end
  return #found > 0 and table.concat(found, "\n  ") or nil
end

-- The line where the statement begins that a function of tools.takes is written in.
local function beginning(lines, number)
  for i = number, math.max(1, number - 4), -1 do
    if lines[i]:find "takes%(" then return i end
  end
  return number
end

-- What is written above a function, or nil.
function comments.of(f)
  local made_of = taken[f]
  local info = debug.getinfo(inner(made_of and made_of.fn or f), "S")
  local path = info.what == "Lua" and info.source:match "^@(.+)$"
  local lines = path and read(path)
  if not lines then return nil end
  return above(lines, made_of and beginning(lines, info.linedefined) or info.linedefined)
end

return comments
