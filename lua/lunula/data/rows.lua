-- Pipelines over the rows of tensors in memory.
--
-- Such a pipeline is one of row numbers, and the tensors that they are of. Whatever changes the
-- order or the number of elements changes the numbers only; a batch is a view of the tensors where
-- its numbers follow each other, and else one gather.

local core = require "lunula.core"
local ops = require "lunula.ops"
local pipeline = require "lunula.data.pipeline"

local rows = setmetatable({}, { __index = pipeline })
rows.__index, rows.__len, rows.__tostring = rows, pipeline.__len, pipeline.__tostring

-- f of each tensor of a value: a tensor, or tables of them.
local function each(value, f)
  if core.is_tensor(value) then return f(value) end
  local made = {}
  for key, inner in pairs(value) do made[key] = each(inner, f) end
  return made
end

local function of(values, ids)
  local n = #values
  local self = pipeline.new(function()
    local next_id = ids.start()
    return function()
      local id = next_id()
      if id == nil then return nil end
      local element = {}
      for i = 1, n do
        element[i] = each(values[i], function(tensor) return tensor[id + 1] end)
      end
      return table.unpack(element, 1, n)
    end
  end, ids.size)
  self.values, self.ids = values, ids
  return setmetatable(self, rows)
end

-- The whole numbers from 0.
local function numbers(n)
  return pipeline.new(function()
    local at = -1
    return function()
      if at + 1 == n then return nil end
      at = at + 1
      return at
    end
  end, n)
end

-- values: tensors, or tables of tensors, that have as many rows.
function rows.new(values, count)
  return of(values, numbers(count))
end

for _, name in ipairs { "take", "skip", "shard", "repeat_", "shuffle" } do
  rows[name] = function(self, ...) return of(self.values, self.ids[name](self.ids, ...)) end
end
rows["repeat"] = rows.repeat_

-- A function that makes batches of one tensor: of a run of rows from `first`, or of rows by their
-- numbers.
local function leading(tensor)
  local starts, counts = {}, {}
  for i = 1, tensor.rank do starts[i], counts[i] = 0, -1 end
  return function(first, count)
    starts[1], counts[1] = first, count
    return ops.slice(tensor, starts, counts)
  end
end

-- The numbers of the next batch, and the first where they follow each other.
local function next_ids(next_id, n)
  local ids, run = {}, true
  local first = next_id()
  if first == nil then return ids end
  ids[1] = first
  for i = 2, n do
    local id = next_id()
    if id == nil then break end
    ids[i] = id
    run = run and id == first + i - 1
  end
  return ids, run and first
end

function rows:batch(n, given)
  local drop
  n, drop = pipeline.batch_options(n, given)
  local values, ids = self.values, self.ids
  return pipeline.batched(n, function()
    local next_id, cut = ids.start(), {}
    for _, value in ipairs(values) do
      each(value, function(tensor) cut[tensor] = leading(tensor) end)
    end
    return function()
      local list, first = next_ids(next_id, n)
      if #list == 0 or #list < n and drop then return nil end
      local picked = not first and core.tensor(list, "int32")
      local batch = {}
      for i, value in ipairs(values) do
        batch[i] = each(value, function(tensor)
          return picked and ops.gather(tensor, picked) or cut[tensor](first, #list)
        end)
      end
      return table.unpack(batch)
    end
  end, pipeline.batches_in(self.size, n, drop))
end

return rows
