-- What goes from one of lunula's own files into a model: which tensor into which variable, what
-- does not fit, and the state of its optimizers.
--
-- Everything is compared before a variable changes, and all values are there before the first is
-- given.

local core = require "lunula.core"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local matching = require "lunula.saving.matching"
local state = require "lunula.saving.state"

local filling = {}

-- The names of the tensors that are weights, and of the kept states among those that are wanted:
-- a model that keeps none, or for another batch, takes the weights alone.
local function weight_names(reader, numbers, wanted)
  local names, is_state = {}, {}
  for _, name in ipairs(type(numbers.states) == "table" and numbers.states or {}) do
    is_state[name] = true
  end
  for _, name in ipairs(reader.names) do
    local other = name:find "^optimizers?/" or name:find "^metrics/" or name:find "^lunula/"
      or is_state[name]
    if wanted[name] or not other then names[#names + 1] = name end
  end
  return names
end

local function names_of(entries)
  local names = {}
  for i, entry in ipairs(entries) do names[i] = entry.name end
  return names
end

-- The value for a variable, of its type.
local function value_for(variable, reader, name)
  local tensor = reader:tensor(name)
  return tensor.dtype == variable.dtype and tensor or ops.cast(tensor, variable.dtype)
end

local function with_shape(reader, name)
  local shape = reader:type(name)
  return name .. " " .. tools.shape_text(shape)
end

local function fits(entry, reader, name)
  return matching.difference(entry.name, entry.variable, reader:type(name)) == nil
end

-- What goes into which variable, {{variable, name in the file}, …}, and what does not fit, as a
-- text; entries are found by `file_name`.
local function compare(entries, reader, names, file_name)
  local pairs_of, used, missing, unexpected, differing = {}, {}, {}, {}, {}
  for _, entry in ipairs(entries) do
    local name, variable = file_name[entry.name], entry.variable
    if entry.is_state and not (name and fits(entry, reader, name)) then
      used[name or ""] = true
    elseif not name then
      missing[#missing + 1] = entry.name .. " " .. tools.shape_text(variable.shape)
    else
      used[name] = true
      local problem = matching.difference(entry.name, variable, reader:type(name))
      if problem then differing[#differing + 1] = problem
      else pairs_of[#pairs_of + 1] = { variable, name } end
    end
  end
  for _, name in ipairs(names) do
    if not used[name] then unexpected[#unexpected + 1] = with_shape(reader, name) end
  end
  return pairs_of, matching.complaint(missing, unexpected, differing)
end

-- All values are there before the first one is given.
function filling.values_of(pairs_of, reader)
  local values = {}
  for i, pair in ipairs(pairs_of) do
    local variable, name = pair[1], pair[2]
    values[i] = { variable, value_for(variable, reader, name) }
  end
  return values
end

-- What was given is let go at once, and with it its part of the file in memory.
function filling.assign(values)
  for _, pair in ipairs(values) do core.hand_over(pair[1], pair[2]) end
end

-- name in the model -> name in the file
local function file_names(entries, bases, names)
  return matching.names(names_of(entries), names, bases)
end

-- The values for the variables of one optimizer, made now; nil when something differs.
local function values_of_optimizer(each, reader, told, entries, file_name)
  state.build_optimizer(each.optimizer, told, entries, file_name)
  local there, named = {}, {}
  for _, name in ipairs(reader.names) do there[name] = true end
  for _, entry in ipairs(entries) do
    named[entry.variable] = file_name[entry.name] or entry.name
  end
  local list, names = state.of_optimizer(each, function (variable)
    return named[variable] or variable.name
  end, entries), {}
  for _, entry in ipairs(list) do names[entry.name] = there[entry.name] and entry.name end
  local known, start = {}, each.name .. "/"
  for _, name in pairs(file_name) do known[name] = true end
  for _, name in ipairs(reader.names) do
    if name:sub(1, #start) == start and not (names[name] or known[name]) then return nil end
  end
  local pairs_of, problem = compare(list, reader, {}, names)
  return problem == "" and filling.values_of(pairs_of, reader) or nil
end

-- Those of all optimizers of the model. Of one in a field a file may say nothing.
function filling.optimizer_values(model, reader, numbers, entries, file_name)
  local all = {}
  for _, each in ipairs(state.optimizers(model)) do
    local told = state.told_of(numbers, each)
    if told or not each.field then
      local values = values_of_optimizer(each, reader, told, entries, file_name)
      if not values then return nil end
      table.move(values, 1, #values, #all + 1, all)
    end
  end
  return all
end

function filling.metric_values(reader)
  local values = {}
  for _, name in ipairs(reader.names) do
    if name:find "^metrics/" then values[name] = reader:tensor(name) end
  end
  return values
end

-- The weights in the file: what goes into which variable, with the problem there is.
function filling.weight_pairs(model, reader, numbers)
  local entries, bases = state.weights(model)
  local wanted = {}
  for _, entry in ipairs(entries) do wanted[entry.name] = true end
  local names = weight_names(reader, numbers, wanted)
  local file_name = file_names(entries, bases, names)
  local pairs_of, problem = compare(entries, reader, names, file_name)
  return pairs_of, problem, entries, file_name
end

return filling
