-- Training that goes on: a model that is loaded in another process, and a fit that was killed, end
-- with the same bytes as one that nobody disturbed.

local k = require "lunula"
local going_on = require "spec.support.going_on"
local scratch = require "spec.support.scratch"

local script = "spec/support/going_on_run.lua"

-- The files are compared whole: weights, optimizer, metrics, counters, config.
local function same_files(name, a, b)
  assert(scratch.read(a) == scratch.read(b), name .. ": the files differ")
end

describe("a model that is loaded", function ()
  setup(function ()
    local ok, text = scratch.run(("%s train %s"):format(script, scratch.path()))
    assert(ok, text)
    ok, text = scratch.run(("%s go_on %s"):format(script, scratch.path()))
    assert(ok, text)
  end)
  teardown(scratch.clear)

  for _, name in ipairs(going_on.names) do
    if not going_on.cases[name].callbacks then
      it("goes on as if nothing had happened: " .. name, function ()
        same_files(name, name .. ".whole.safetensors", name .. ".parts.safetensors")
      end)
    end
  end
end)

describe("a fit that was killed", function ()
  teardown(scratch.clear)

  local function fit(name, freq, kill)
    local command = ("%s fit %s %s %s"):format(script, scratch.path(), name, freq)
    if not kill then return scratch.run(command) end
    return scratch.run(command .. " $$ " .. kill, "exec")
  end

  local function check(name, freq, kill, epochs)
    scratch.clear()
    local ok, text = fit(name, freq)
    assert(ok, text)
    assert.equal("0 1 2 3 4\n", text)
    assert.is_nil(require "lunula.core".file_kind(scratch.path "backup"))
    os.rename(scratch.path "end.safetensors", scratch.path "whole.safetensors")
    assert.is_false((fit(name, freq, kill)))
    ok, text = fit(name, freq)
    assert(ok, text)
    assert.equal(epochs, text)
    same_files(name, "whole.safetensors", "end.safetensors")
  end

  it("goes on in the epoch it was in", function () check("dropout", "epoch", "3 2", "3 4\n") end)
  it("goes on at the batch it was at", function () check("dropout", 4, "3 5", "3 4\n") end)
  it("goes on with its metrics", function () check("metrics", 5, "2 4", "2 3 4\n") end)
  it("goes on with its optimizers and its own metric", function ()
    check("optimizers", 5, "2 4", "2 3 4\n")
  end)
  it("goes on with its states", function () check("stateful", 1, "2 4", "2 3 4\n") end)
  it("goes on with what callbacks know", function ()
    check("plateau", "epoch", "3 1", "3 4\n")
    check("plateau", 3, "3 5", "3 4\n")
  end)
  it("begins anew before the first backup", function ()
    check("Adam", "epoch", "0 2", "0 1 2 3 4\n")
  end)
end)

describe("a fit", function ()
  before_each(function () k.set_random_seed(3) end)

  it("in two parts is the same as in one", function ()
    local case = going_on.cases.dropout
    local whole = going_on.model(case)
    going_on.fit(whole, case, 0, 4)
    local parts = going_on.model(case)
    going_on.fit(parts, case, 0, 2)
    going_on.fit(parts, case, 2, 4)
    for i, weight in ipairs(whole:get_weights()) do
      assert.same(weight:totable(), parts:get_weights()[i]:totable())
    end
  end)

  it("from the first epoch has orders of its own", function ()
    local model = going_on.model(going_on.cases.SGD)
    going_on.fit(model, going_on.cases.SGD, 0, 1)
    local first = model._fit_position.seed
    going_on.fit(model, going_on.cases.SGD, 0, 1)
    assert.not_equal(first, model._fit_position.seed)
  end)
end)

describe("training by batches", function ()
  teardown(scratch.clear)

  for _, name in ipairs { "classes", "metrics" } do
    it("goes on after loading, in its metrics too: " .. name, function ()
      local case = going_on.cases[name]
      local model = going_on.model(case)
      local x, y = going_on.data(case)
      local path = scratch.path "model.safetensors"
      model:train_on_batch(x, y)
      model:save(path)
      local wanted = { model:train_on_batch(x, y) }
      local copy = k.models.load_model(path)
      assert.same(wanted, { copy:train_on_batch(x, y) })
      assert.same({ model:test_on_batch(x, y) }, { copy:test_on_batch(x, y) })
    end)
  end
end)
