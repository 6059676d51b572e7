-- Lua data as the layers that look at single values see it: a flat list and a shape, or a tensor of
-- strings or of whole numbers.

local core = require "lunula.core"
local declare = require "lunula.declare"
local source = require "lunula.data.source"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local options = require "lunula.utils.options"

local data = {}

local function of_tensor(x)
  if core.is_variable(x) then x = x.value end
  if core.is_symbolic(x) then core.raise("a tensor without values cannot be looked at") end
  local list = {}
  if x.size == 0 then return list, x.shape end
  if x.rank == 0 then return { x:item() }, {} end
  return ops.reshape(x, { -1 }):totable(), x.shape
end

local function collect(x, list, shape, depth)
  if type(x) ~= "table" then
    if #shape >= depth then
      core.raise("%s stands where a row is: all rows must be as deep", declare.show(x))
    end
    shape.depth = depth - 1
    list[#list + 1] = x
    return
  end
  if declare.only_names(x) then
    core.raise("a list of values is wanted, got a table with names: %s", declare.show(x))
  end
  if shape.depth and depth > shape.depth or shape[depth] and shape[depth] ~= #x then
    core.raise("rows differ in length: %s", declare.show(x))
  end
  shape[depth] = #x
  for i = 1, #x do collect(x[i], list, shape, depth + 1) end
end

-- The values of a tensor, of a nested table, or one value alone.
function data.read(x)
  if core.is_tensor(x) then return of_tensor(x) end
  local list, shape = {}, {}
  collect(x, list, shape, 1)
  shape.depth = nil
  return list, shape
end

-- The list as a nested table of that shape.
function data.nested(list, shape)
  local place = 0
  local function take(depth)
    if depth > #shape then
      place = place + 1
      return list[place]
    end
    local row = {}
    for i = 1, shape[depth] do row[i] = take(depth + 1) end
    return row
  end
  return take(1)
end

function data.tensor(list, shape, dtype)
  if #shape == 0 then return core.tensor(list[1], { dtype = dtype }) end
  if #list == 0 and dtype ~= "string" then return ops.zeros(shape, dtype) end
  return core.tensor(list, { shape = shape, dtype = dtype })
end

-- The list with integers for floats: whole ones, or all, cut towards 0.
function data.integers(list, what, cut)
  local whole = {}
  for i, value in ipairs(list) do
    if cut and math.type(value) == "float" then
      value = value < 0 and math.ceil(value) or math.floor(value)
    end
    local n = type(value) == "number" and math.tointeger(value)
    if not n then core.raise("%s takes integers, got %s", what, declare.show(value)) end
    whole[i] = n
  end
  return whole
end

function data.strings(list, what)
  for i = 1, #list do
    if type(list[i]) ~= "string" then
      core.raise("%s takes strings, got %s", what, declare.show(list[i]))
    end
  end
  return list
end

function data.is_strings(x) return core.is_tensor(x) and x.dtype == "string" end

-- Lua strings, or a tensor of them, as a tensor.
function data.string_tensor(x, what)
  if data.is_strings(x) then return x end
  if core.is_tensor(x) then
    core.raise('%s takes strings, and the tensor %s holds numbers; a model has an input of strings '
      .. 'by Input{shape = {1}, dtype = "string"}', what, tools.shape_text(x.shape))
  end
  local list, shape = data.read(x)
  return data.tensor(data.strings(list, what), shape, "string")
end

-- Numbers, or a tensor of them, as a tensor of int64. `cut`: fractions are cut off, as they are
-- from tensors that have no values yet.
function data.integer_tensor(x, what, cut)
  local whole = core.is_tensor(x) and not tools.is_float(x)
  if data.is_strings(x) then core.raise("%s takes integers, and the tensor holds strings", what) end
  if whole or core.is_tensor(x) and (cut or core.is_symbolic(x)) then
    return tools.cast(x, "int64")
  end
  local list, shape = data.read(x)
  return data.tensor(data.integers(list, what, cut), shape, "int64")
end

-- ---- what adapt is given -----------------------------------------------------------------------

local function refuse_names(values)
  if values == nil then core.raise("adapt: the data are missing") end
  if not declare.only_names(values) then return end
  source.refuse_near(values, "adapt: the table")
  core.raise("adapt takes a tensor, a table of values, a list of tensors, an iterator function or "
    .. "a dataset, got a table with names: %s", declare.show(values))
end

local function of_dataset(dataset, steps)
  source.check(dataset)
  local _, without_end = source.len(dataset)
  if without_end and not steps then
    core.raise("adapt: the dataset repeats without end; its take(n) has n elements")
  end
  return source.iterator(dataset)
end

function data.of_list(list)
  local at = 0
  return function ()
    at = at + 1
    return list[at]
  end
end

-- An iterator over the batches that adapt is given, of which no more than `steps` are taken: those
-- of a dataset (of which x is taken), of a function, of a list of tensors. nil where all data come
-- at once. steps: as a number, or among options.
function data.batches(values, steps)
  if declare.is_plain(steps) then
    steps = options.read("adapt", steps, { "batch_size", "steps" }).steps
  end
  steps = options.count("adapt", "steps", steps)
  local next_batch
  if source.is(values) then
    next_batch = of_dataset(values, steps)
  elseif type(values) == "function" then
    next_batch = values
  elseif declare.is_plain(values) and core.is_tensor(values[1]) then
    next_batch = data.of_list(values)
  else
    refuse_names(values)
    return nil
  end
  local taken = 0
  return function ()
    if taken == steps then return nil end
    taken = taken + 1
    local batch = next_batch()
    if taken == 1 and type(batch) == "function" then   -- of a maker of iterators
      next_batch = batch
      batch = next_batch()
    end
    return batch
  end
end

return data
