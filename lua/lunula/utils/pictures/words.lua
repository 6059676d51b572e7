-- Text in pictures: how wide it is, and how it is written in XML.

local words = {}

-- Widths of the letters of Helvetica and Arial, in thousandths of their size; the letters of one
-- line are all of the width that follows.
local widths, groups = {}, {
  { 222, "ijl'|" }, { 278, "ft ,./:;!I[]\\" }, { 333, "r()-`" }, { 389, "*" }, { 500, "cksvxyz" },
  { 556, "abdeghnopqu0123456789_$?#L" }, { 584, "+<=>~^" }, { 611, "FTZ" },
  { 667, "ABEKPSVXY&" }, { 722, "CDHNRUw" }, { 778, "GOQ" }, { 833, "Mm" }, { 889, "%" },
  { 944, "W" }, { 1015, "@" },
}
for _, group in ipairs(groups) do
  for letter in group[2]:gmatch "." do widths[letter] = group[1] end
end

local ROOM <const> = 1.15   -- fonts that stand in for Helvetica are somewhat wider

-- Text that is no UTF-8, or has bytes that XML does not allow, as question marks.
local function clean(text)
  text = tostring(text):gsub("[%z\1-\8\11\12\14-\31]", "?")
  if not utf8.len(text) then text = text:gsub("[\128-\255]", "?") end
  return text
end

-- In units of a picture, at a size of font.
function words.width(text, size, bold)
  local sum = 0
  for letter in clean(text):gmatch(utf8.charpattern) do
    sum = sum + (widths[letter] or (#letter == 3 and 1000 or 600))
  end
  return sum / 1000 * size * ROOM * (bold and 1.12 or 1)
end

-- At most so many letters: the middle of a longer text gives way.
function words.cut(text, most)
  text = clean(text)
  local length = utf8.len(text)
  if length <= most then return text end
  local before = most // 2
  local after = most - before - 1
  local tail = text:sub(utf8.offset(text, -after))
  return text:sub(1, utf8.offset(text, before + 1) - 1) .. "…" .. tail
end

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

function words.xml(text)
  return (clean(text):gsub('[&<>"]', entities))
end

-- A number of a picture: at most one place behind the point, written alike in every locale.
function words.number(x)
  local tenths = math.floor(x * 10 + 0.5)
  local sign = tenths < 0 and "-" or ""
  tenths = math.abs(tenths)
  if tenths % 10 == 0 then return ("%s%d"):format(sign, tenths // 10) end
  return ("%s%d.%d"):format(sign, tenths // 10, tenths % 10)
end

return words
