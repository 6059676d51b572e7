-- Two hosts, with a network between them: network namespaces, where the system allows them.

local job = require "rocks.mpi.spec.support.job"
local scratch = require "spec.support.scratch"

local tool = "rocks/mpi/spec/support/hosts.sh"
local name = "lu" .. os.time() % 100000

local function hosts(what)
  return os.execute(("%s %s %s >/dev/null 2>&1"):format(tool, what, name))
end

-- The name of the two, or nil where there can be none, or no Open MPI, whose options these are.
local there
local function made()
  if there == nil then
    there = os.execute "mpirun --version 2>/dev/null | grep -q 'Open MPI'"
      and os.execute "command -v ip >/dev/null" and hosts "up" or false
  end
  return there
end

teardown(function()
  hosts "down"
  scratch.clear()
end)

local script = [[
k.set_random_seed(rank)
local x, y = k.random.normal({ 60, 4 }, { seed = 1 }), k.random.normal({ 60, 1 }, { seed = 2 })
k.set_random_seed(3)
local m = k.Sequential { k.Input { shape = { 4 } }, k.layers.Dense { 8, activation = "tanh" },
  k.layers.Dense(1) }
m:compile { optimizer = k.optimizers.Adam { 0.01 }, loss = "mse" }
]]

describe("two hosts", function()
  it("train as one process does", function()
    if not made() then return pending "network namespaces are not allowed here" end
    local fit = script .. [[
      local h = m:fit(x, y, { batch_size = 20, epochs = 4, verbose = 0 })
      say("%s; %.5f", sums(m), h.history.loss[4])
    ]]
    local alone = job.run(1, fit)
    local results, well, text = job.run(2, [[
      local info = require("lunula.mpi").open()
      io.stderr:write(("rank %d is on %s\n"):format(rank, info.host)) -- all at once
    ]] .. fit, nil, nil, ("%s run %s"):format(tool, name))
    assert(well, text)
    for rank = 0, 1 do
      job.same(alone[0], results[rank], 1e-5)
      local said = ("rank %d is on %s-%d"):format(rank, name, rank + 1)
      assert.is_truthy(text:find(said, 1, true), text)
    end
  end)

  it("end when a rank on one of them is killed", function()
    if not made() then return pending "network namespaces are not allowed here" end
    local _, well, text = job.run(2, script .. [[
      m:fit(x, y, { batch_size = 20, epochs = 9, verbose = 0, callbacks = {
        k.callbacks.LambdaCallback { on_epoch_end = function(epoch)
          if epoch == 5 and rank == 1 then os.execute "kill -9 $PPID" end
        end } } })
    ]], nil, nil, ("%s run %s"):format(tool, name))
    assert.is_false(well)
    assert.matches("rank 1", text)
  end)
end)
