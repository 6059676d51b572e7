-- k.distribution: the same script on many machines. mpirun starts it there, initialize joins the
-- processes, and with DataParallel in force fit, evaluate and predict share each batch out among
-- them. The work is the sister rock lunula-mpi's; alone, all of this changes nothing.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local options = require "lunula.utils.options"
local sister = require "lunula.utils.sister"
local ranks = require "lunula.distribution.ranks"

local distribution = {}

-- ---- who is there ------------------------------------------------------------------------------

local joined          -- {rank=, size=, …} of the rock, once all have met

-- What starters of MPI programs leave in the environment: Open MPI's, MPICH's and Intel's, Slurm's.
local signs = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK" }

local function is_started_by_mpi()
  if package.loaded["lunula.mpi"] then return true end
  for _, name in ipairs(signs) do
    if os.getenv(name) then return true end
  end
  return false
end

-- How many processes the starter says that it started. Where that is another MPI's than the rock's,
-- each is alone in its own world, and would train for itself.
local function check_starter(found)
  local started = tonumber(os.getenv "OMPI_COMM_WORLD_SIZE" or os.getenv "PMI_SIZE")
  if started and started ~= found.size then
    core.raise("initialize: mpirun started %d processes, but %s finds %d: start them by the mpirun "
      .. "of that MPI", started, found.library, found.size)
  end
end

local function join()
  local mpi = sister("mpi", function () return require "lunula.mpi" end,
    "initialize: messages between processes")
  local found = mpi.open()
  check_starter(found)
  found.mpi = mpi
  return found
end

-- Joins the processes that mpirun started; a script that was started without it is alone. MPI knows
-- who and where they are: num_processes and process_id are only compared.
function distribution.initialize(...)
  local first = ...
  local given = declare.is_plain(first) and first
    or { job_addresses = first, num_processes = select(2, ...), process_id = select(3, ...) }
  local o = options.read("initialize", given, { "job_addresses", "num_processes", "process_id" })
  if o.job_addresses ~= nil then
    core.raise("initialize: job_addresses cannot be said: mpirun knows them (--hostfile, --host)")
  end
  joined = joined or (is_started_by_mpi() and join() or { rank = 0, size = 1 })
  local size, rank = options.count("initialize", "num_processes", o.num_processes),
    options.count("initialize", "process_id", o.process_id, 0)
  if size and size ~= joined.size and not joined.mpi then
    core.raise("initialize: num_processes is %d, and this process is alone: mpirun -n %d starts so "
      .. "many", size, size)
  elseif size and size ~= joined.size then
    core.raise("initialize: num_processes is %d, but mpirun started %d", size, joined.size)
  elseif rank and rank ~= joined.rank then
    core.raise("initialize: process_id is %d, but this process is %d", rank, joined.rank)
  end
end

-- This process, from 0; how many there are.
function distribution.rank() return joined and joined.rank or 0 end

function distribution.size() return joined and joined.size or 1 end

-- The devices of a kind, which is given as it is, as {kind} or as {device_type = kind}. name: of
-- the function that was asked.
local function devices_of(name, given)
  if not declare.is_plain(given) then given = { given } end
  local said = {}
  for key, value in pairs(given) do said[key == 1 and "device_type" or key] = value end
  local kind, list = options.read(name, said, { "device_type" }).device_type, declare.list {}
  if kind == "gpu" or kind == "tpu" then return list end
  if kind ~= nil and kind ~= "cpu" then
    core.raise('%s: device_type must be "cpu", "gpu" or "tpu", got %s', name, declare.show(kind))
  end
  for i = 1, distribution.size() do list[i] = ("cpu:%d"):format(i - 1) end
  return list
end

-- {"cpu:0", …}, one for each process.
function distribution.list_devices(kind) return devices_of("list_devices", kind) end

function distribution.get_device_count(kind) return #devices_of("get_device_count", kind) end

-- ---- distributions -----------------------------------------------------------------------------

local function same_list(a, b)
  if not declare.is_plain(a) then return false end
  local count = 0
  for i, value in pairs(a) do
    if b[i] ~= value then return false end
    count = count + 1
  end
  return count == #b
end

local DataParallel = declare.class {
  kind = "distribution", name = "DataParallel",
  doc = "Each process computes a part of every batch; the weights are the same on all.",
  args = {
    { "device_mesh", kinds.any, doc = "not supported: there is one process for each device" },
    { "devices", kinds.any, doc = "the devices of list_devices, or nothing" },
    { "auto_shard_dataset", kinds.boolean, default = true,
      doc = "whether each process takes its rows of what a dataset gives; false: it gives just "
        .. "those" },
  },
  finish = function(self)
    if self.device_mesh ~= nil then
      core.raise "DataParallel: device_mesh is not supported: all processes share each batch out"
    end
    local all = distribution.list_devices()
    if self.devices ~= nil and not same_list(self.devices, all) then
      core.raise("DataParallel: devices must be all of list_devices(), or be left out: %s",
        table.concat(all, ", "))
    end
  end,
}

distribution.DataParallel = DataParallel

local whole_models = "each process has the whole model: there is only DataParallel"

for _, name in ipairs {
  "ModelParallel", "DeviceMesh", "LayoutMap", "TensorLayout", "distribute_tensor",
} do
  distribution[name] = declare.absent(name, whole_models)
end

local in_force

-- From now on fit, evaluate and predict work so; nil: each process for itself.
function distribution.set_distribution(value)
  if value == core.None or value == false then value = nil end
  if value ~= nil and not declare.is(value, "distribution") then
    core.raise("set_distribution takes k.distribution.DataParallel(), got %s", declare.show(value))
  end
  if value ~= nil and not joined and is_started_by_mpi() then
    core.raise("set_distribution: mpirun started this process: call k.distribution.initialize() "
      .. "before, which joins the others")
  end
  in_force = value
  if value == nil or distribution.size() == 1 then
    ranks.here = nil
    return
  end
  ranks.here = { rank = joined.rank, size = joined.size, mpi = joined.mpi,
    shares_batches = value.auto_shard_dataset }
end

function distribution.distribution() return in_force end

return distribution
