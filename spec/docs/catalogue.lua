-- What there is: every public name of the live modules, and the page, and the place on it, where it
-- is told. Nothing is listed by hand.

local core = require "lunula.core"
local declare = require "lunula.declare"
local html = require "spec.docs.html"

local catalogue = {}

local function is_called(value)
  local metatable = type(value) == "table" and getmetatable(value)
  return type(metatable) == "table" and metatable.__call ~= nil
end

-- Sequential is called in more ways than a class is, and has one behind it.
local function class_behind(value)
  local metatable = type(value) == "table" and getmetatable(value)
  local index = type(metatable) == "table" and rawget(metatable, "__index")
  return declare.is_class(index) and not declare.class_of(value) and index or value
end

-- A value that stands for itself, as tree.MAP_TO_NONE, has a name.
local function is_module(value)
  return type(value) == "table" and not declare.is_class(value) and not declare.class_of(value)
    and not is_called(value) and value ~= core.None and not (getmetatable(value) or {}).__name
end

local function sorted_names(module)
  local names = {}
  for name in pairs(module) do
    if type(name) == "string" and not name:find "^_" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- The modules below `module`, each { path = "ops.nn", value = …, names = { … } }.
local function walk(module, path, found)
  local here = { path = path, value = module, names = {}, inner = {} }
  found[#found + 1] = here
  for _, name in ipairs(sorted_names(module)) do
    if is_module(module[name]) then
      here.inner[#here.inner + 1] = name
      walk(module[name], path == "" and name or path .. "." .. name, found)
    else
      here.names[#here.names + 1] = name
    end
  end
  return found
end

function catalogue.page_of(module)
  return module == "" and "k.html" or module .. ".html"
end

-- Ops have a page each, and so have classes; the rest stands on the page of its module.
local function kind_of(module, value)
  if declare.is_class(value) then return "class" end
  local callable = type(value) == "function" or is_called(value)
  if module == "ops" and callable then return "op" end
  return callable and "function" or "value"
end

local function place(entry)
  if entry.kind == "class" then
    entry.page = (entry.module == "" and "k" or entry.module) .. "/" .. entry.name .. ".html"
  elseif entry.kind == "op" then
    entry.page = "ops/" .. entry.name .. ".html"
  else
    entry.page, entry.anchor = catalogue.page_of(entry.module), html.anchor(entry.name)
  end
  entry.href = entry.page .. (entry.anchor and "#" .. entry.anchor or "")
end

-- Is it what a class of its module does, as a function: hinge of Hinge?
local function is_function_of_class(entry, k)
  local module = k
  for name in entry.module:gmatch "[^.]+" do module = module[name] end
  for name, value in pairs(module) do
    if declare.is_class(value) and value.name == name
      and declare.snake_case(name) == entry.name then return true end
  end
  return false
end

-- The first home of a value wins: ops before all others, what is deepest before the facade; a class
-- stands where it goes by the name that the facade has, or else by its own; so does a function that
-- a class is, too.
local function rank(entry, k)
  if entry.module == "ops" then return "0" end
  local facade = class_behind(rawget(k, entry.name))
  local own = declare.is_class(entry.value) and (facade == entry.value and "a"
    or entry.value.name == entry.name and "b") or is_function_of_class(entry, k) and "b" or "c"
  return (entry.module == "" and "3" or entry.module == "backend" and "2" or "1") .. own
end

local function all_entries(modules)
  local entries = {}
  for _, module in ipairs(modules) do
    for _, name in ipairs(module.names) do
      local value = class_behind(module.value[name])
      entries[#entries + 1] = {
        module = module.path, name = name, value = value, kind = kind_of(module.path, value),
        full = "k." .. (module.path == "" and "" or module.path .. ".") .. name,
        order = #entries,
      }
    end
  end
  return entries
end

local function by_rank(entries, k)
  local ranked, rank_of = table.move(entries, 1, #entries, 1, {}), {}
  for _, entry in ipairs(entries) do rank_of[entry] = rank(entry, k) end
  table.sort(ranked, function (a, b)
    local x, y = rank_of[a], rank_of[b]
    if x ~= y then return x < y end
    return a.order < b.order
  end)
  return ranked
end

-- The activation "relu" is an object that calls the op of its name.
local function op_behind(entry, k)
  return entry.kind == "function" and core.catalogue(entry.name) and is_called(entry.value)
    and k.ops[entry.name]
end

-- { modules = …, entries = every name, primary = those with a place of their own, home = the entry
-- of a value }
function catalogue.gather(k)
  require "lunula.ops"
  local modules, home, primary = walk(k, "", {}), {}, {}
  local entries = all_entries(modules)
  for _, entry in ipairs(by_rank(entries, k)) do
    local first = home[entry.value] or home[op_behind(entry, k) or entry]
    if first and entry.kind ~= "value" then
      entry.home, entry.page, entry.anchor, entry.href = first, first.page, first.anchor, first.href
      first.also[#first.also + 1] = entry.full
    else
      place(entry)
      entry.home, entry.also = entry, {}
      if entry.kind ~= "value" then home[entry.value] = entry end
      primary[#primary + 1] = entry
    end
  end
  return { modules = modules, entries = entries, primary = primary, home = home }
end

-- hinge is what the class Hinge of its module does, as a function: that class, or nil.
function catalogue.class_of_function(all, entry)
  for _, other in ipairs(all.primary) do
    if other.kind == "class" and (other.module == entry.module or other.module == "losses")
      and declare.snake_case(other.value.name) == entry.name then return other end
  end
end

-- ---- what goes with what -----------------------------------------------------------------------

local function stems(name)
  local found = {}
  for word in declare.snake_case(name):gsub("%d+%a?$", ""):gmatch "%a+" do
    if #word > 2 then found[word] = true end
  end
  return found
end

-- Names of the same kind that share words with this one, the nearest first; at most eight.
function catalogue.see_also(all, entry)
  local mine, list = stems(entry.name), {}
  for _, other in ipairs(all.primary) do
    if other ~= entry and (other.kind == "class" or other.kind == "op") then
      local shared, total = 0, 0
      for word in pairs(stems(other.name)) do
        shared, total = shared + (mine[word] and 1 or 0), total + 1
      end
      if shared > 0 then
        local near = other.module == entry.module and 1 or 0
        list[#list + 1] = { entry = other, score = 2 * shared + near - total / 4 }
      end
    end
  end
  table.sort(list, function (a, b)
    if a.score ~= b.score then return a.score > b.score end
    return a.entry.full < b.entry.full
  end)
  local found = {}
  for i = 1, math.min(8, #list) do found[i] = list[i].entry end
  return found
end

return catalogue
