-- Every public name of Keras is here, or stands in spec/support/names_missing.txt with its reason.

local live_names = require "spec.support.live_names"
local names_missing = require "spec.support.names_missing"

local rows = names_missing.read()

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
    local row = names_missing.row_of(rows, name)
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
