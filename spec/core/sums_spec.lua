-- Sums over processes, as far as one process shows them; rocks/mpi/spec has the rest.

local core = require "lunula.core"
local k = require "lunula"
local scratch = require "spec.support.scratch"

teardown(scratch.clear)

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

  it("begin as soon as they can, and are waited for behind all else, before updates", function()
    scratch.write("order.lua", [[
      local core, k = require "lunula.core", require "lunula"
      local v = core.variable { value = k.zeros { 8, 8 }, name = "v" }
      local call = core.trace({ { shape = { 8, 8 }, dtype = "float32" } }, function(x)
        local a = k.ops.matmul(x, x)
        local b = k.ops.matmul(a, x)
        local one, two = core.sums_begin({ a }, false), core.sums_begin({ b }, false)
        v:assign(v - core.sums_end(one, { a }, false))
        v:assign(v - core.sums_end(two, { b }, false))
        v:assign(v - core.sums_end(core.sums_begin({ x }, false), { x }, false))
      end)
      call(k.zeros { 8, 8 })
    ]])
    local _, text = scratch.run(scratch.path "order.lua", "env LUNULA_DEBUG=plan")
    local steps = {}
    for names in text:match("%-%- steps.*"):gmatch "\n +%d+ ([%l_ ]+):" do
      steps[#steps + 1] = names
    end
    assert.equal("matmul sum_begin matmul sum_begin sum_begin sum_end sum_end sum_end "
      .. "subtract subtract subtract", table.concat(steps, " "))
  end)

  it("are an error where one process runs, and spoil no later loop", function()
    local x, number = core.tensor({ 2 }, "float32"), core.tensor(0, "int32")
    for _ = 1, 3 do
      assert.error_at_line(function() core.sums_end(number, { x }, false) end,
        "this step sums over processes, and runs in one")
      assert.error_at_line(function() core.sums_begin({ x }, false) end,
        "this step sums over processes, and runs in one")
    end
    local y = core.scan(function(s) return { s[1] * 2 } end, { x }, {}, { length = 3 })[1]
    assert.same({ 16 }, y:totable())
  end)

  it("keep their order with other threads, whatever runs at the same time", function()
    scratch.write("abreast.lua", [[
      local core, k = require "lunula.core", require "lunula"
      core.threads(tonumber(os.getenv "N"))
      core.trace({ { shape = { 1 }, dtype = "float32" } }, function(x)
        local function loop(y)
          return core.scan(function(s) return { k.ops.tanh(s[1] * 0.5 + x) } end, { y }, {},
            { length = 1000 })[1]
        end
        local a = core.sums_begin({ loop(x) }, false)
        local b = core.sums_begin({ x * 3 }, false)
        return loop(core.sums_end(b, { x }, false)) + core.sums_end(a, { x }, false)
      end):memory {}
    ]])
    local steps = {}
    for n = 1, 2 do
      local _, text = scratch.run(scratch.path "abreast.lua", "env LUNULA_DEBUG=plan N=" .. n)
      local names = {}
      for name in text:match(".*%-%- steps(.*)"):gmatch "\n +%d+ ([%l_ ]+)" do
        names[#names + 1] = name
      end
      steps[n] = table.concat(names, " ")
    end
    assert.matches("scan.*sum_begin.*sum_begin.*scan", steps[1])
    assert.equal(steps[1], steps[2])
  end)
end)
