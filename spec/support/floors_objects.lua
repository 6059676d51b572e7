-- What the objects of src link to, as nm tells it: who uses whose symbol, by which header it knows
-- it, and which files of a folder need each other in a circle. An include can be left out and a
-- prototype written by hand; a symbol cannot.

local files = require "spec.support.files"

-- Largest circle of files in a folder. These bounds may only shrink.
local circles = { base = 0, kernels = 0, tensor = 0, graph = 3, ops = 0, scan = 0, plan = 0,
                  files = 0, bind = 0, host = 0, blas = 0 }

-- What a C program sees, of whatever folder.
local public = "src/host/lunula.h"

-- Symbols from outside that few objects may use.
local reserved = {
  { what = "allocates", only = { "base/memory" },
    names = { "malloc", "calloc", "realloc", "reallocarray", "free", "posix_memalign",
              "aligned_alloc", "memalign", "valloc", "strdup", "strndup", "asprintf",
              "vasprintf" } },
  { what = "knows threads", pattern = "^pthread_",
    only = { "base/memory", "base/threads", "base/lock", "blas/openblas" } },
  { what = "knows Lua", pattern = "^lua[L_]", only = { "bind/", "host/", "blas/module" } },
  { what = "knows OpenBLAS", pattern = "^cblas_", only = { "blas/" } },
  { what = "knows OpenBLAS", pattern = "^openblas_", only = { "blas/" } },
  { what = "knows OpenBLAS", pattern = "^LAPACKE?_", only = { "blas/" } },
  { what = "loads a library", pattern = "^dlopen$", only = { "blas/" } },
}

-- {"graph/walk" = {defines = {name..}, uses = {name..}}, ..}
local function read_objects(build)
  local objects = {}
  -- a preloaded sanitizer would watch nm as well
  local nm = assert(io.popen(("env -u LD_PRELOAD nm -A -g %s/obj/*/*.o"):format(build)))
  for line in nm:lines() do
    local unit, kind, name = line:match "/obj/(%l+/[^/:.]+)%.?[%w.]-%.o:%s*%x*%s+(%a)%s+(%S+)$"
    local source = unit and io.open("src/" .. unit .. ".c")
    if source then   -- else it is left over from a file that is gone
      source:close()
      objects[unit] = objects[unit] or { defines = {}, uses = {} }
      local names = kind:find "[Uvw]" and objects[unit].uses or objects[unit].defines
      names[#names + 1] = name
    end
  end
  nm:close()
  return objects
end

-- The words of a header, comments left out, that can be declarations: what stands before ( [ ; or
-- a comma, also when a macro makes the name, SET(max_pool)(..), ISA_DECLARE(void, micro, (..)).
local function declared_in(header)
  local names = {}
  local text = files.read(header):gsub("/%*.-%*/", " "):gsub("%u+%(([%w_]+)%)%s*%(", "%1(")
  for name in text:gmatch "([%a_][%w_]*)%s*%f[%(%[;,)]" do names[name] = true end
  return names
end

local function headers_of(unit, build)
  local headers = {}
  for header in files.read(("%s/obj/%s.d"):format(build, unit)):gmatch "src/%S-%.h%f[%s:]" do
    headers[header] = true
  end
  return headers
end

-- The number of a line of the unit's source that has the name, or 1.
local function line_of(path, name)
  local number = 0
  for line in io.lines(path) do
    number = number + 1
    if line:find("%f[%w_]" .. name .. "%f[^%w_]") then return number end
  end
  return 1
end

-- Is one of the places the unit, or the folder it is in?
local function is_among(unit, places)
  for _, place in ipairs(places) do
    if unit == place or place:find "/$" and unit:sub(1, #place) == place then return true end
  end
  return false
end

-- Tarjan's strongly connected components; the size of the largest, 0 if it is a single file.
local function largest_circle(nodes, edges)
  local index, low, on, stack, count, largest = {}, {}, {}, {}, 0, {}
  local function visit(node)
    count = count + 1
    index[node], low[node], on[node] = count, count, true
    stack[#stack + 1] = node
    for other in pairs(edges[node] or {}) do
      if not index[other] then
        visit(other)
        low[node] = math.min(low[node], low[other])
      elseif on[other] then
        low[node] = math.min(low[node], index[other])
      end
    end
    if low[node] < index[node] then return end
    local circle = {}
    repeat
      local member = table.remove(stack)
      on[member] = false
      circle[#circle + 1] = member
    until member == node
    if #circle > 1 and #circle > #largest then largest = circle end
  end
  for _, node in ipairs(nodes) do
    if not index[node] then visit(node) end
  end
  table.sort(largest)
  return largest
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- Reserved symbols that the unit uses and may not.
local function check_reserved(unit, name, breach)
  for _, row in ipairs(reserved) do
    local meant = row.pattern and name:find(row.pattern)
    for _, one in ipairs(row.names or {}) do meant = meant or one == name end
    if meant and not is_among(unit, row.only) then
      local path = ("src/%s.c"):format(unit)
      breach(path, line_of(path, name), ("%s is for src/%s: no other file %s"):format(name,
        table.concat(row.only, ", src/"), row.what))
    end
  end
end

-- The complaint about the use of `name`, which `home` defines, or nil.
local function complaint(unit, name, home, height, declares)
  local folder, other = unit:match "^%l+", home:match "^%l+"
  if height[other] > height[folder] then
    return ("%s links to %s of src/%s.c, which is above it"):format(folder, name, home)
  end
  local each = name:gsub("_baseline$", ""):gsub("_avx%d+$", ""):gsub("_neon$", "")
  for header in pairs(declares) do
    local words = (header:match "^src/(%l+)/" == other or header == public) and declares[header]
    if words and (words[name] or words[each]) then return nil end
  end
  return ("%s of src/%s.c is known by no header of src/%s that this file includes")
    :format(name, home, other)
end

local function print_circles(folders, units, edges, breach)
  for _, folder in ipairs(folders) do
    local nodes = {}
    for _, unit in ipairs(units) do
      if unit:match "^%l+" == folder then nodes[#nodes + 1] = unit end
    end
    local circle = largest_circle(nodes, edges)
    print(("  %-8s %2d files, largest circle %2d of at most %d%s%s"):format(folder, #nodes, #circle,
      circles[folder], #circle > 0 and ": " or "", table.concat(circle, " "):gsub("%l+/", "")))
    if #circle > circles[folder] then
      breach("src/" .. folder, 1, ("%d files need each other in a circle, at most %d may: %s")
        :format(#circle, circles[folder], table.concat(circle, " ")))
    elseif #circle < circles[folder] then
      print(("  lower the bound of %s in spec/support/floors_objects.lua to %d")
        :format(folder, #circle))
    end
  end
end

-- folders: the floors, lowest first; breach(path, line, text) notes a breach.
return function (folders, build, breach)
  local height = {}
  for i, name in ipairs(folders) do height[name] = i end
  local objects = read_objects(build)
  local units, home, words = sorted_keys(objects), {}, {}
  for unit, object in pairs(objects) do
    for _, name in ipairs(object.defines) do home[name] = unit end
  end
  local edges = {}
  for _, unit in ipairs(units) do
    edges[unit] = {}
    local declares, path = {}, ("src/%s.c"):format(unit)
    for header in pairs(headers_of(unit, build)) do
      words[header] = words[header] or declared_in(header)
      declares[header] = words[header]
    end
    for _, name in ipairs(objects[unit].uses) do
      local other = home[name]
      check_reserved(unit, name, breach)
      if other and other ~= unit then
        if other:match "^%l+" == unit:match "^%l+" then edges[unit][other] = true end
        local text = complaint(unit, name, other, height, declares)
        if text then breach(path, line_of(path, name), text) end
      end
    end
  end
  if #units == 0 then breach(build .. "/obj", 1, "has no objects: make builds them") end
  print_circles(folders, units, edges, breach)
end
