-- Groups that are one loop (src/ops/merged.c): the same bits as op by op, of numbers where
-- rounding, NaN and the signs of zeros show it, also where results lie beside what they replace.

local core = require "lunula.core"
local k = require "lunula"
local scratch = require "spec.support.scratch"

local ops = k.ops
local nan, inf = 0 / 0, math.huge
local odd = { 0, -0.0, 1, -1, nan, inf, -inf, 1e-40, 1e-30, -3.3333333, 1e30, 6.5 }

-- n numbers, of which the first are odd; squares are not negative.
local function numbers(n, turn, square)
  local list = {}
  for i = 1, n do
    local odd_one = odd[(i * turn) % #odd + 1]
    list[i] = i <= 300 and odd_one or math.sin(i * turn) * 2 ^ (i % 9 - 4)
    if square then list[i] = math.abs(list[i]) end
  end
  return core.tensor(list)
end

-- A step as a function of gradient and gate, and the variables that it changes.
local function stepper(make, n, passes)
  local optimizer = make()
  local w = core.variable { value = numbers(n, 1), name = "w" }
  optimizer:build { w }
  local slots = optimizer.slot_of[w]
  slots.momentum:assign(numbers(n, 5))
  slots.velocity:assign(numbers(n, 7, true))
  local f = core.trace({ { shape = { n } }, { shape = {}, dtype = "bool" } }, function (g, gate)
    optimizer:step_along({ g }, { w }, gate)
    return g + 0
  end)
  f:passes(passes)
  return f, { w, slots.momentum, slots.velocity }
end

local function bits(y)
  return ops.where(ops.isnan(y), nan, y):tobytes()
end

local optimizers = {
  Adam = function () return k.optimizers.Adam { learning_rate = 0.1 } end,
  ["Adam of other constants"] = function ()
    return k.optimizers.Adam { beta_1 = 0.3, beta_2 = 0.7, epsilon = 1e-3 }
  end,
  AdamW = function () return k.optimizers.AdamW { weight_decay = 0.1 } end,
  ["Adam with the largest"] = function () return k.optimizers.Adam { amsgrad = true } end,
  Nadam = function () return k.optimizers.Nadam() end,
}

describe("a group that is one loop", function ()
  local threads = k.threads()
  after_each(function () k.threads(threads) end)
  teardown(scratch.clear)

  for name, make in pairs(optimizers) do
    it("gives the bits of its ops: " .. name, function ()
      for _, n in ipairs { 1, 15, 700, 5000 } do
        for _, passes in ipairs { "", "-reuse" } do   -- in place of the old values, and beside
          local f, all = stepper(make, n, passes)
          local strips, wanted = stepper(make, n, "-pair")
          for turn, open in ipairs { false, true, true, false } do
            k.threads(turn % 2 + 1)
            local g, gate = numbers(n, 2 + turn), core.tensor(open)
            f(g, gate)
            strips(g, gate)
            for i, variable in ipairs(all) do
              assert.is_true(bits(variable.value) == bits(wanted[i].value),
                ("%d numbers, step %d, %s"):format(n, turn, variable.name))
            end
          end
        end
      end
    end)
  end

  -- What the profile of a training says of its steps.
  local function profile(optimizer, env)
    scratch.write("train.lua", ([[
      local k = require "lunula"
      local m = k.Sequential { k.Input { shape = { 20 } }, k.layers.Dense { 30 } }
      m:compile { optimizer = %s, loss = "mse" }
      m:fit(k.random.normal { 8, 20 }, k.random.normal { 8, 30 }, { verbose = 0 })
    ]]):format(optimizer))
    local before = "env LUNULA_DEBUG=profile " .. (env or "")
    local _, text = scratch.run(scratch.path "train.lua", before)
    return text
  end

  it("is found in the steps of a training", function ()
    local decaying = "k.optimizers.AdamW { weight_decay = 0.01 }"
    for _, optimizer in ipairs { '"adam"', '"adamw"', decaying } do
      assert.matches("one loop", profile(optimizer))
    end
    assert.not_matches("one loop", profile('"adam"', "LUNULA_PASSES=-pair"))
    assert.not_matches("one loop", profile '"sgd"')
  end)
end)
