-- Calls with arguments of any type (see support/fuzz.lua). LUNULA_FUZZ_SEED and LUNULA_FUZZ_COUNT
-- choose others and more; LUNULA_FUZZ_CALL=n makes call n alone, and LUNULA_FUZZ_LOG names a file
-- that holds the line of the last call, for when it ends the process.

local core = require "lunula.core"
local cases = require "spec.support.ops_cases"
local fuzz = require "spec.support.fuzz"
local harness = require "spec.support.ops_harness"
require "lunula.ops"
local warn = require "lunula.utils.warn"

local seed = tonumber(os.getenv "LUNULA_FUZZ_SEED") or 1
local count = tonumber(os.getenv "LUNULA_FUZZ_COUNT") or 20000
local alone = tonumber(os.getenv "LUNULA_FUZZ_CALL")

-- Every line that is about to run goes into the file that the environment names.
local function log_to(path)
  local file = path and assert(io.open(path, "w"))
  return file and function (number, line)
    file:seek "set"
    file:write(number, "\n", line, "\n\n")
    file:flush()
  end
end

describe(("calls with any arguments, seed %d"):format(seed), function ()
  local log = log_to(os.getenv "LUNULA_FUZZ_LOG")
  local sink, limit = warn.sink, core.memory().limit
  setup(function ()
    warn.sink = function () end
    core.set_memory_limit(core.memory().live + (64 << 20)) -- what is too large is refused at once
  end)
  teardown(function ()
    warn.sink = sink
    core.set_memory_limit(limit)
  end)

  -- A fifth of the calls stand in a trace.
  for _, mode in ipairs { { "eager", 4, false }, { "traced", 1, true } } do
    local name, share, traced = table.unpack(mode)
    it(("end well or raise at their line: %s"):format(name), function ()
      local found = fuzz.run {
        seed = seed, first = alone, count = alone and 1 or count * share // 5, traced = traced,
        log = log,
      }
      assert.equal("", table.concat(found, "\n"))
    end)
  end

  it("end well where they are nearly right", function ()
    local found = {}
    for i = alone or 1, alone or count do
      if log then log(i, "a case that is nearly right") end
      local complaint = fuzz.near_case(cases, seed, i, function (case, inputs, specs)
        local tensors = harness.tensors(inputs)
        if not specs then return harness.call(case, tensors) end
        local f = core.trace(specs, function (...)
          return table.unpack(harness.call(case, { ... }))
        end)
        return f(table.unpack(tensors))
      end)
      if complaint then found[#found + 1] = ("call %d: %s"):format(i, complaint) end
    end
    assert.equal("", table.concat(found, "\n", 1, math.min(#found, 20)))
  end)

  it("would tell what is wrong", function ()
    assert.matches("not at the caller's line", fuzz.complaint 'return (error("here", 0))')
    assert.matches("mark of an error", fuzz.complaint "return (nil + 1)")
    assert.matches("takes too long", fuzz.complaint "return (function () while true do end end)()")
    assert.is_nil(fuzz.complaint "return (k.ops.sum(io.stdout))")
  end)
end)
