-- Ranks that meet, exchange numbers, and do not wait for one that has failed.

local job = require "rocks.mpi.spec.support.job"
local scratch = require "spec.support.scratch"

teardown(scratch.clear)

-- A job that ends with an error that says this. more: of the environment.
local function ends(ranks, script, wanted, more)
  local _, well, text = job.run(ranks, script, more)
  assert.is_false(well)
  assert.matches(wanted, text)
end

-- The same of one process, which has what a starter sets in the environment.
local function ends_alone(environment, script, wanted)
  scratch.write("alone.lua", script)
  local well, text = scratch.run(scratch.path "alone.lua", "env " .. environment)
  assert.is_false(well)
  assert.matches(wanted, text)
end

job.describe("ranks", function()
  it("are alone without mpirun, and nothing needs the rock", function()
    local results, well, text = job.run(1, [[
      say("%d of %d, %s", rank, size, table.concat(k.distribution.list_devices(), " "))
      say("%s %s", tostring(package.loaded["lunula.mpi"]), k.distribution.get_device_count())
      say("%s", select(2, pcall(k.distribution.initialize, { num_processes = 4 })))
    ]])
    assert(well, text)
    assert.matches("^0 of 1, cpu:0\nnil 1\n.*this process is alone: mpirun %-n 4 starts so many\n$",
      results[0])
  end)

  it("know each other, and what MPI gives", function()
    for _, count in ipairs { 2, 4 } do
      local results, well, text = job.run(count, [[
        local info = require("lunula.mpi").open()
        say("%d of %d, %d devices, %s, %s", rank, size, #k.distribution.list_devices(),
          info.threads, tostring(info.ours))
        k.distribution.initialize { num_processes = size, process_id = rank }
        say("%s", select(2, pcall(k.distribution.initialize, { num_processes = 9 })))
      ]])
      assert(well, text)
      for rank = 0, count - 1 do
        assert.matches(("^%d of %d, %d devices, %%l+, true\n.*num_processes is 9, but mpirun "
          .. "started %d"):format(rank, count, count, count), results[rank])
      end
    end
  end)

  it("share nothing before they are joined, and say so", function()
    ends_alone("PMI_RANK=0", [[
      local k = require "lunula"
      k.distribution.set_distribution(nil)
      k.distribution.set_distribution(k.distribution.DataParallel())
    ]], "alone.lua:3: set_distribution: .*call k.distribution.initialize%(%) before")
    assert(scratch.run(scratch.path "alone.lua"))
  end)

  it("are told where the rock is missing", function()
    ends_alone("PMI_RANK=0", [[
      for _, name in ipairs { "path", "cpath" } do
        package[name] = package[name]:gsub("[^;]*rocks/mpi[^;]*;?", "")
      end
      require "lunula".distribution.initialize()
    ]], "alone.lua:4: initialize: messages between processes .*luarocks install lunula%-mpi")
  end)

  it("are told when the mpirun is not that of their MPI", function()
    ends_alone("PMI_SIZE=4", [[
      local k = require "lunula"
      k.distribution.initialize()
    ]], "alone.lua:2: initialize: mpirun started 4 processes, but .* finds 1: ")
  end)

  it("exchange numbers and texts", function()
    local results, well, text = job.run(4, [[
      local mpi = require "lunula.mpi"
      local sums, most = mpi.reduce({ rank, 1 }), mpi.reduce({ rank, -rank }, "max")
      say("%g %g %g %g", sums[1], sums[2], most[1], most[2])
      say("%s", mpi.broadcast(rank == 2 and "from two" or nil, 2))
      say("%s", table.concat(mpi.gather(("x"):rep(rank) .. rank), ","))
      say("%s", mpi.barrier())
    ]])
    assert(well, text)
    for rank = 0, 3 do
      assert.equal("6 4 3 0\nfrom two\n0,x1,xx2,xxx3\ntrue\n", results[rank])
    end
  end)

  it("are told at their own line what cannot be", function()
    ends(2, [[
      local mpi = require "lunula.mpi"
      mpi.broadcast("text", 1 << 32)
    ]], "script.lua:2: lunula.mpi: there is no rank 4294967296\n")
    for _, call in ipairs { "mpi.reduce { 1 }", "mpi.fault()" } do
      ends(2, ([[
        local mpi = require "lunula.mpi"
        require("lunula.mpi.core").leave()
        %s
      ]]):format(call), "script.lua:3: lunula.mpi: open%(%) was not called, or MPI has ended\n")
    end
  end)

  it("hear of the failure of another one where they wait", function()
    ends(4, [[
      local mpi = require "lunula.mpi"
      if rank == 2 then mpi.tell "the disk is full" error "the disk is full" end
      mpi.barrier()
    ]], "script.lua:%d+: rank 2 of 4: the disk is full")
  end)

  it("hear of the end of another one", function()
    ends(2, [[
      if rank == 1 then os.exit(0, true) end
      require("lunula.mpi").barrier()
    ]], "script.lua:%d+: rank 1 of 2 has come to its end, while rank 0 waits")
  end)

  it("do not wait for one that never comes", function()
    ends(4, [[
      local mpi = require "lunula.mpi"
      mpi.barrier()
      if rank == 3 then while true do end end
      mpi.reduce { 1 }
    ]], "rank 3 of 4 did not come within 4 seconds", "LUNULA_MPI_TIMEOUT=4")
  end)

  it("are told of a time to wait that is none", function()
    ends(2, "", "script.lua:1: lunula.mpi: LUNULA_MPI_TIMEOUT must be a number of seconds",
      "LUNULA_MPI_TIMEOUT=soon")
  end)

  it("end when one of them is killed", function()
    ends(2, [[
      if rank == 1 then os.execute "kill -9 $PPID" end
      require("lunula.mpi").barrier()
    ]], "rank 1")
  end)
end)

job.describe("a host that has started MPI", function()
  it("keeps it", function()
    local program = scratch.path "host"
    local flags = "$(pkg-config --cflags --libs lua5.4 mpi-c) -Wl,-E"
    if not os.execute(("cc -o %s rocks/mpi/spec/support/host.c %s 2>/dev/null"):format(program,
      flags)) then
      return pending "without a compiler, or Lua's or MPI's headers"
    end
    local results, well, text = job.run(2, [[
      local info = require("lunula.mpi").open()
      say("%s %s", tostring(info.ours), info.threads)
      local m = k.Sequential { k.Input { shape = { 2 } }, k.layers.Dense(1) }
      m:compile { optimizer = "sgd", loss = "mse" }
      m:fit(k.ops.ones { 8, 2 }, k.ops.ones { 8, 1 }, { batch_size = 4, verbose = 0 })
      say("%s", sums(m))
    ]], nil, program)
    assert(well, text)
    assert.equal(2, select(2, text:gsub("the host has 2 ranks", "")))
    assert.matches("^false serialized\n", results[0])
    assert.equal(results[0], results[1])
  end)
end)
