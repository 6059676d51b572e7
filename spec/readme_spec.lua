-- The README tells the truth: its example runs as it stands, its table is the catalogue.

local readme = require "spec.support.readme"

describe("the README", function()
  it("has an example of fifteen lines that runs", function()
    local code = readme.example()
    local lines = 0
    for line in code:gmatch "[^\n]*\n" do
      if line:find "%S" then lines = lines + 1 end
    end
    assert.is_true(lines <= 15, lines)
    local said
    local env = setmetatable({ print = function(y) said = y end }, { __index = _G })
    assert(load(code, "@readme.lua", "t", env))()
    assert.is_true(said:get(1, 1) > 0.8, tostring(said))
    assert.is_true(said:get(2, 1) < 0.2, tostring(said))
  end)

  it("lists what there is (lua5.4 spec/support/readme.lua writes the list)", function()
    assert.equal(readme.table(), readme.current())
  end)
end)
