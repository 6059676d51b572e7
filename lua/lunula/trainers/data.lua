-- What fit, evaluate and predict are given, made into lists of tensors.
--
-- Users hand over tensors, nested tables, lists or name tables of them. Here each becomes a flat
-- list in the order of the model's inputs or outputs, checked for names, counts and numbers of
-- samples; weights of classes become weights of samples. It knows no layers.

local core = require "lunula.core"
local declare = require "lunula.declare"
local ops = require "lunula.ops"
local source = require "lunula.data.source"
local nest = require "lunula.utils.nest"
local options = require "lunula.utils.options"

local data = {}

local function refuse_datasets(value, what)
  local one = source.is(value)
  if one or type(value) == "table" and source.is(value[1]) then
    core.raise("%s must be a tensor or a table of numbers or strings, got %s; a dataset is given "
      .. "alone, in place of x, and gives x and y with its batches", what,
      one and "a dataset" or "a list of datasets")
  end
end

local function to_tensor(value, what)
  if core.is_variable(value) then value = value.value end
  local tensor = core.is_tensor(value) and value or nil
  if not tensor then
    refuse_datasets(value, what)
    if type(value) ~= "table" then
      core.raise("%s must be a tensor or a table of numbers or strings, got %s", what,
        type(value))
    end
    tensor = core.tensor(value)
  end
  if tensor.rank == 0 then core.raise("%s must have a batch axis, got a single number", what) end
  return tensor
end

-- A table whose leaves are tensors, one per input, as opposed to one nested table of numbers.
local function is_list_of_tensors(value)
  return type(value) == "table" and core.is_tensor(value[1])
end

local function is_name_table(value)
  if type(value) ~= "table" or value[1] ~= nil then return false end
  return type(next(value)) == "string"
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function by_names(value, names, what)
  source.refuse_near(value, what)
  local list = options.in_order(value, names,
    "%s has an entry \"%s\", but the names are %s%s", what)
  for i, name in ipairs(names) do
    if list[i] == nil then core.raise("missing data for \"%s\" in %s", name, what) end
    list[i] = to_tensor(list[i], string.format("%s[\"%s\"]", what, name))
  end
  return list
end

local function by_position(value, count, what)
  if #value ~= count then
    core.raise("%s must be a list of %d tensors, got %d", what, count, #value)
  end
  local list = {}
  for i = 1, count do list[i] = to_tensor(value[i], string.format("%s[%d]", what, i)) end
  return list
end

-- Data for inputs or outputs in tables within tables: given so, or as a flat list.
local function by_structure(value, names, what, structure)
  if is_list_of_tensors(value) and #value == #names and not nest.is_nested(value) then
    return by_position(value, #names, what)
  end
  local list = {}
  local differs = nest.each_as(structure, value, function(leaf, place)
    list[#list + 1] = to_tensor(leaf, what .. place)
  end)
  if differs then
    core.raise("%s must be like %s; it differs at %s", what,
      nest.text(structure, function(kt) return kt.name end), what .. differs)
  end
  return list
end

-- `value` as a list of tensors. `structure`: that of the model's inputs or outputs, where it is
-- known. `names`: those of the model's inputs or outputs, or nil when
-- nothing is known yet. Returns the list and how it was given: "single", "list", or the names in
-- order.
function data.list(value, names, what, structure)
  if nest.is_nested(structure) then return by_structure(value, names, what, structure), "list" end
  if is_name_table(value) then
    refuse_datasets(value, what)
    local order = names or sorted_keys(value)
    return by_names(value, order, what), order
  end
  if names and #names > 1 then
    if type(value) ~= "table" then
      core.raise("%s must be a list or a name table of %d tensors (%s), got one tensor", what,
        #names, table.concat(names, ", "))
    end
    return by_position(value, #names, what), "list"
  end
  if is_list_of_tensors(value) then
    if names and #value ~= 1 then
      core.raise("%s must be one tensor, got a list of %d", what, #value)
    end
    return by_position(value, #value, what), names and "single" or "list"
  end
  return { to_tensor(value, what) }, "single"
end

local function holds(list, wanted)
  for _, name in ipairs(list or {}) do
    if name == wanted then return true end
  end
  return false
end

-- Does a table hold the options of a call, perhaps beside x and y?
local function has_options(given, allowed)
  local any = false
  for key in pairs(given) do
    if type(key) == "string" and key ~= "x" and key ~= "y" then
      if not holds(allowed, key) then return false end
      any = true
    end
  end
  return any
end

-- model:fit{ x =, y =, epochs = 2 } or model:fit{ x, y, epochs = 2 }, all in one table as a call in
-- Python has it; and model:fit(x, { epochs = 2 }) for a model that needs no y. Returns x, y and the
-- options. A model with an input named x is given data so.
function data.from_one_table(self, allowed, x, y, given)
  if given == nil and declare.is_plain(y) and (next(y) == nil or has_options(y, allowed))
    and y.x == nil and y.y == nil and y[1] == nil then
    return x, nil, y
  end
  local alone = y == nil and given == nil and declare.is_plain(x)
    and not holds(self:_input_names(), "x")
  local named = alone and x.x ~= nil and (x.y ~= nil or has_options(x, allowed))
  local listed = alone and x[1] ~= nil and has_options(x, allowed)
  if not (named or listed) then return x, y, given end
  local rest = {}
  for key, value in pairs(x) do
    if type(key) == "string" and key ~= "x" and key ~= "y" then rest[key] = value end
  end
  if named then return x.x, x.y, rest end
  return x[1], x.y or x[2], rest
end

-- The number of samples that all the tensors share. groups: {{name, list}, …}
function data.count_samples(groups)
  local count, from
  for _, group in ipairs(groups) do
    for i, tensor in ipairs(group[2]) do
      local name = #group[2] > 1 and string.format("%s[%d]", group[1], i) or group[1]
      local n = tensor.shape[1]
      if count == nil then
        count, from = n, name
      elseif n ~= count then
        core.raise("%s has %d samples but %s has %d", from, count, name, n)
      end
    end
  end
  if count == 0 then core.raise("%s has no samples", from) end
  return count
end

-- Class ids of a target: one-hot rows become their position, anything else is rounded.
local function class_ids(y)
  local shape = y.shape
  if #shape >= 2 and shape[#shape] > 1 then return ops.argmax(y, -1) end
  if #shape >= 2 then y = ops.squeeze(y, -1) end
  return ops.cast(ops.round(ops.cast(y, "float32")), "int32")
end

-- {[0]=1, [1]=5} and targets -> a weight for every sample; classes that are not named weigh 1.
function data.class_weights(class_weight, y)
  if type(class_weight) ~= "table" then
    core.raise("class_weight must be a table from class ids to weights, got %s", type(class_weight))
  end
  local ids = class_ids(y)
  local largest = math.tointeger(ops.max(ids):item()) or 0
  local weights = {}
  for class = 0, math.max(largest, 0) do weights[class + 1] = 1 end
  for class, weight in pairs(class_weight) do
    local id = math.tointeger(tonumber(class))
    if not id or id < 0 then
      core.raise("class_weight: \"%s\" is not a class id", tostring(class))
    end
    if type(weight) ~= "number" then
      core.raise("class_weight: the weight of class %d must be a number, got %s", id, type(weight))
    end
    if id >= 0 and id <= largest then weights[id + 1] = weight end
  end
  return ops.take(core.tensor(weights), ops.maximum(ids, 0))
end

-- The weight tensors, one per output (`false` where an output has none).
function data.weights(sample_weight, class_weight, ys, names)
  if sample_weight ~= nil and class_weight ~= nil then
    core.raise("give either class_weight or sample_weight, not both")
  end
  if class_weight ~= nil then
    if #ys > 1 then
      core.raise("class_weight works for models with one output; use sample_weight, one per output")
    end
    return { data.class_weights(class_weight, ys[1]) }
  end
  local list = {}
  for i = 1, #ys do list[i] = false end
  if sample_weight == nil then return list end
  if is_name_table(sample_weight) then
    local given = options.in_order(sample_weight, names,
      "%s has an entry \"%s\", but the names are %s%s", "sample_weight")
    for i, name in ipairs(names) do
      local weight = given[i]
      list[i] = weight ~= nil and to_tensor(weight, "sample_weight[\"" .. name .. "\"]") or false
    end
  elseif is_list_of_tensors(sample_weight)
    or #ys > 1 and type(sample_weight) == "table" and #sample_weight == #ys then
    if #sample_weight ~= #ys then
      core.raise("sample_weight must be a tensor, or a list of %d, one for each output, got %d",
        #ys, #sample_weight)
    end
    for i = 1, #ys do
      list[i] = to_tensor(sample_weight[i], string.format("sample_weight[%d]", i))
    end
  else
    local shared = to_tensor(sample_weight, "sample_weight")
    for i = 1, #ys do list[i] = shared end
  end
  return list
end

-- The tensors that are there, without the `false` places.
function data.present(list)
  local present = {}
  for _, tensor in ipairs(list) do
    if tensor then present[#present + 1] = tensor end
  end
  return present
end

-- Where the last part of the samples begins that validation_split sets apart.
function data.split_point(count, fraction)
  if type(fraction) ~= "number" or not (fraction >= 0 and fraction < 1) then
    core.raise("validation_split must be a number from 0 to below 1, got %s", tostring(fraction))
  end
  local point = math.floor(count * (1 - fraction))
  if point == 0 or point == count then
    core.raise("validation_split=%g leaves no samples for %s: there are only %d", fraction,
      point == 0 and "training" or "validation", count)
  end
  return point
end

return data
