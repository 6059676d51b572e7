-- One rank writes files, all read them; a fit that was broken off goes on, also with another number
-- of ranks.

local core = require "lunula.core"
local job = require "rocks.mpi.spec.support.job"
local scratch = require "spec.support.scratch"

teardown(scratch.clear)

local function script(text)
  return ("local folder = %q\n"):format(scratch.path()) .. text
end

local net = [[
local function net()
  k.set_random_seed(rank)
  local m = k.Sequential { k.Input { shape = { 4 } }, k.layers.Dense { 8, activation = "tanh" },
    k.layers.Dense { 1 } }
  k.set_random_seed(5)
  m:compile { optimizer = k.optimizers.Adam { 0.01 }, loss = "mse" }
  return m
end
k.set_random_seed(3)
local x, y = k.random.normal { 60, 4 }, k.random.normal { 60, 1 }
]]

job.describe("files of several ranks", function()
  it("are written by rank 0 and read by all", function()
    local results, well, text = job.run(4, script(net .. [[
      local m = net()
      m:fit(x, y, { batch_size = 20, epochs = 2, verbose = 0, callbacks = {
        k.callbacks.CSVLogger(folder .. "/log.csv"),
        k.callbacks.TensorBoard { folder .. "/board", update_freq = "batch" },
        k.callbacks.ModelCheckpoint(folder .. "/best.{epoch:02d}.safetensors") } })
      m:save(folder .. "/model.safetensors")
      local other = k.models.load_model(folder .. "/model.safetensors")
      say("%s", sums(other))
      m:save_weights(folder .. "/w.safetensors")
      other:set_weights(net():get_weights())
      other:load_weights(folder .. "/w.safetensors")
      say("%s", tostring(sums(m) == sums(other)))
      if rank == 0 then m:save(folder .. "/alone.safetensors") end
      say("%.5f", m:evaluate(x, y))
    ]]))
    assert(well, text)
    for rank = 0, 3 do
      assert.equal(results[0], results[rank])
      assert.matches("true\n", results[rank])
    end
    local _, lines = scratch.read "log.csv":gsub("\n", "")
    assert.equal(3, lines)
    assert.equal("file", core.file_kind(scratch.path "best.02.safetensors"))
    assert.equal("file", core.file_kind(scratch.path "alone.safetensors"))
  end)

  it("that hold a FeatureSpace are written by rank 0, too", function()
    local results, well, text = job.run(2, script [[
      local space = k.utils.FeatureSpace { features = { age = "float_normalized" } }
      space:adapt { age = { rank, rank + 2 } }
      local path = folder .. "/space.safetensors"
      if rank == 0 then os.execute "sleep 0.3" end
      space:save(path)
      say("%s", tostring(k.utils.FeatureSpace.load(path) { age = { 1 } }:item()))
      space:save(folder .. "/of" .. rank .. ".safetensors")
    ]])
    assert(well, text)
    assert.equal(results[0], results[1])
    assert.equal("file", core.file_kind(scratch.path "of0.safetensors"))
    assert.is_nil(core.file_kind(scratch.path "of1.safetensors"))
  end)

  it("are not the only thing that rank 0 alone tells: it draws the bars, too", function()
    local _, well, text = job.run(2, script(net .. [[
      local list = k.callbacks.CallbackList { { k.callbacks.ProgbarLogger {} }, epochs = 1,
        steps = 1, verbose = 2, model = net() }
      list:on_epoch_begin(0)
      list:on_train_batch_end(0, { loss = 1 })
      list:on_epoch_end(0, { loss = 1 })
      net():fit(x, y, { verbose = 2 })
    ]]))
    assert(well, text)
    assert.equal(2, select(2, text:gsub("loss: ", "")), text)
  end)

  it("are awaited, also after another set_distribution", function()
    local results, well, text = job.run(2, script(net .. [[
      local m = net()
      m:fit(x, y, { batch_size = 20, verbose = 0 })
      for _, name in ipairs { "/1.safetensors", "/2.safetensors" } do m:save(folder .. name) end
      k.models.load_model(folder .. "/2.safetensors")
      k.distribution.set_distribution(k.distribution.DataParallel())
      if rank == 0 then os.execute "sleep 0.3" end
      m:save(folder .. "/late.safetensors")
      say("%s", sums(k.models.load_model(folder .. "/late.safetensors")) == sums(m))
    ]]))
    assert(well, text)
    assert.equal("true\n", results[1])
  end)

  it("that cannot be written are told to all", function()
    local results, well, text = job.run(2, script(net .. [[
      local ok, problem = pcall(net().save, net(), folder .. "/no/model.safetensors")
      say("%s", ok or problem)
      say("%s", select(2, pcall(k.models.load_model, folder .. "/model.safetensors")))
    ]]))
    assert.is_string(text, well)
    assert.matches("there is no folder", results[0])
    assert.matches("rank 0 of 2: .*there is no folder", results[1])
  end)

  it("are read when the rank that wrote them has ended, or another one before", function()
    local results, well, text = job.run(3, script(net .. [[
      local m = net()
      if rank == 0 then os.execute "sleep 0.5" end
      m:save_weights(folder .. "/w.safetensors")
      if rank == 1 then
        os.execute "sleep 1"
        m:load_weights(folder .. "/w.safetensors")
        say "late"
      end
      m:save_weights(folder .. "/w.safetensors")
    ]]))
    assert(well, text)
    assert.equal("late\n", results[1])
    results, well, text = job.run(3, script(net .. [[
      local m = net()
      if rank == 0 then os.execute "sleep 1" end
      m:save_weights(folder .. "/late.safetensors")
      if rank == 1 then m:load_weights(folder .. "/late.safetensors") say "read" end
    ]]))
    assert(well, text)
    assert.equal("read\n", results[1])
  end)

  it("let a fit that was killed go on, with another number of ranks too", function()
    local fit = net .. [[
      local m = net()
      local h = m:fit(x, y, { batch_size = 20, epochs = 5, verbose = 0, callbacks = {
        k.callbacks.BackupAndRestore(folder .. "/backup"),
        k.callbacks.LambdaCallback { on_epoch_begin = function(epoch)
          if epoch == dies[1] and rank == dies[2] then os.execute "kill -9 $PPID" end
        end } } })
      say("%s; %.5f", sums(m), h.history.loss[#h.epoch])
    ]]
    local whole = job.run(1, script("local dies = {}\n" .. fit))
    for _, case in ipairs { { 2, 1, 4 }, { 4, 0, 2 }, { 4, 3, 1 } } do
      local first, dies, then_with = table.unpack(case)
      local _, well, text = job.run(first, script(("local dies = { 3, %d }\n"):format(dies) .. fit))
      assert.is_false(well, text)
      assert.matches("rank " .. dies, text)
      assert.equal("file", core.file_kind(scratch.path "backup/latest.safetensors"))
      local results, ended_well, printed = job.run(then_with, script("local dies = {}\n" .. fit))
      assert(ended_well, printed)
      for rank = 0, then_with - 1 do job.same(whole[0], results[rank], 1e-5) end
      assert.is_nil(core.file_kind(scratch.path "backup/latest.safetensors"))
    end
  end)

  it("that only some ranks see are an error before the fit goes on", function()
    local _, well, text = job.run(2, script(net .. [[
      local m = net()
      local where = folder .. (rank == 0 and "/seen" or "/unseen")
      local function fit()
        m:fit(x, y, { batch_size = 20, epochs = 3, verbose = 0, callbacks = {
          k.callbacks.BackupAndRestore { where, delete_checkpoint = false } } })
      end
      fit()
      fit()
    ]]))
    assert.is_false(well)
    assert.matches("where the fit goes on must be the same on all ranks; rank 0 has epoch 3, batch "
      .. "0, rank 1 has epoch 0, batch 0", text)
  end)
end)
