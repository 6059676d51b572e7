-- Reads names_missing.txt: which of Keras's names are not here, and why.

local names_missing = {}

-- The lines of the file, each with its reason: a pattern of Lua for names, and whether its names
-- are refused.
function names_missing.read()
  local rows, reason = {}, nil
  for line in io.lines "spec/support/names_missing.txt" do
    local text = line:match "^%s*(.-)%s*$"
    if text ~= "" and not line:find "^#" then
      if line:find "^%S" then
        reason = text
      else
        local pattern = "^" .. text:gsub("[%.%-]", "%%%0"):gsub("%*", ".*") .. "$"
        rows[#rows + 1] = { text = text, pattern = pattern, reason = reason, count = 0,
          refused = reason:find "^refused" ~= nil }
      end
    end
  end
  return rows
end

-- The row that a name falls under, or nil.
function names_missing.row_of(rows, name)
  for _, row in ipairs(rows) do
    if name:find(row.pattern) then return row end
  end
end

return names_missing
