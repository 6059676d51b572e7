-- The house rules that can be seen without compiling, each breach with its
-- file and line: includes and requires point to the same floor or downwards,
-- Lua and threads are known to few files, every file has a place. A require
-- inside a function is late, it runs when all is loaded, and may point upwards.

local floors = { "base", "kernels", "tensor", "graph", "ops", "scan", "plan", "files", "bind",
  "host" }
local storeys = {  -- of lua/lunula; what shares a row may require each other
  { "ops.config", "place" },
  { "declare", "kinds", "records" },
  { "ops" },
  { "activations", "backend", "constraints", "gradients", "initializers", "losses", "metrics",
    "optimizers", "random", "regularizers", "utils" },
  { "layers" },
  { "callbacks", "models" },
  { "help", "saving" },
  { "init" },
}
local top = "Makefile src lua rocks spec examples README.md LICENSE build"
local only = {  -- headers that few may include
  ["lua.h"] = { "src/bind/", "src/host/" }, ["lauxlib.h"] = { "src/bind/", "src/host/" }, ["lualib.h"] = { "src/bind/", "src/host/" },
  ["pthread.h"] = { "src/base/threads.c", "src/base/memory.c" },
  ["threads.h"] = {}, ["omp.h"] = {},
}

local breaches, files, late = 0, 0, 0
local function breach(path, line, text)
  breaches = breaches + 1
  print(("%s:%d: %s"):format(path, line, text))
end

local function list(command)
  local lines = {}
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

local function each_line(path)
  local number, next_line = 0, io.lines(path)
  return function ()
    number = number + 1
    local line = next_line()
    if line then return number, line end
  end
end

local function allowed(path, places)
  for _, place in ipairs(places) do
    if path:sub(1, #place) == place then return true end
  end
  return false
end

-- ---- C --------------------------------------------------------------------

local height = {}
for i, name in ipairs(floors) do height[name] = i end

for _, path in ipairs(list "find src -type f | sort") do
  local floor, name = path:match "^src/(%l+)/([^/]+)$"
  files = files + 1
  if not height[floor] then
    breach(path, 1, "not on a floor (" .. table.concat(floors, " < ") .. ")")
  elseif name:find "%.[ch]$" then
    for number, line in each_line(path) do
      local header = line:match '^%s*#%s*include%s*"(.-)"'
      local system = line:match "^%s*#%s*include%s*<(.-)>"
      local other = header and header:match "^(%l+)/"
      if header and not height[other] then
        breach(path, number, ("say which floor %q is on"):format(header))
      elseif header and height[other] > height[floor] then
        breach(path, number, ("%s may not know %s, which is above it"):format(floor, header))
      elseif header and not exists("src/" .. header) then
        breach(path, number, ("%q does not exist"):format(header))
      elseif only[system or header] and not allowed(path, only[system or header]) then
        breach(path, number, ("<%s> is not for this file"):format(system or header))
      end
    end
  elseif not name:find "%.lua$" and not name:find "%.in$" and not name:find "%.map$" then
    breach(path, 1, "what is this?")
  end
end

-- ---- Lua ------------------------------------------------------------------

local storey = {}
for i, row in ipairs(storeys) do
  for _, name in ipairs(row) do storey[name] = i end
end

local function storey_of(module)  -- "lunula.layers.base" is on the storey of layers
  local name = module:match "^lunula%.(.+)" or "init"
  return storey[name] or storey[name:match "^[^.]+"]
end

for _, path in ipairs(list "find lua -type f | sort") do
  local module = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
  files = files + 1
  if not path:find "%.lua$" or not storey_of(module) then
    breach(path, 1, "has no place in the order of lua/lunula")
  else
    for number, line in each_line(path) do
      local wanted = line:gsub("^%s*%-%-.*", ""):match "require%s*%(?%s*[\"'](lunula[%w_.]*)[\"']"
      local file = wanted and "lua/" .. wanted:gsub("%.", "/")
      if wanted and wanted ~= "lunula.core" then
        if not exists(file .. ".lua") and not exists(file .. "/init.lua") then
          breach(path, number, wanted .. " does not exist")
        elseif not storey_of(wanted) then
          breach(path, number, wanted .. " has no place in the order of lua/lunula")
        elseif storey_of(wanted) > storey_of(module) then
          if line:find "^%s" then
            late = late + 1
          else
            breach(path, number, ("%s may not know %s, which is above it"):format(module, wanted))
          end
        end
      end
    end
  end
end

-- ---- the top --------------------------------------------------------------

for _, name in ipairs(list "ls") do
  if not (" " .. top .. " "):find(" " .. name .. " ", 1, true) then
    breach(name, 1, "does not belong at the top level")
  end
end

print(("%d files, %d late requires upwards, %d breaches"):format(files, late, breaches))
os.exit(breaches == 0)
