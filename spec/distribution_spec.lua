-- k.distribution in a process that is alone, where the rock lunula-mpi need not be there;
-- rocks/mpi/spec has what several ranks do.

local k = require "lunula"
local ranks = require "lunula.distribution.ranks"

local distribution = k.distribution

local function weights()
  k.set_random_seed(1)
  local model = k.Sequential { k.Input { shape = { 3 } }, k.layers.Dense(2) }
  model:compile { optimizer = "adam", loss = "mse" }
  model:fit(k.random.normal({ 20, 3 }, { seed = 2 }), k.zeros { 20, 2 }, { verbose = 0 })
  return model:get_weights()
end

describe("a process that is alone", function ()
  after_each(function () distribution.set_distribution(nil) end)

  it("is rank 0 of 1", function ()
    distribution.initialize()
    distribution.initialize { num_processes = 1, process_id = 0 }
    assert.same({ 0, 1 }, { distribution.rank(), distribution.size() })
    assert.same({ "cpu:0" }, { table.unpack(distribution.list_devices()) })
    assert.same({ 1, 0 }, { distribution.get_device_count(), distribution.get_device_count "gpu" })
  end)

  it("trains as it does without a distribution", function ()
    local wanted = weights()
    local parallel = distribution.DataParallel()
    distribution.set_distribution(parallel)
    assert.equal(parallel, distribution.distribution())
    for i, value in ipairs(weights()) do assert.is_true(value == wanted[i], i) end
  end)

  it("is told what it cannot be", function ()
    assert.error_at_line(function () distribution.initialize { num_processes = 4 } end,
      "num_processes is 4, and this process is alone: mpirun -n 4 starts so many")
    assert.error_at_line(function () distribution.initialize { process_id = 1 } end,
      "process_id is 1, but this process is 0")
    assert.error_at_line(function () distribution.initialize { job_addresses = "a,b" } end,
      "job_addresses cannot be said")
    assert.error_at_line(function () distribution.set_distribution "data" end,
      "set_distribution takes k.distribution.DataParallel()")
    assert.error_at_line(function () distribution.list_devices "npu" end,
      'device_type must be "cpu", "gpu" or "tpu", got "npu"')
    assert.error_at_line(function () distribution.list_devices { devicetype = "gpu" } end,
      'list_devices: unknown option "devicetype" (did you mean "device_type"?)')
    assert.error_at_line(function () distribution.list_devices { "cpu", "gpu" } end,
      'list_devices: unknown option "2"; it takes device_type')
    assert.error_at_line(function () distribution.get_device_count "npu" end,
      'get_device_count: device_type must be "cpu", "gpu" or "tpu", got "npu"')
    assert.error_at_line(function () distribution.get_device_count { kind = "gpu" } end,
      'get_device_count: unknown option "kind"; it takes device_type')
  end)

  it("has the devices of a kind", function ()
    for _, kind in ipairs { "gpu", { "gpu" }, { device_type = "gpu" } } do
      assert.equal(0, #distribution.list_devices(kind))
    end
    for _, kind in ipairs { "cpu", { "cpu" }, { device_type = k.None }, k.None } do
      assert.equal(1, distribution.get_device_count(kind))
    end
  end)

  it("would join the rows of any number of ranks", function ()
    local shared_batches = require "lunula.trainers.shared_batches"
    local row = k.tensor { { 1, 2 } }
    local rows = {}
    for i = 1, 300 do rows[i] = row:tobytes() end
    ranks.here = { size = #rows, mpi = { gather = function () return rows end } }
    local ok, joined = pcall(shared_batches.joined, row)
    ranks.here = nil
    assert.truthy(ok, joined)
    assert.same({ 300, 2 }, { table.unpack(joined.shape) })
  end)

  it("has no other devices to name", function ()
    local devices = distribution.list_devices()
    assert.truthy(distribution.DataParallel { devices = devices })
    for _, wrong in ipairs { { "gpu:0" }, { {} }, "cpu:0", { "cpu:0", "cpu:1" },
      { "cpu:0", other = "cpu:1" } } do
      assert.error_at_line(function () distribution.DataParallel { devices = wrong } end,
        "devices must be all of list_devices(), or be left out: cpu:0")
    end
    assert.error_at_line(function () distribution.DataParallel { device_mesh = 1 } end,
      "device_mesh is not supported")
  end)
end)
