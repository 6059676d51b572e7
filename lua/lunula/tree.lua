-- keras.tree: tables within tables, and what is done with all their leaves. A leaf is whatever is
-- no plain table. Positions come first, then names by alphabet, as Python's dicts are walked.

local core = require "lunula.core"
local is_plain = require("lunula.declare").is_plain
local nest = require "lunula.utils.nest"

local tree = {}

local function function_of(name, f)
  if type(f) == "function" or type((getmetatable(f) or {}).__call) == "function" then return end
  core.raise("tree.%s: a function is wanted, got %s", name, type(f))
end

-- visit(leaf, path) in order; path is a list that grows and shrinks.
local function each(x, visit, path, depth)
  if not is_plain(x) then return visit(x, path) end
  depth = nest.deeper(depth)
  for _, key in ipairs(nest.keys(x)) do
    path[#path + 1] = key
    each(x[key], visit, path, depth)
    path[#path] = nil
  end
end

local function place(path)
  local words = {}
  for i, key in ipairs(path) do
    words[i] = (type(key) == "number" and "[%d]" or "[%q]"):format(key)
  end
  return #words == 0 and "the top" or table.concat(words)
end

local function same_keys(name, a, b, path)
  local keys, other = nest.keys(a), nest.keys(b)
  for i = 1, math.max(#keys, #other) do
    if keys[i] ~= other[i] then
      core.raise("tree.%s: structures differ at %s: %s beside %s", name, place(path),
        tostring(keys[i]), tostring(other[i]))
    end
  end
  return keys
end

-- f of the leaves of several structures, in the structure of the first one; `shallow`: where that
-- has a leaf, the others may have more.
local function map(name, f, structures, shallow, path, depth)
  local first = structures[1]
  if not is_plain(first) then
    for i = 2, #structures do
      if not shallow and is_plain(structures[i]) then
        core.raise("tree.%s: structures differ at %s: a leaf beside a table", name, place(path))
      end
    end
    return f(table.unpack(structures))
  end
  depth = nest.deeper(depth)
  for i = 2, #structures do
    if not is_plain(structures[i]) then
      core.raise("tree.%s: structures differ at %s: a table beside a leaf", name, place(path))
    end
    same_keys(name, first, structures[i], path)
  end
  local copy = {}
  for _, key in ipairs(nest.keys(first)) do
    local inner = {}
    for i, structure in ipairs(structures) do inner[i] = structure[key] end
    path[#path + 1] = key
    copy[key] = map(name, f, inner, shallow, path, depth)
    path[#path] = nil
  end
  return copy
end

tree.is_nested = is_plain

function tree.flatten(structure)
  local leaves = {}
  each(structure, function (leaf) leaves[#leaves + 1] = leaf end, {})
  return leaves
end

-- A list of { path, leaf }.
function tree.flatten_with_path(structure)
  local found = {}
  each(structure, function (leaf, path)
    found[#found + 1] = { table.move(path, 1, #path, 1, {}), leaf }
  end, {})
  return found
end

function tree.map_structure(f, ...)
  function_of("map_structure", f)
  if select("#", ...) == 0 then core.raise "tree.map_structure: give a structure at least" end
  return map("map_structure", f, { ... }, false, {})
end

function tree.map_structure_up_to(shallow, f, ...)
  function_of("map_structure_up_to", f)
  if select("#", ...) == 0 then core.raise "tree.map_structure_up_to: give a structure at least" end
  return map("map_structure_up_to", function (_, ...) return f(...) end, { shallow, ... }, true, {})
end

-- Keras's third argument asks whether Python's types are the same: here all are tables.
for _, name in ipairs { "assert_same_structure", "assert_same_paths" } do
  tree[name] = function (a, b)
    map(name, function () return true end, { a, b }, false, {})
  end
end

function tree.pack_sequence_as(structure, flat_sequence)
  local wanted = #tree.flatten(structure)
  if not is_plain(flat_sequence) or #flat_sequence ~= wanted then
    core.raise("tree.pack_sequence_as: the structure has %d leaves, got %s", wanted,
      is_plain(flat_sequence) and ("%d"):format(#flat_sequence) or type(flat_sequence))
  end
  local at = 0
  return map("pack_sequence_as", function ()
    at = at + 1
    return flat_sequence[at]
  end, { structure }, false, {})
end

-- What f answers to a structure or leaf stands in its place; where it answers nil, its parts are
-- asked. MAP_TO_NONE leaves the place empty.
tree.MAP_TO_NONE = setmetatable({}, { __name = "lunula.MAP_TO_NONE" })

local function traverse(f, x, top_down, depth)
  if not is_plain(x) then return f(x) end
  depth = nest.deeper(depth)
  local answer
  if top_down then
    answer = f(x)
    if answer ~= nil then return answer end
  end
  local copy = {}
  for _, key in ipairs(nest.keys(x)) do
    local inner = traverse(f, x[key], top_down, depth)
    if inner == nil then inner = x[key] end
    if inner ~= tree.MAP_TO_NONE then copy[key] = inner end
  end
  if not top_down then answer = f(copy) end
  if answer == nil then return copy end
  return answer
end

-- From the top unless top_down is false.
function tree.traverse(func, structure, top_down)
  function_of("traverse", func)
  local y = traverse(func, structure, top_down ~= false)
  if y == tree.MAP_TO_NONE then return nil end
  if y == nil then return structure end
  return y
end

-- There are no tuples: a copy, whose tables are its own.
function tree.lists_to_tuples(structure)
  return map("lists_to_tuples", function (leaf) return leaf end, { structure }, false, {})
end

-- A shape: a list of sizes, of which some may not be known.
local function is_shape(x)
  if not is_plain(x) then return false end
  for _, key in ipairs(nest.keys(x)) do
    local size = x[key]
    if type(key) ~= "number" or size and math.type(size) ~= "integer" then return false end
  end
  return true
end

local function map_shapes(f, x, depth)
  if is_shape(x) or not is_plain(x) then return f(x) end
  depth = nest.deeper(depth)
  local copy = {}
  for _, key in ipairs(nest.keys(x)) do copy[key] = map_shapes(f, x[key], depth) end
  return copy
end

function tree.map_shape_structure(func, structure)
  function_of("map_shape_structure", func)
  return map_shapes(func, structure)
end

return tree
