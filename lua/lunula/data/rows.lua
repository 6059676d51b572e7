-- Pipelines over the rows of tensors in memory.
--
-- Such a pipeline is one of row numbers, and the tensors that they are of. Whatever changes the
-- order or the number of elements changes the numbers only; a batch is a view of the tensors where
-- its numbers follow each other, and else one gather.

local core = require "lunula.core"
local pick = require "lunula.data.pick"
local pipeline = require "lunula.data.pipeline"

local rows = setmetatable({}, { __index = pipeline })
rows.__index, rows.__call = rows, pipeline.__call
rows.__len, rows.__tostring = pipeline.__len, pipeline.__tostring

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
  self.values, self.ids, self.sharded = values, ids, ids.sharded
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

-- The number of rows that all values have. name: the function that a user gave them to.
function rows.count(name, values)
  local count
  local function look(tensor, what)
    if tensor.rank == 0 then core.raise("%s: %s is one number, without rows", name, what) end
    local n = tensor.shape[1]
    if count and n ~= count then
      core.raise("%s: %s has %d rows, those before have %d", name, what, n, count)
    end
    count = n
  end
  for i, value in ipairs(values) do
    local what = ("value %d"):format(i)
    if core.is_tensor(value) then
      look(value, what)
    else
      for key, tensor in pairs(value) do look(tensor, ("%s[\"%s\"]"):format(what, key)) end
    end
  end
  return count
end

-- values: tensors, or tables of tensors, that have as many rows.
function rows.new(values, count)
  return of(values, numbers(count))
end

for _, name in ipairs { "take", "skip", "shard", "repeat_", "shuffle" } do
  rows[name] = function(self, ...) return of(self.values, self.ids[name](self.ids, ...)) end
end
rows["repeat"] = rows.repeat_

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
  local made = pipeline.batched(n, function()
    local next_id, run, rows_of = ids.start(), {}, {}
    for _, value in ipairs(values) do
      each(value, function(tensor) run[tensor], rows_of[tensor] = pick.of(tensor) end)
    end
    return function()
      local list, first = next_ids(next_id, n)
      if #list == 0 or #list < n and drop then return nil end
      local picked = not first and core.tensor(list, "int32")
      local batch = {}
      for i, value in ipairs(values) do
        batch[i] = each(value, function(tensor)
          if first then return run[tensor](first, #list) end
          return rows_of[tensor](list, picked)
        end)
      end
      return table.unpack(batch)
    end
  end, pipeline.batches_in(self.size, n, drop))
  made.sharded = self.sharded
  return made
end

return rows
