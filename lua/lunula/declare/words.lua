-- Words of messages: names in another spelling, the name that was probably meant, values as they
-- would be written in Lua.

local words = {}

-- Keras's rule, irregular as it is: PReLU -> p_re_lu, Conv1DTranspose -> conv1d_transpose.
function words.snake_case(name)
  name = name:gsub("[^%w_]", ""):gsub("(.)(%u%l+)", "%1_%2"):gsub("(%l)(%u)", "%1_%2")
  return name:lower()
end

-- Edits (insert, delete, replace, swap of neighbours) that turn a into b.
function words.distance(a, b)
  local before, row = nil, {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local next_row = { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, next_row[j - 1] + 1, row[j - 1] + cost)
      if before and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      next_row[j] = best
    end
    before, row = row, next_row
  end
  return row[#b]
end

-- The word of the list that was probably meant, or nil.
function words.nearest(name, list)
  local function plain(word) return word:lower():gsub("_", "") end
  name = tostring(name)
  if #name > 60 then return nil end
  local wanted, best, least, spelled = plain(name), nil, math.huge, nil
  for _, word in ipairs(list) do
    word = tostring(word)
    local d = words.distance(wanted, plain(word))
    local as_written = d <= least and words.distance(name, word)
    if d < least or d == least and (as_written < spelled or as_written == spelled and word < best)
    then
      best, least, spelled = word, d, as_written
    end
  end
  if best and least < #wanted and least <= math.max(1, math.min(#wanted, #best) // 3) then
    return best
  end
end

-- The words that a name is a part of, in quotes, where those are few: the crossentropies.
local function longer(name, list)
  local found, seen = {}, {}
  for _, word in ipairs(list) do
    word = tostring(word)
    if #name >= 4 and word:lower():find(name:lower(), 1, true) and not seen[word] then
      found[#found + 1], seen[word] = ('"%s"'):format(word), true
    end
  end
  table.sort(found)
  return #found <= 6 and found or {}
end

-- ` (did you mean "units"?)`, or the empty text.
function words.suggestion(name, list)
  local best = words.nearest(name, list)
  if best then return (' (did you mean "%s"?)'):format(best) end
  local found = longer(tostring(name), list)
  local last = table.remove(found)
  if not last then return "" end
  local before = #found > 0 and table.concat(found, ", ") .. " or " or ""
  return (" (did you mean %s%s?)"):format(before, last)
end

-- How many elements a list has, those that are nil among them: since Lua 5.5 #{nil, 3} is 0.
function words.length(list)
  local n = rawlen(list)
  local most = n + 1000   -- nobody writes so many nil
  for key in next, list, n > 0 and n or nil do
    if math.type(key) == "integer" and key > n and key <= most then n = key end
  end
  return n
end

-- A value as it would be written in Lua, cut short: for error texts and tostring.
function words.show(value, depth)
  depth = depth or 2
  if type(value) == "string" then
    return ('"%s"'):format(#value > 60 and value:sub(1, 60) .. "…" or value)
  end
  if math.type(value) == "float" and value % 1 == 0 and math.abs(value) < 1e15 then
    return ("%.1f"):format(value)
  elseif math.type(value) == "float" then
    return ("%.6g"):format(value)
  end
  if type(value) ~= "table" or getmetatable(value) and getmetatable(value).__tostring then
    return tostring(value)
  end
  if depth == 0 then return "{...}" end
  local parts, count = {}, words.length(value)
  for i = 1, math.min(count, 8) do parts[i] = words.show(value[i], depth - 1) end
  if count > 8 then parts[#parts + 1] = "..." end
  local names = {}
  for key in pairs(value) do
    if type(key) == "string" then names[#names + 1] = key end
  end
  table.sort(names)
  for _, key in ipairs(names) do
    parts[#parts + 1] = key .. "=" .. words.show(value[key], depth - 1)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

return words
