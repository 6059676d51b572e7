-- Strings and hashes. What they should be is said by plain Lua, where it is not a number that
-- FarmHash's own tests have.

local from = require "spec.support.ops_inputs"
local exact = from.exact

local words = { "", "fox", "a", "the", "the fox" }
local keys = { 7, -3, 5000000000 }

local function strings(data, shape) return exact(data, { dtype = "string", shape = shape }) end
local function wide(data, shape) return exact(data, { dtype = "int64", shape = shape }) end

-- The tables as the ops take them: bytes and ends; slots as the ops make them, found once.
local bytes, ends, size = {}, {}, 0
for i, word in ipairs(words) do
  for _, byte in ipairs { word:byte(1, -1) } do bytes[#bytes + 1] = byte end
  size = size + #word
  ends[i] = size
end
bytes = exact(bytes, { dtype = "uint8" })
ends = exact(ends, { dtype = "int32" })

local function slots_by(name, ...)
  local core, list = require "lunula.core", {}
  for i, input in ipairs { ... } do list[i] = from.tensor(input) end
  return exact(core.ops[name](table.unpack(list)):totable(), { dtype = "int32" })
end
local word_slots = slots_by("string_slots", bytes, ends)
local key_slots = slots_by("integer_slots", wide(keys))

-- Each of the numbers 0 to n - 1 is in one of 2^k slots, half of them free.
local function checks_slots(n, given)
  return function ()
    local list, seen = table.move(given.data, 1, #given.data, 1, {}), 0
    for _, slot in ipairs(list) do if slot >= 0 then seen = seen + 1 end end
    assert(seen == n and #list >= 2 * n, "slots are missing")
    return list
  end
end

local function place_in(list)
  return function (data)
    local places = {}
    for i, x in ipairs(data[1]) do
      places[i] = -1
      for k, known in ipairs(list) do if known == x then places[i] = k - 1 end end
    end
    return places
  end
end

-- The words of a text, changed and split by Lua's patterns.
local function split(text)
  local list = {}
  for word in text:lower():gsub("%p", ""):gmatch "%S+" do list[#list + 1] = word end
  return list
end

local function grams(text, widths)
  local list, all = split(text), {}
  for _, width in ipairs(widths) do
    for i = 1, #list - width + 1 do all[#all + 1] = table.concat(list, " ", i, i + width - 1) end
  end
  return all
end

local texts = strings { "The fox, a FOX!", "", "- a -\tthe\nfox \u{e9}t\u{e9}", "what?" }
local place = place_in(words)

local function numbered(widths, length)
  return function (data)
    local y = {}
    for _, text in ipairs(data[1]) do
      local list = place { grams(text, widths) }
      for i = 1, length do y[#y + 1] = list[i] or -2 end
    end
    return y
  end
end

local function counted(widths)
  return function (data)
    local y = {}
    for _, text in ipairs(data[1]) do
      local row = { 0, 0, 0, 0, 0, 0 }
      for _, at in ipairs(place { grams(text, widths) }) do row[at + 2] = row[at + 2] + 1 end
      table.move(row, 1, #row, #y + 1, y)
    end
    return y
  end
end

local function lengths(data)
  local y = {}
  for i, text in ipairs(data[1]) do y[i] = #grams(text, { 1, 2 }) end
  return y
end

return {
  { "string_slots", { bytes, ends }, ref = checks_slots(#words, word_slots), batches = false },
  { "integer_slots", { wide(keys) }, ref = checks_slots(#keys, key_slots), batches = false },
  { "find_string", { strings { "the", "fo", "", "the fox" }, bytes, ends, word_slots },
    free = { { 0 } }, ref = place },
  { "find_string", { strings({ "a", "fox", "the", "" }, { 2, 2 }), bytes, ends, word_slots },
    { strict = true }, free = { { 0 } }, ref = place },
  { "find_integer", { wide { -3, 0, 5000000000, 7 }, wide(keys), key_slots }, free = { { 0 } },
    ref = place_in(keys) },
  { "fingerprint", { strings { "", "a" } }, free = { { 0 } },
    ref = function () return { 0x9ae16a3b2f90404f, 0xb3454265b6df75e3 } end },
  { "fingerprint", { wide { 12, -7 } }, { salt = { 1, 2 } }, free = { { 0 } },
    ref = function ()
      local core = require "lunula.core"
      return core.ops.fingerprint(core.tensor { "12", "-7" }, { salt = { 1, 2 } }):totable()
    end },
  { "fingerprint_join", { wide { 3, 4 }, wide { 5, 6 } }, free = { { 0 }, { 0 } },
    ref = function ()   -- the mixing of two words, as Keras's HashedCrossing has it
      local function mix(x) return x ~ x >> 47 end
      local y, factor = {}, 0xc6a4a7935bd1e995
      for i, pair in ipairs { { 3, 5 }, { 4, 6 } } do
        local x = ((pair[1] ~ factor) ~ mix(pair[2] * factor) * factor) * factor
        y[i] = mix(mix(x) * factor)
      end
      return y
    end },
  { "hash_bin", { wide { -1, 10, 0, -8 } }, { bins = 9 }, free = { { 0 } },
    ref = function (data)
      local y = {}
      for i, x in ipairs(data[1]) do y[i] = ((x >> 1) % 9 * 2 + (x & 1)) % 9 end
      return y
    end },
  { "hash_bin", { wide { -1, 10, 0, -8 } }, { bins = 9, whole = true }, free = { { 0 } },
    ref = function (data)
      local y = {}
      for i, x in ipairs(data[1]) do y[i] = x % 9 end
      return y
    end },
  { "text_lengths", { texts }, { change = 3, split = 1, widths = { 1, 2 } }, free = { { 0 } },
    ref = lengths },
  { "text_numbers", { texts, bytes, ends, word_slots },
    { change = 3, split = 1, widths = { 1, 2 }, length = 4 }, free = { { 0 } },
    ref = numbered({ 1, 2 }, 4) },
  { "text_numbers", { strings { "fox", "Fox" }, bytes, ends, word_slots },
    { change = 0, split = 0, widths = { 1 }, length = 2 }, free = { { 0 } },
    ref = function () return { 1, -2, -1, -2 } end },
  { "text_numbers", { strings { "a\u{e9}a", "\xffa" }, bytes, ends, word_slots },
    { change = 1, split = 2, widths = { 1 }, length = 4 }, free = { { 0 } },
    ref = function () return { 2, -1, 2, -2, -1, 2, -2, -2 } end },
  { "text_counts", { texts, bytes, ends, word_slots },
    { change = 3, split = 1, widths = { 1, 2 } }, free = { { 0 } }, ref = counted { 1, 2 } },
}
