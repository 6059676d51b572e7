-- Where batches come from: tensors in memory, whose rows a Function runs through in C, an
-- iterator function, or a dataset (data/source.lua).
--
-- All offer `run(entry, visit, every)`: run all batches of an epoch through the step, calling
-- visit(steps done) after every slice of time, or after every batch. `skip`: how many batches of
-- the epoch are passed over, because they were done before.

local core = require "lunula.core"
local source = require "lunula.data.source"
local ops = require "lunula.ops"
local ranks = require "lunula.distribution.ranks"

local batches = {}

local SLICE_SECONDS <const> = 0.05

-- ---- tensors -----------------------------------------------------------------------------------

local rows = {}
rows.__index = rows
batches.Rows, batches.SLICE_SECONDS = rows, SLICE_SECONDS

-- tensors: flat list xs, ys, ws. first, last: the rows to use (from 0). batch: rows a step.
function batches.rows(tensors, first, last, batch)
  return setmetatable({ tensors = tensors, first = first, last = last, batch = batch }, rows)
end

function rows:steps()
  local all = (self.last - self.first + self.batch - 1) // self.batch
  return self.limit and math.min(all, self.limit) or all
end

-- A new order of the rows for this epoch.
function rows:shuffle(order)
  self.order = order
end

local function leading(tensor, first, count)
  local starts, counts = { first }, { count }
  for i = 2, tensor.rank do starts[i], counts[i] = 0, -1 end
  return ops.slice(tensor, starts, counts)
end
batches.leading = leading

-- The tensors of one batch, for steps that run in Lua.
function rows:batch_at(first, last)
  local batch = {}
  local ids = self.order and leading(self.order, first, last - first)
  for i, tensor in ipairs(self.tensors) do
    batch[i] = ids and ops.gather(tensor, ids) or leading(tensor, first, last - first)
  end
  return batch
end

function rows:run(entry, visit, every, before)
  local last = math.min(self.last, self.first + self:steps() * self.batch)
  local steps = self.skip or 0
  local next_row = self.first + steps * self.batch
  local options = {
    inputs = self.tensors, order = self.order, batch = self.batch, outputs = self.outputs,
    seconds = SLICE_SECONDS,
  }
  while next_row < last do
    if before then before(steps) end
    local stop = every and math.min(next_row + self.batch, last) or last
    if entry.rows then
      options.first, options.last = next_row, stop
      next_row = entry.call:rows(options)
    else
      stop = math.min(next_row + self.batch, last)
      core.batch_rows(self.order, next_row, stop - next_row, entry.call,
        table.unpack(self:batch_at(next_row, stop)))
      next_row = stop
    end
    steps = (next_row - self.first + self.batch - 1) // self.batch
    if visit(steps) == false then break end
  end
  return steps
end

-- ---- iterators ---------------------------------------------------------------------------------

local iterated = {}
iterated.__index = iterated

-- given: a function that returns the next batch (x, y, weight), nil at the end; or one that
-- returns such a function. prepare(x, y, weight) -> entry, flat tensors.
function batches.of(given, prepare, limit)
  return setmetatable({ given = given, prepare = prepare, limit = limit }, iterated)
end

function iterated:steps()
  return self.limit or self.seen
end

-- The first batch of an epoch. A maker of iterators gives a fresh one for each.
function iterated:first_batch()
  self.next_batch = self.given
  local x, y, weight = self.next_batch()
  if type(x) == "function" then
    self.next_batch = x
    x, y, weight = self.next_batch()
  end
  return x, y, weight
end

function iterated:batch(step)
  if step == 0 then return self:first_batch() end
  return self.next_batch()
end

function iterated:complain()
  core.raise("the iterator gave no batch%s",
    self.seen and " in this epoch; give a function that returns a new iterator for every epoch"
      or "")
end

local function nothing() end
iterated.begin, iterated.finish = nothing, nothing

function iterated:run(_, visit, _, before)
  local steps, shared = 0, ranks.here and require "lunula.trainers.shared_batches"
  self:begin()
  while not self.limit or steps < self.limit do
    local x, y, weight
    if shared then x, y, weight = shared.next_batch(self, self:batch(steps))
    else x, y, weight = self:batch(steps) end
    if x == nil then break end
    steps = steps + 1
    if steps > (self.skip or 0) then
      if before then before(steps - 1) end
      local entry, tensors = self.prepare(x, y, weight)
      if shared then shared.run_batch(self, entry, tensors)
      else entry.call(table.unpack(tensors)) end
      if visit(steps) == false then break end
    end
  end
  if steps == 0 then self:complain() end
  self.seen = steps
  self:finish()
  return steps
end

-- ---- datasets ----------------------------------------------------------------------------------

local fed = setmetatable({}, { __index = iterated })
fed.__index = fed

-- A dataset. endless: what is said when it has no end and there is no limit.
function batches.of_dataset(dataset, prepare, limit, endless)
  source.check(dataset)
  local count, without_end = source.len(dataset)
  if without_end and not limit then core.raise("%s", endless) end
  if count == 0 then core.raise("the dataset has no batches: its len is 0") end
  local self = { dataset = dataset, prepare = prepare, limit = limit, count = count }
  self.first, self.last = 0, count
  if not source.has_order(dataset) then self.shuffle = false end
  return setmetatable(self, fed)
end

function fed:steps()
  return self.limit or self.count or self.seen
end

-- A new order of the batches for this epoch.
function fed:shuffle(order)
  self.order = order:totable()
end

function fed:begin()
  if type(self.dataset.on_epoch_begin) == "function" then self.dataset:on_epoch_begin() end
end

function fed:finish()
  if type(self.dataset.on_epoch_end) == "function" then self.dataset:on_epoch_end() end
end

-- Each epoch begins the dataset anew; where steps are counted it goes on with the next of them,
-- and begins anew at the end.
function fed:batch(step)
  if self.next_batch and (step > 0 or self.limit) then
    local x, y, weight = self.next_batch()
    if x ~= nil or not self.limit then return x, y, weight end
  end
  self.next_batch = source.iterator(self.dataset, self.order)
  return self.next_batch()
end

function fed:complain()
  core.raise("the dataset gave no batch")
end

-- ---- orders ------------------------------------------------------------------------------------

-- A permutation of the rows first … last-1 as an int32 tensor, from a seed that is itself drawn
-- at random. within: when given, rows move only inside blocks of so many (shuffle = "batch").
function batches.permutation(first, last, seed, within)
  return core.permutation(first, last, seed, within or math.max(1, last - first))
end

return batches
