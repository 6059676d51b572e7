-- k.utils.timeseries_dataset_from_array: windows of a series as batches.

local core = require "lunula.core"
local ops = require "lunula.ops"
local dice = require "lunula.data.dice"
local pipeline = require "lunula.data.pipeline"
local options = require "lunula.utils.options"

local NAME <const> = "timeseries_dataset_from_array"

local allowed = {
  "sequence_length", "sequence_stride", "sampling_rate", "batch_size", "shuffle", "seed",
  "start_index", "end_index",
}

local function tensor_of(what, value)
  if value == nil or value == false then return nil end
  local tensor = core.is_tensor(value) and value or type(value) == "table" and core.tensor(value)
  if not tensor or tensor.rank == 0 then
    core.raise("%s: %s must be a tensor or a table of numbers, got %s", NAME, what, type(value))
  end
  return tensor
end

local function check_bounds(o, n)
  local first, last = o.start_index, o.end_index
  if first and first >= n then
    core.raise("%s: start_index must be below the length of the data, got %d of %d", NAME, first, n)
  end
  if first and last and last <= first then
    core.raise("%s: end_index must be higher than start_index, got %d and %d", NAME, last, first)
  end
  if last and last >= n then
    core.raise("%s: end_index must be below the length of the data, got %d of %d", NAME, last, n)
  end
  for _, name in ipairs { "sampling_rate", "sequence_stride" } do
    if o[name] and o[name] >= n then
      core.raise("%s: %s must be below the length of the data, got %d of %d", NAME, name, o[name],
        n)
    end
  end
end

local function read(given, n)
  local o = {}
  for key, value in pairs(options.read(NAME, given, allowed)) do o[key] = value end
  if o.sequence_length == nil then core.raise("%s: sequence_length is missing", NAME) end
  for _, name in ipairs { "sequence_length", "sequence_stride", "sampling_rate", "end_index" } do
    o[name] = options.count(NAME, name, o[name])
  end
  o.start_index = options.count(NAME, "start_index", o.start_index, 0)
  o.seed = options.count(NAME, "seed", o.seed, math.mininteger)
  if not (given and given.batch_size == false) then   -- None: windows one by one
    o.batch_size = options.count(NAME, "batch_size", o.batch_size) or 128
  end
  check_bounds(o, n)
  return o
end

-- Where the windows begin, counted from start_index.
local function positions_of(count, stride)
  local list = {}
  for at = 0, count - 1, stride or 1 do list[#list + 1] = at end
  return list
end

local function shuffle(list, seed)
  local throw = dice.new(seed)
  for i = #list, 2, -1 do
    local j = throw(i)
    list[i], list[j] = list[j], list[i]
  end
end

-- The rows of the windows from places i to j of the list, as a table of lists.
local function windows(positions, i, j, o, first)
  local rate, ids = o.sampling_rate or 1, {}
  for at = i, j do
    local row = {}
    for step = 1, o.sequence_length do
      row[step] = first + positions[at] + (step - 1) * rate
    end
    ids[#ids + 1] = row
  end
  return core.tensor(ids, "int32")
end

local function timeseries(data, targets, given)
  data, targets = tensor_of("data", data), tensor_of("targets", targets)
  if not data then core.raise("%s: data is missing", NAME) end
  local n = data.shape[1]
  local o = read(given, n)
  local first, last = o.start_index or 0, o.end_index or n
  local count = last - first - (o.sequence_length - 1) * (o.sampling_rate or 1)
  if targets then count = math.min(count, targets.shape[1]) end
  local positions = positions_of(count, o.sequence_stride)
  local batch, passes = o.batch_size or 1, 0
  local seed = o.shuffle and (o.seed or dice.seed())
  return pipeline.new(function()
    local at = 0
    if seed then shuffle(positions, seed + passes) end   -- anew in every pass, as in Keras
    passes = passes + 1
    return function()
      if at >= #positions then return nil end
      local i, j = at + 1, math.min(at + batch, #positions)
      at = j
      local x, y = ops.gather(data, windows(positions, i, j, o, first)), nil
      if targets then
        local ids = table.move(positions, i, j, 1, {})
        for place, id in ipairs(ids) do ids[place] = first + id end
        y = ops.gather(targets, core.tensor(ids, "int32"))
      end
      if o.batch_size then return x, y end
      return x[1], y and y[1]
    end
  end, (#positions + batch - 1) // batch)
end

return timeseries
