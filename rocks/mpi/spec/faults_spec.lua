-- What goes wrong on one rank ends all, with a message that names it.

local job = require "rocks.mpi.spec.support.job"
local scratch = require "spec.support.scratch"

teardown(scratch.clear)

local net = [[
k.set_random_seed(3)
local x = k.random.normal { rows, 6 }
local y = k.ops.cast(k.random.uniform { rows, 1 } * 3, "int32")
local last = k.ops.equal(k.ops.reshape(k.ops.arange(rows), { rows, 1 }), rows - 1)
local m = k.Sequential { k.Input { shape = { 6 } }, k.layers.Dense { units, activation = "relu" },
  k.layers.Dense { 3 } }
m:compile { optimizer = "adam",
  loss = k.losses.SparseCategoricalCrossentropy { from_logits = true }, metrics = { "accuracy" } }
local function fit(more, callbacks)
  local o = { batch_size = 20, epochs = 6, verbose = 0, shuffle = false, callbacks = callbacks }
  for name, value in pairs(more or {}) do o[name] = value end
  return m:fit(x, y, o)
end
local function at(epoch, of, what)
  return { k.callbacks.LambdaCallback { on_epoch_end = function(now)
    if now == epoch and rank == of then what() end
  end } }
end
local function batches(count, each)   -- an iterator for each epoch
  return function()
    local n = 0
    return function()
      n = n + 1
      if each then each(n) end
      if n <= count then return x, y end
    end
  end
end
]]

-- The line of the script where such a text begins.
local FIRST <const> = 3 + select(2, net:gsub("\n", ""))

local function script(text, setting)
  return ("local rows, units = %s\n"):format(setting or "100, 8") .. net .. text
end

-- With 2 and 4 ranks, of which the last is the bad one. more: of the environment.
local function each(text, setting, check, more)
  for _, count in ipairs { 2, 4 } do
    check(count, job.run(count, ("local bad = %d\n"):format(count - 1) .. script(text, setting),
      more))
  end
end

-- All end with an error that says this, on a line of the script.
local function ends(text, setting, ...)
  local wanted = { ... }
  each(text, setting, function(count, _, well, printed)
    assert.is_false(well)
    for _, words in ipairs(wanted) do
      words = words:gsub("BAD", count - 1):gsub("SIZE", count)
      assert.is_truthy(printed:find(words, 1, true), words .. " is not in\n" .. printed)
    end
    assert.matches("script.lua:%d+:", printed)
  end)
end

job.describe("a fault on one rank", function()
  it("in a callback is raised by all", function()
    ends([[fit({}, at(2, bad, function() error "no good" end))]], nil,
      ("script.lua:%d: rank BAD of SIZE: "):format(FIRST),
      ("script.lua:%d: no good"):format(FIRST))
  end)

  it("that kills it is named by mpirun", function()
    each([[fit({}, at(2, bad, function() os.execute "kill -9 $PPID" end))]], nil,
      function(count, _, well, printed)
        assert.is_false(well)
        assert.is_truthy(printed:find("rank " .. count - 1, 1, true), printed)
      end)
  end)

  it("that ends its script is told", function()
    ends([[if rank == bad then os.exit(0, true) end fit()]], nil,
      "rank BAD of SIZE has come to its end, while rank ")
    ends([[if rank == bad then error "a line before" end fit()]], nil,
      "a line before", "rank BAD of SIZE has come to its end")
  end)

  it("that never comes is named", function()
    each([[fit({}, at(1, bad, function() while true do end end))]], nil,
      function(count, _, well, printed)
        assert.is_false(well)
        assert.is_truthy(printed:find(("rank %d of %d did not come within 4 seconds"):format(
          count - 1, count), 1, true), printed)
      end, "LUNULA_MPI_TIMEOUT=4")
  end)

  it("in a label is raised by all", function()
    ends([[if rank == bad then y = k.ops.where(last, 7, y) end fit()]], nil,
      "sample 100 has the class 7", "rank BAD of SIZE: ")
  end)

  it("in an epoch of its own data ends all", function()
    ends([[
      local function disk(n)
        if n == 3 and rank == bad then error "the disk is gone" end
      end
      m:fit(batches(5, disk), { epochs = 2, verbose = 0 })]], nil, "the disk is gone",
      "rank BAD of SIZE: ")
  end)

  it("that is caught is raised by every step that follows", function()
    each([[
      m:train_on_batch(x, y)
      local mpi = require "lunula.mpi"
      pcall(mpi.barrier)   -- who is still in it may hear of the fault there
      if rank == bad then mpi.tell "no good" end
      for _ = 1, 20 do
        local ok, problem = pcall(m.train_on_batch, m, x, y)
        say("%s", ok or problem)
      end
    ]], nil, function(count, results, well, printed)
      assert(well, printed)
      for rank = 0, count - 1 do
        local words = ("script.lua:%%d+: rank %d[^\n]*no good"):format(count - 1)
        assert.equal(20, select(2, results[rank]:gsub(words, "")), results[rank])
      end
    end)
  end)

  it("that ended MPI is an error of the next step", function()
    each([[
      m:train_on_batch(x, y)
      require("lunula.mpi.core").leave()
      say("%s", select(2, pcall(m.train_on_batch, m, x, y)))
    ]], nil, function(count, results, well, printed)
      assert(well, printed)
      for rank = 0, count - 1 do assert.matches("script.lua:%d+: MPI has ended", results[rank]) end
    end)
  end)

  it("that makes the loss NaN is the same for all", function()
    ends([[if rank == bad then x = k.ops.where(last, 0 / 0, x) end fit()]], nil,
      "the loss is not a finite number at batch 5 of epoch 1")
    each([[
      if rank == bad then x = k.ops.where(last, 0 / 0, x) end
      local h = fit({}, { k.callbacks.TerminateOnNaN {} })
      say("%d %s", #h.epoch, sums(m))
    ]], nil, function(count, results, well, printed)
      assert(well, printed)
      for rank = 0, count - 1 do
        assert.matches("^1 %-?%d", results[rank])
        assert.equal(results[0], results[rank])
      end
      assert.equal(1, select(2, printed:gsub("Invalid loss", "")))
    end)
  end)

  it("that stops its training stops that of all", function()
    each([[
      local h = fit({}, at(2, bad, function() m.stop_training = true end))
      say("%d %s", #h.epoch, sums(m))
    ]], nil, function(count, results, well, printed)
      assert(well, printed)
      for rank = 0, count - 1 do assert.matches("^3 ", results[rank]) end
    end)
  end)
end)

job.describe("what must be the same on all ranks", function()
  it("is the model", function()
    ends("fit()", "100, rank == bad and 9 or 8", "must be the same on all ranks", "(6, 8)",
      "rank BAD has", "(6, 9)")
  end)

  it("is the data", function()
    for _, call in ipairs { "fit()", "m:evaluate(x, y)", "m:predict(x)" } do
      ends(call, "rank == bad and 99 or 100, 8",
        "the data must be the same on all ranks; rank 0 has 100 samples",
        "rank BAD has 99 samples")
    end
    ends("if rank == bad then x = x + 1 end fit()", nil,
      "the first samples (k.set_random_seed comes before what is drawn) must be the same")
  end)

  it("is what fit is told", function()
    ends("fit { epochs = rank == bad and 7 or 6 }", nil,
      "the options of fit must be the same on all ranks; rank 0 has epochs = 6, rank BAD has "
        .. "epochs = 7")
    ends("fit { shuffle = rank == bad }", nil,
      "rank 0 has shuffle = false, rank BAD has shuffle = true")
  end)

  it("is how many batches an iterator gives", function()
    ends("m:fit(batches(rank == bad and 3 or 5), { epochs = 2, verbose = 0 })", nil,
      "the data must be the same on all ranks")
  end)

  it("is the script", function()
    ends([[
      if rank == bad then m:predict(x) else fit() end]], nil, "rank ")
  end)
end)
