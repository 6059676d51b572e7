-- Who computes which rows, of tensors, iterators and datasets, and where results come together.

local job = require "rocks.mpi.spec.support.job"
local scratch = require "spec.support.scratch"

teardown(scratch.clear)

local net = [[
k.set_random_seed(3)
local x, y, w = k.random.normal { 45, 4 }, k.random.normal { 45, 1 }, k.random.uniform { 45 }
local function net()
  k.set_random_seed(7)
  local m = k.Sequential { k.Input { shape = { 4 } }, k.layers.Dense { 8, activation = "tanh" },
    k.layers.Dense { 1 } }
  m:compile { optimizer = k.optimizers.Adam { 0.01 }, loss = "mse", metrics = { "mae" } }
  return m
end
local function tell(m, history)
  say("%s; %.5f %.5f", sums(m), history.history.loss[#history.epoch],
    history.history.mae[#history.epoch])
end
]]

job.describe("predict", function()
  it("gives the whole result on all ranks", function()
    job.as_one([[
      local L = k.layers
      k.set_random_seed(2)
      local x = k.random.normal { 45, 4 }
      local a, b = k.Input { shape = { 4 } }, nil
      b = L.Dense { 3 }(a)
      local m = k.Model { inputs = a, outputs = { b, L.Dense { 2, activation = "softmax" }(b) } }
      local ways = { { batch_size = 7 }, { batch_size = 64 }, { batch_size = 10, steps = 2 } }
      for _, o in ipairs(ways) do
        local p, q = m:predict(x, o)
        say("%s %s %.5f %.5f", tostring(p.shape), tostring(q.shape),
          k.ops.sum(p * k.ops.reshape(k.ops.arange(p.shape[1]), { -1, 1 })):item(),
          k.ops.sum(q[p.shape[1] - 1] * q[2]):item())
      end
      say("%s", tostring(m:predict(x[1]:reshape { 1, 4 }).shape))
      say("%s", tostring(m:predict_on_batch(x).shape))
      local calls = 0
      m:predict(x, { batch_size = 7, callbacks = { k.callbacks.LambdaCallback {
        on_predict_batch_end = function() calls = calls + 1 end } } })
      say("%d batches", calls)
      local one = k.Sequential { k.Input { shape = { 4 } },
        L.Dense { 1, kernel_initializer = "ones" } }
      for _ = 1, 3 do say("%.5f", k.ops.sum(one:predict(x)):item()) end
      local function batches()
        local n = 0
        return function() n = n + 1 if n < 4 then return x end end
      end
      local whole = one:predict(batches)
      say("%s %.5f", tostring(whole.shape), k.ops.sum(whole):item())
    ]])
  end)
end)

job.describe("iterators and datasets", function()
  it("give whole batches, of which each rank takes its rows", function()
    job.as_one(net .. [[
      local m = net()
      local function batches()
        local n = 0
        return function()
          n = n + 1
          if n < 4 then return x:totable(), y, w end
        end
      end
      tell(m, m:fit(batches, { epochs = 2, verbose = 0 }))
      m = net()
      tell(m, m:fit(k.data.from(x, y, w):shuffle(20):batch(13), { epochs = 2, verbose = 0,
        validation_data = k.data.from(x, y):batch(10) }))
      m = net()
      local Rows = k.utils.PyDataset "Rows" {
        len = function() return 5 end,
        get_item = function(_, index)
          local from = index * 9
          return k.ops.slice(x, { from, 0 }, { 9, 4 }), k.ops.slice(y, { from, 0 }, { 9, 1 })
        end,
      }
      tell(m, m:fit(Rows {}, { epochs = 2, verbose = 0 }))
      say("%.5f %.5f", m:evaluate(Rows {}))
    ]])
  end)

  it("that are sharded give each rank its own", function()
    job.as_one(net .. [[
      local m = net()
      local part = k.data.from(x, y):shard(size, rank):batch(16 // size)
      tell(m, m:fit(part, { epochs = 2, verbose = 0 }))
      local function mine(t) return k.data.from(t):shard(size, rank) end
      m = net()
      tell(m, m:fit(k.data.zip(mine(x), mine(y)):batch(16 // size), { epochs = 2, verbose = 0 }))
      local few, rest = k.utils.split_dataset(part:unbatch():take(40 // size),
        { left_size = 32 // size })
      m = net()
      tell(m, m:fit(few:batch(8 // size), { epochs = 1, verbose = 0,
        validation_data = rest:batch(4 // size) }))
      m = net()
      k.distribution.set_distribution(k.distribution.DataParallel { auto_shard_dataset = false })
      local function mine()
        local at = rank - size
        return function()
          at = at + size
          if at < 40 then return x[at + 1]:reshape { 1, 4 }, y[at + 1]:reshape { 1, 1 } end
        end
      end
      local function all()
        local at = -4
        return function()
          at = at + 4
          if at >= 40 then return nil end
          return k.ops.slice(x, { at, 0 }, { 4, 4 }), k.ops.slice(y, { at, 0 }, { 4, 1 })
        end
      end
      if size == 2 then return tell(m, m:fit(k.data.from(all):unbatch():shard(2, rank):batch(2),
        { epochs = 2, verbose = 0 })) end
      tell(m, m:fit(size == 1 and all or mine, { epochs = 2, verbose = 0 }))
    ]])
  end)

  it("may be shorter on some ranks, when they are sharded", function()
    local results, well, text = job.run(4, net .. [[
      local m = net()
      local few = k.data.from(x, y):take(9):shard(size, rank):batch(1)
      tell(m, m:fit(few, { epochs = 2, verbose = 0 }))
    ]])
    assert(well, text)
    for rank = 0, 3 do assert.equal(results[0], results[rank]) end
  end)

  it("that were shorter on a rank leave its next rows counting", function()
    local results, well, text = job.run(2, [[
      k.distribution.set_distribution(k.distribution.DataParallel { auto_shard_dataset = false })
      local m = k.Sequential { k.Input { shape = { 1 } },
        k.layers.Dense { 1, kernel_initializer = "zeros" } }
      m:compile { optimizer = k.optimizers.SGD { 0.0 }, loss = "mse" }
      local x, y = k.ops.zeros { 4, 1 }, k.ops.zeros { 4, 1 } + rank + 1
      for _, steps in ipairs { 9, 4 } do                   -- beyond the end, and just there
        m:fit(k.data.from(x, y):take(4 - rank):batch(1), { steps_per_epoch = steps, verbose = 0 })
        say("%.5f", m:train_on_batch(x, y))
      end
    ]])
    assert(well, text)
    for rank = 0, 1 do assert.equal("2.50000\n2.50000\n", results[rank]) end
  end)
end)

job.describe("set_distribution", function()
  it("can be taken back", function()
    job.as_one(net .. [[
      k.distribution.set_distribution(nil)
      say("%s", tostring(k.distribution.distribution()))
      local m = net()
      tell(m, m:fit(x, y, { batch_size = 1, epochs = 1, verbose = 0 }))
      k.distribution.set_distribution(k.distribution.DataParallel())
      k.set_random_seed(9)                      -- the order of rows differs from that before
      tell(m, m:fit(x, y, { batch_size = 15, epochs = 2, verbose = 0 }))
      if rank == 0 then
        k.distribution.set_distribution(nil)
        m:fit(x, y, { batch_size = 15, epochs = 1, verbose = 0 })      -- without the others
        k.distribution.set_distribution(k.distribution.DataParallel())
      end
      m:set_weights(net():get_weights())
      say("%.5f %.5f", m:evaluate(x, y))
      say("%s", select(2, pcall(k.distribution.set_distribution, 3)))
      say("%s", select(2, pcall(k.distribution.DataParallel, { device_mesh = 1 })))
      say("%s", select(2, pcall(k.distribution.ModelParallel)))
    ]])
  end)
end)
