-- Which tensor of a file belongs to which variable of a model.
--
-- Names are compared as they are. Where they differ for no better reason than that layers were
-- named automatically, dense_3 here and dense there, the numbers count by their order; and a name
-- that all tensors of a file begin with (the model's own, in Keras's paths) may be left out.

local tools = require "lunula.ops.tools"

local matching = {}

local shape_text = tools.shape_text

local function parts_of(name)
  local parts = {}
  for part in (name .. "/"):gmatch "(.-)/" do parts[#parts + 1] = part end
  return parts
end

-- "dense_3" -> "dense", 3, where "dense" is a name that layers get automatically
local function counted(part, bases)
  if bases[part] then return part, 0 end
  local base, number = part:match "^(.*)_(%d+)$"
  if base and bases[base] then return base, tonumber(number) end
end

-- Names with the place among their like in the place of automatic numbers: name -> other name.
local function ranked(names, bases)
  local lists, prefix = {}, {}
  local deepest = 0
  for i, name in ipairs(names) do
    lists[i], prefix[i] = parts_of(name), ""
    deepest = math.max(deepest, #lists[i])
  end
  for level = 1, deepest do
    local numbers = {}                      -- prefix and base -> the numbers there
    for i, parts in ipairs(lists) do
      local base, number = counted(parts[level] or "", bases)
      if base and level < #parts then
        local key = prefix[i] .. base
        numbers[key] = numbers[key] or {}
        numbers[key][number] = true
      end
    end
    local rank = {}
    for key, set in pairs(numbers) do
      local sorted = {}
      for number in pairs(set) do sorted[#sorted + 1] = number end
      table.sort(sorted)
      rank[key] = {}
      for place, number in ipairs(sorted) do rank[key][number] = place end
    end
    for i, parts in ipairs(lists) do
      local part = parts[level]
      if part then
        local base, number = counted(part, bases)
        if base and level < #parts then part = base .. "#" .. rank[prefix[i] .. base][number] end
        prefix[i] = prefix[i] .. part .. (level < #parts and "/" or "")
      end
    end
  end
  return prefix
end

-- The names without the first part, when it is the same for all.
local function without_first(names)
  local first, rest = nil, {}
  for i, name in ipairs(names) do
    local part, tail = name:match "^(.-)/(.+/.+)$"
    if not part or first and part ~= first then return nil end
    first, rest[i] = part, tail
  end
  return rest
end

-- wanted key -> name of the file, for keys of both lists that are equal.
local function join(wanted, wanted_keys, given, given_keys)
  local by_key, found, count = {}, {}, 0
  for i, name in ipairs(given) do by_key[given_keys[i]] = name end
  for i, name in ipairs(wanted) do
    found[name] = by_key[wanted_keys[i]]
    if found[name] then count = count + 1 end
  end
  return found, count
end

-- wanted name -> name in the file. wanted, given: lists of names; bases: set of automatic names.
-- Other names are tried only when the plain ones do not all fit; what finds most is taken.
function matching.names(wanted, given, bases)
  local best, most = join(wanted, wanted, given, given)
  local tail = without_first(given)
  local tries = { { wanted, tail }, { ranked(wanted, bases), ranked(given, bases) },
    tail and { ranked(wanted, bases), ranked(tail, bases) } }
  for _, try in ipairs(tries) do
    if most == #wanted then break end
    local found, count = nil, 0
    if try[2] then found, count = join(wanted, try[1], given, try[2]) end
    if count > most then best, most = found, count end
  end
  return best
end

-- ---- what does not fit -------------------------------------------------------------------------

local most_told = 12

local function told(heading, list)
  if #list == 0 then return "" end
  local words = table.move(list, 1, math.min(#list, most_told), 1, {})
  if #list > most_told then words[#words + 1] = ("and %d more"):format(#list - most_told) end
  return ("\n  %s: %s"):format(heading, table.concat(words, ", "))
end

-- What a user is told of three lists, of words each.
function matching.complaint(missing, unexpected, differing)
  return told("missing in the file", missing) .. told("in the file only", unexpected)
    .. told("of another shape", differing)
end

-- Do the numbers of one type go into a variable of another? Sizes of numbers may differ, the kind
-- may not.
local kind = {
  float32 = "float", float64 = "float", float16 = "float", bfloat16 = "float", int8 = "int",
  uint8 = "int", int32 = "int", int64 = "int", bool = "bool",
}

-- "dense/kernel is (3, 4) here and (3, 5) in the file", or nil when it fits.
function matching.difference(name, variable, shape, dtype)
  local here, there = shape_text(variable.shape), shape_text(shape)
  if here ~= there then return ("%s is %s here and %s in the file"):format(name, here, there) end
  if kind[dtype] ~= kind[variable.dtype] then
    return ("%s is %s here and %s in the file"):format(name, variable.dtype, dtype)
  end
end

return matching
