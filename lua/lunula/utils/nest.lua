-- Structures of tensors: a tensor, a list of them, a table of them by name, or such within such.
--
-- Names are walked by alphabet, lists first, so that every walk has the same order. A table of
-- numbers is not a structure but data: a tensor that was written down.

local core = require "lunula.core"
local declare = require "lunula.declare"

local nest = {}

local deepest = 100   -- a structure deeper than this holds itself

-- Numbers or booleans, nested: what core.tensor would take. A list of masks may begin with `false`,
-- where the first input has none; so booleans are data only among their like.
function nest.is_data(x)
  local first = x
  for _ = 0, deepest do
    if not declare.is_plain(first) then break end
    x, first = first, first[1]
  end
  if type(first) == "number" then return declare.is_plain(x) end
  if type(first) ~= "boolean" or not declare.is_plain(x) then return false end
  for _, value in ipairs(x) do
    if type(value) ~= "boolean" then return false end
  end
  return true
end

-- Strings, nested. As data of a model; elsewhere they are names, a structure of them.
function nest.is_texts(x)
  for _ = 0, deepest do
    if not declare.is_plain(x) then break end
    x = x[1]
  end
  return type(x) == "string"
end

function nest.is_structure(x)
  return declare.is_plain(x) and not nest.is_data(x)
end

-- The keys of a structure: positions, then names by alphabet.
function nest.keys(structure)
  local keys, names = {}, {}
  for i = 1, #structure do keys[i] = i end
  for key in pairs(structure) do
    if type(key) == "string" then names[#names + 1] = key end
  end
  table.sort(names)
  return table.move(names, 1, #names, #keys + 1, keys)
end

-- One level further down than `depth` (nil: the top), which has an end.
function nest.deeper(depth)
  depth = (depth or 0) + 1
  if depth > deepest then
    core.raise("a structure nested deeper than %d levels; does a table hold itself?", deepest)
  end
  return depth
end

-- visit(leaf) for every leaf, in order.
function nest.each(x, visit, depth)
  if not nest.is_structure(x) then return visit(x) end
  depth = nest.deeper(depth)
  for _, key in ipairs(nest.keys(x)) do nest.each(x[key], visit, depth) end
end

-- The same structure with change(leaf) in place of every leaf; what it answers must not be nil.
function nest.map(x, change, depth)
  if not nest.is_structure(x) then return change(x) end
  depth = nest.deeper(depth)
  local copy = {}
  for _, key in ipairs(nest.keys(x)) do copy[key] = nest.map(x[key], change, depth) end
  return copy
end

-- A shape, or shapes, as Lua has them: an unknown size is `false`.
function nest.shape(x)
  if x == core.None then return false end
  if type(x) ~= "table" then return x end
  local shape = {}
  for key, size in pairs(x) do shape[key] = nest.shape(size) end
  return shape
end

function nest.flatten(x)
  local leaves = {}
  nest.each(x, function (leaf) leaves[#leaves + 1] = leaf end)
  return leaves
end

-- Structures within a structure?
function nest.is_nested(x)
  if not nest.is_structure(x) then return false end
  for _, inner in pairs(x) do
    if nest.is_structure(inner) then return true end
  end
  return false
end

-- How a structure is written, with text(leaf) for every leaf.
function nest.text(x, text)
  if not nest.is_structure(x) then return text(x) end
  local words = {}
  for i, key in ipairs(nest.keys(x)) do
    local inner = nest.text(x[key], text)
    words[i] = type(key) == "number" and inner or key .. " = " .. inner
  end
  return "{ " .. table.concat(words, ", ") .. " }"
end

-- visit(leaf, place) for the leaves of x that stand where the leaves of `pattern` do, in that
-- order. Where x has not that structure, returns the place, such as ["a"][2].
function nest.each_as(pattern, x, visit, place)
  place = place or ""
  if not nest.is_structure(pattern) then return visit(x, place) end
  if not declare.is_plain(x) then return place end
  local keys = nest.keys(pattern)
  for _, key in ipairs(keys) do
    local inner = place .. (type(key) == "number" and "[%d]" or '["%s"]'):format(key)
    if x[key] == nil then return inner end
    local differs = nest.each_as(pattern[key], x[key], visit, inner)
    if differs then return differs end
  end
  if #nest.keys(x) > #keys then return place end
end

return nest
