-- Batches that several ranks share (lua/lunula/distribution): each takes its rows of every batch,
-- as rows of tensors in memory or of what an iterator gives. All ranks make the same steps, also
-- those in which one has no row: it then computes a row of others, which does not count.

local core = require "lunula.core"
local declare = require "lunula.declare"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local ranks = require "lunula.distribution.ranks"
local step = require "lunula.distribution.step"
local prepared_batches = require "lunula.trainers.prepared_batches"

local shared = {}

-- ---- what ranks can share ----------------------------------------------------------------------

-- An error where ranks have other data. With other sizes they would not even make the same steps;
-- by the first samples data show that were drawn without a seed, or come from other files.
function shared.check_data(tensors)
  local sizes, samples = {}, {}
  for i, tensor in ipairs(tensors) do
    local count = tensor.shape[1]
    sizes[i] = ("%d samples, shape %s"):format(count, tostring(tensor.shape))
    if count > 0 and tensor.dtype ~= "string" then
      local bytes = prepared_batches.leading(tensor, 0, 1):tobytes()
      samples[#samples + 1] = ("checksum %x"):format(core.checksum(bytes))
    end
  end
  ranks.same("the data", table.concat(sizes, "\n"))
  ranks.same("the first samples (k.set_random_seed comes before what is drawn)",
    table.concat(samples, "\n"))
end

function shared.check_states(model)
  if not model:_keeps_states() then return end
  core.raise("model \"%s\" keeps states from batch to batch (stateful=true), which ranks cannot "
    .. "share: each has other rows", model.name)
end

-- ---- tensors -----------------------------------------------------------------------------------

local rows = setmetatable({}, { __index = prepared_batches.Rows })
rows.__index = rows

-- As prepared_batches.rows. batch: rows a step, of all ranks together.
function shared.rows(tensors, first, last, batch)
  if batch < ranks.here.size then
    core.raise("batch_size is that of all ranks together; it is %d, and there are %d ranks", batch,
      ranks.here.size)
  end
  shared.check_data(tensors)
  return setmetatable(prepared_batches.rows(tensors, first, last, batch), rows)
end

-- The numbers of the rows that are this rank's, batch by batch: `count` of each of the whole
-- batches, then those of the last.
local function own_rows(self, whole, tail)
  local low, high = ranks.part(0, self.batch)
  local starts = ops.expand_dims(ops.arange(whole) * self.batch, 1)
  local list = ops.reshape(starts + ops.arange(low, high), { -1 })
  if tail > 0 then
    local from, to = ranks.part(0, tail)
    if from == to then from, to = 0, 1 end
    list = ops.concatenate({ list, whole * self.batch + ops.arange(from, to) }, 0)
  end
  list = ops.cast(self.first + list, "int32")
  return self.order and ops.gather(self.order, list - self.first) or list
end

-- {rows object of this rank, rows of each whole batch, whole batches, rows of the last one}
local function share_of(self)
  local count = math.min(self.last - self.first, self:steps() * self.batch)
  local whole, tail = count // self.batch, count % self.batch
  local low, high = ranks.part(0, self.batch)
  local own = prepared_batches.rows(self.tensors, 0, 0, 1)
  own.order = own_rows(self, whole, tail)
  return own, high - low, whole, tail
end

local function run_part(own, entry, first, last, batch)
  own.first, own.last, own.batch = first, last, batch
  own:run(entry, function() end)
end

-- Runs steps first … last-1.
local function run_steps(share, entry, first, last)
  local own, each, whole, tail = table.unpack(share)
  local _ <close> = ranks.draw_apart()
  step.count_rows(true)
  if first < whole then
    run_part(own, entry, first * each, math.min(last, whole) * each, each)
  end
  if last > whole and tail > 0 then
    local from, to = ranks.part(0, tail)
    step.count_rows(from < to)
    run_part(own, entry, whole * each, whole * each + math.max(to - from, 1),
      math.max(to - from, 1))
    step.count_rows(true)
  end
end

-- All ranks come back to Lua after the same steps: so many as take a while on the slowest.
function rows:run(entry, visit, every, before)
  local all, steps, slice = self:steps(), self.skip or 0, 1
  local share = { share_of(self) }
  every = ranks.any(every)
  while steps < all do
    if before then before(steps) end
    local last, start = every and steps + 1 or math.min(steps + slice, all), core.clock()
    run_steps(share, entry, steps, last)
    local goes_on = visit(last) ~= false
    local slowest, stops = table.unpack(ranks.all({ core.clock() - start, goes_on and 0 or 1 },
      "max"))
    slice = math.max(1, math.min(4 * slice,
      (last - steps) * prepared_batches.SLICE_SECONDS // math.max(slowest, 1e-6)))
    slice, steps = math.tointeger(slice), last
    if stops > 0 then break end
  end
  return steps
end

-- ---- batches from elsewhere --------------------------------------------------------------------

-- Does each rank see the whole batches of this data?
local function sees_all(batches)
  return ranks.here.shares_batches and not (batches.dataset and batches.dataset.sharded)
end

-- What a rank was given as its next batch, if all ranks have one. One whose own data have ended
-- before those of others computes its last batch again, which does not count.
function shared.next_batch(batches, ...)
  local batch = table.pack(...)
  local size, there = ranks.here.size, batch[1] ~= nil
  local number = math.tointeger(ranks.all { there and 1 or 0 }[1])
  step.count_rows(true)
  if number == 0 then return nil end
  if number < size and sees_all(batches) then
    core.raise("the data must be the same on all ranks: %d of %d have another batch; data that "
      .. "each rank has parts of are sharded, k.data's by shard(size, rank)", number, size)
  elseif there then
    batches.before = not sees_all(batches) and batch or nil
  elseif not batches.before then
    core.raise("rank %d has no data: not one batch", ranks.here.rank)
  else
    step.count_rows(false)
    batch = batches.before
  end
  return table.unpack(batch, 1, batch.n)
end

-- The tensors of a batch as this rank computes them.
local function part_of(batches, tensors)
  if not sees_all(batches) then return tensors end
  local count, part = tensors[1].shape[1], {}
  local first, last = ranks.part(0, count)
  step.count_rows(first < last)
  if first == last then first, last = 0, 1 end
  for i, tensor in ipairs(tensors) do
    part[i] = prepared_batches.leading(tensor, first, last - first)
  end
  return part
end

-- Runs a step on a batch. batches: where it comes from.
function shared.run_batch(batches, entry, tensors)
  local part = part_of(batches, tensors)
  local _ <close> = ranks.draw_apart()
  entry.call(table.unpack(part))
  step.count_rows(true)
end

-- fn, in which each rank draws random numbers of its own.
function shared.apart(fn)
  step.count_rows(true)
  local _ <close> = ranks.draw_apart()
  return fn()
end

-- ---- results -----------------------------------------------------------------------------------

-- The rows of all ranks, of a tensor of which each has some.
local function joined(tensor)
  local bytes, shape = tensor:tobytes(), tensor.shape
  local inner = table.move(shape, 1, #shape, 1, {})
  local row, list = #bytes // shape[1], {}
  for rank, part in ipairs(ranks.here.mpi.gather(step.rows_count() and bytes or "")) do
    inner[1] = row > 0 and #part // row or shape[1]
    list[rank] = core.frombytes(part, { shape = inner, dtype = tensor.dtype })
  end
  return tools.joined(list, 0)
end

function shared.joined(...)
  local results = { ... }
  for i, tensor in ipairs(results) do
    if tensor.rank == 0 then core.raise("predict: output %d of the model has no batch axis", i) end
    results[i] = joined(tensor)
  end
  return table.unpack(results)
end

-- ---- before a fit ------------------------------------------------------------------------------

-- The weights, and what the optimizer has, of rank 0.
function shared.broadcast(model)
  local list = table.move(model.weights, 1, #model.weights, 1, {})
  local more = model.optimizer and model.optimizer.variables or {}
  table.move(more, 1, #more, #list + 1, list)
  ranks.broadcast(list)
end

-- A step that was just traced: all ranks must run the same, on the same weights. Loops have numbers
-- in them that are the process's own.
function shared.traced(model, mode, call)
  shared.check_states(model)
  local text = type(call) == "userdata" and call:describe() or "run eagerly"
  ranks.same(("the %s step of model \"%s\""):format(mode, model.name),
    (text:gsub("function, [^()]*%)", "function)")))
  if mode == "train" then shared.broadcast(model) end
end

-- Before it begins: what a fit is told.
function shared.check(model, o, batches, validation)
  shared.check_states(model)
  ranks.same("the options of fit", ("epochs = %d\nsteps = %s\nbatch_size = %s\nshuffle = %s\n"
    .. "validation = %s\nvalidation_freq = %s"):format(o.epochs,
    sees_all(batches) and batches:steps(), batches.tensors and batches.batch, o.shuffle,
    validation ~= nil, declare.show(o.validation_freq)))
  ranks.broadcast_random()
end

-- Where it begins: at the same epoch and batch, with the same weights.
function shared.begin(model, epoch, skip)
  ranks.same("where the fit goes on", ("epoch %d, batch %d"):format(epoch, skip or 0))
  if model.built then shared.broadcast(model) end
end

return shared
