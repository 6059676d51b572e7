-- Where the process has a locale with a decimal comma, numbers are read and written as elsewhere.

local ask = require "spec.support.ask"
local comma = require "spec.support.comma"
local scratch = require "spec.support.scratch"

describe("a locale with a decimal comma", function()
  after_each(scratch.clear)

  -- What a script prints there.
  local function prints(wanted, script)
    if not comma.is_known() then return pending "this C library has locales of another kind" end
    assert.equal(wanted .. "\n", (ask(comma.settings(), comma.script .. script)))
  end

  it("leaves defaults of ops as they are written", function()
    prints("true", [[
      local k = require "lunula"
      print(k.ops.leaky_relu(k.tensor { -1.0 }):item() == k.tensor { -0.2 }:item())]])
  end)
end)
