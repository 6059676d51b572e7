-- The house rules, each breach with its file and line: lua5.4 spec/support/floors.lua [BUILD]
-- What can be seen in the text is checked here: includes point to the same floor or downwards, few
-- files know Lua and threads, a C file declares nothing by hand, every file has a place. What the
-- objects in BUILD link to is floors_objects.lua's, what Lua files require floors_requires.lua's.

package.path = "./?.lua;" .. package.path

local build = arg[1] or "build"
local floors = { "base", "kernels", "tensor", "graph", "ops", "scan", "plan", "files", "bind",
                 "host", "blas" }
local top = "Makefile src lua rocks spec examples README.md LICENSE build"
local only = {  -- headers that few may include
  ["lua.h"] = { "src/bind/", "src/host/", "src/blas/module.c" },
  ["lauxlib.h"] = { "src/bind/", "src/host/" },
  ["lualib.h"] = { "src/bind/", "src/host/" },
  ["pthread.h"] = { "src/base/threads.c", "src/base/memory.c", "src/base/lock.c",
                    "src/blas/openblas.c" },
  ["cblas.h"] = { "src/blas/" }, ["lapacke.h"] = { "src/blas/" }, ["dlfcn.h"] = { "src/blas/" },
  ["threads.h"] = {}, ["omp.h"] = {},
}

local breaches, files = 0, 0
local function breach(path, line, text)
  breaches = breaches + 1
  print(("%s:%d: %s"):format(path, line, text))
end

local function list(command)
  local lines = {}
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  files = files + #lines
  return lines
end

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

local function allowed(path, places)
  for _, place in ipairs(places) do
    if path:sub(1, #place) == place then return true end
  end
  return false
end

-- ---- the text of C files ---------------------------------------------------

local height = {}
for i, name in ipairs(floors) do height[name] = i end

-- What is wrong with a line of a file on `floor`, or nil.
local function complaint(path, floor, line)
  local header = line:match '^%s*#%s*include%s*"(.-)"'
  local system = line:match "^%s*#%s*include%s*<(.-)>"
  local other = header and header:match "^(%l+)/"
  if path:find "%.c$" and line:find "^%s*extern%s" then
    return "declares by hand what a header should"
  elseif header and not height[other] then
    return ("say which floor %q is on"):format(header)
  elseif header and height[other] > height[floor] then
    return ("%s may not know %s, which is above it"):format(floor, header)
  elseif header and not exists("src/" .. header) then
    return ("%q does not exist"):format(header)
  elseif only[system or header] and not allowed(path, only[system or header]) then
    return ("<%s> is not for this file"):format(system or header)
  end
end

local function check_source(path)
  local floor, name = path:match "^src/(%l+)/([^/]+)$"
  if path == "src/README.md" then return end
  if not height[floor] then
    breach(path, 1, "not on a floor (" .. table.concat(floors, " < ") .. ")")
  elseif name:find "%.[ch]$" then
    local number = 0
    for line in io.lines(path) do
      number = number + 1
      local text = complaint(path, floor, line)
      if text then breach(path, number, text) end
    end
  elseif not (name == "README.md" or name:find "%.lua$" or name:find "%.in$"
              or name:find "%.map$") then
    breach(path, 1, "what is this?")
  end
end

for _, path in ipairs(list "find src -type f | LC_ALL=C sort") do check_source(path) end

-- ---- what is linked, what is required, the top -------------------------------

require "spec.support.floors_objects"(floors, build, breach)

local lua = list "find lua -type f ! -name README.md | LC_ALL=C sort"
require "spec.support.floors_requires"(lua, build, breach)

for _, name in ipairs(list "ls") do
  if not (" " .. top .. " "):find(" " .. name .. " ", 1, true) then
    breach(name, 1, "does not belong at the top level")
  end
end

print(("%d files, %d breaches"):format(files, breaches))
os.exit(breaches == 0)
