-- Sums over processes, as far as one process shows them; rocks/mpi/spec has the rest.

local core = require "lunula.core"
local k = require "lunula"

describe("sums over processes", function()
  it("are an error in a process that is alone", function()
    local x = k.tensor { 1, 2 }
    assert.error_at_line(function() core.sums_begin({ x }, false) end,
      "this step sums over processes, and runs in one")
  end)

  it("check what they are given when they are traced", function()
    local spec = { { shape = { 2, 2 }, dtype = "float32" } }
    assert.error_at_line(function()
      core.trace(spec, function(x) return core.sums_begin({ x, x }, true) end)
    end, "nothing to sum, or no number as its weight")
    assert.error_at_line(function() core.sums_begin({}, false) end, "sums: 0 values")
  end)

  it("stay in the plan, each for itself, before all updates", function()
    local v = core.variable { value = k.tensor { 1, 2 }, name = "v" }
    local call = core.trace({ { shape = { 2 }, dtype = "float32" } }, function(x)
      local begun = core.sums_begin({ x * 2 }, false)
      local again = core.sums_begin({ x * 2 }, false)
      local a, b = core.sums_end(begun, { x }, false), core.sums_end(again, { x }, false)
      v:assign(a + b)
    end)
    local text = call:describe()
    assert.equal(2, select(2, text:gsub("sum_begin", "")))
    assert.error_at_line(function() call(k.tensor { 1, 2 }) end,
      "this step sums over processes, and runs in one")
    assert.near_all(v.value, { 1, 2 }, 0)
  end)
end)
