-- Every public name of Keras is here, or stands in spec/support/names_missing.txt with its reason.

local live_names = require "spec.support.live_names"

local path = "spec/support/names_missing.txt"

-- The lines of the file, each with its reason: a pattern of Lua for names, and whether its names
-- are refused.
local function read_missing()
  local rows, reason = {}, nil
  for line in io.lines(path) do
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

local rows = read_missing()

local function row_of(name)
  for _, row in ipairs(rows) do
    if name:find(row.pattern) then return row end
  end
end

-- What a name that is refused says when it is asked for, or called.
local function refusal(name)
  local owner, key, is_method = live_names.split(name)
  local ok, message = pcall(function ()
    local value = owner[key]
    return is_method and value(owner) or value()
  end)
  return not ok and message or nil
end

describe("the public names of Keras", function ()
  local missing, there = {}, {}
  for name in io.lines "spec/golden/names.txt" do
    local row = row_of(name)
    if row then row.count = row.count + 1 end
    if row and row.refused then
      it("are refused with a word: " .. name, function ()
        local message = refusal(name)
        assert.is_string(message)
        assert.is_truthy(message:find(name:match "[%w_]+$", 1, true), message)
      end)
    elseif live_names.has(name) then
      if row then there[#there + 1] = name end
    elseif not row then
      missing[#missing + 1] = name
    end
  end

  it("are all here, save those with a reason", function ()
    assert.equal("", table.concat(missing, " "))
  end)

  it("that stand in the list are not here", function ()
    assert.equal("", table.concat(there, " "))
  end)

  it("are the only ones in the list", function ()
    local strange = {}
    for _, row in ipairs(rows) do
      if row.count == 0 then strange[#strange + 1] = row.text end
    end
    assert.equal("", table.concat(strange, " "))
  end)
end)
