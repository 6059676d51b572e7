-- Whole trainings against real Keras's: logs of each epoch and the final weights
-- (spec/golden/trajectories.jsonl, recorded by spec/golden/recorder/trajectories.py).

local core = require "lunula.core"
local trajectories = require "spec.support.trajectories"

local function check(what, wanted, got)
  assert.equal(#wanted, #got, what)
  for i, number in ipairs(wanted) do
    local difference = math.abs(number - got[i])
    assert.truthy(difference <= 2e-4 * math.max(1, math.abs(number)),
      ("%s[%d]: Keras has %g, we %g"):format(what, i, number, got[i]))
  end
end

describe("a training as in Keras:", function ()
  local count = 0
  for line in io.lines "spec/golden/trajectories.jsonl" do
    local case = core.json_read(line, core.None)
    count = count + 1
    it(case.name, function ()
      local logs, weights = trajectories.run(case)
      for name, values in pairs(case.logs) do
        assert.truthy(logs[name], "no log " .. name)
        check(name, values, logs[name])
      end
      for name in pairs(logs) do assert.truthy(case.logs[name], "a log too many, " .. name) end
      check("weights", case.weights, weights)
    end)
  end

  it("all are there", function () assert.truthy(count >= 120) end)
end)
