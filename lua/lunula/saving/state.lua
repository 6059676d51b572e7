-- What a model knows beside its architecture, under the names that files give it.
--
-- Tensors: weights and kept states under the names of their layers ("lstm/lstm_cell/kernel"), those
-- of the optimizer ("optimizer/dense_kernel_momentum"), of further ones in fields of the model
-- ("optimizers/d_optimizer/…") and of the metrics ("metrics/loss/total").
-- Numbers: counters of random layers and of the program, tables of preprocessing layers, where fit
-- stands. With all of it, training goes on as if nothing had happened.

local core = require "lunula.core"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"
local paths = require "lunula.utils.paths"
local results = require "lunula.trainers.results"

local state = {}

local function is_table(value) return type(value) == "table" end

-- ---- names -------------------------------------------------------------------------------------

local function own_variables(layer)
  local inner = {}
  for _, child in ipairs(layer:tracked_layers()) do
    for _, variable in ipairs(child.weights) do inner[variable] = true end
  end
  local list = {}
  for _, variable in ipairs(layer.weights) do
    if not inner[variable] then list[#list + 1] = variable end
  end
  return list
end

-- Layers that files tell by their class, if they were named automatically.
local function base_of(layer)
  local base = layer.auto_name or declare.snake_case(declare.class_of(layer).name)
  local name = layer.name
  return (name == base or name:match "^(.*)_%d+$" == base) and base or nil
end

-- visit(layer, "outer/inner/") for the model ("") and each layer inside, once.
local function each_layer(model, visit)
  local seen = {}
  local function walk(layer, prefix)
    if seen[layer] then return end
    seen[layer] = true
    visit(layer, prefix)
    for _, child in ipairs(layer:tracked_layers()) do
      walk(child, prefix .. child.name .. "/")
    end
  end
  walk(model, "")
end

state.each_layer = each_layer

-- The weights and kept states of a model, {{name =, variable =, is_state =}, …}; and the set of
-- automatic names among those of its layers.
function state.weights(model)
  local list, seen, taken, bases = {}, {}, {}, {}
  local function add(variable, name, is_state)
    if seen[variable] then return end
    seen[variable] = true
    list[#list + 1] = { name = paths.unique(name, taken), variable = variable, is_state = is_state }
  end
  each_layer(model, function (layer, prefix)
    local base = prefix ~= "" and base_of(layer)
    if base then bases[base] = true end
    for _, variable in ipairs(own_variables(layer)) do add(variable, prefix .. variable.name) end
    local states = layer.stateful and rawget(layer, "states")
    for _, variable in ipairs(states and nest.flatten(states) or {}) do
      add(variable, prefix .. variable.name, true)
    end
  end)
  return list, bases
end

-- The optimizers of a model, {{name =, optimizer =, field =}, …}: that of compile, then those that
-- a step of the user's own has in fields.
function state.optimizers(model)
  local list, seen = {}, {}
  local function add(name, optimizer, field)
    if seen[optimizer] then return end
    seen[optimizer] = true
    list[#list + 1] = { name = name, optimizer = optimizer, field = field }
  end
  if model.optimizer then add("optimizer", model.optimizer) end
  for _, field in ipairs(model._order) do
    local value = rawget(model, field)
    for key, one in pairs(declare.is_plain(value) and value or { value }) do
      local path = declare.is_plain(value) and ("%s/%s"):format(field, key) or field
      if declare.is(one, "optimizer") then add("optimizers/" .. path, one, path) end
    end
  end
  table.sort(list, function (a, b) return a.name < b.name end)
  return list
end

-- The variables of one of them: its own, and those beside the model's variables, which are named
-- by name_of(variable). `entries`: those of the model, whose names are taken.
function state.of_optimizer(each, name_of, entries)
  local list, taken, optimizer = {}, {}, each.optimizer
  for _, entry in ipairs(entries) do taken[entry.name] = true end
  for _, variable in ipairs(optimizer.variables) do
    local described = optimizer.described[variable]
    local name = variable.name:match "([^/]*)$"
    if described then
      name = name_of(described[1]):gsub("/", "_") .. "_" .. described[2]
    end
    list[#list + 1] = { name = paths.unique(each.name .. "/" .. name, taken),
      variable = variable }
  end
  return list
end

-- The names of the model's variables that the optimizer has variables for, in their order.
local function slots_of(optimizer, name_of)
  local names, seen = setmetatable({}, { __jsontype = "array" }), {}
  local function add(variable)
    if not seen[variable] then names[#names + 1] = name_of(variable) end
    seen[variable] = true
  end
  for _, variable in ipairs(optimizer.variables) do
    local described = optimizer.described[variable]
    if described then add(described[1]) end
  end
  for _, variable in ipairs(optimizer.trained or {}) do add(variable) end
  return names
end

-- ---- numbers that are no tensors ---------------------------------------------------------------

local function object(t) return setmetatable(t, { __jsontype = "object" }) end

local function is_generator(value)
  local metatable = type(value) == "table" and getmetatable(value)
  return metatable and metatable.__name == "lunula.SeedGenerator" or false
end

-- visit(generator, name) for the sequences of random numbers that layers keep in their fields.
local function each_generator(model, visit)
  each_layer(model, function (layer, prefix)
    local fields = {}
    for key, value in next, layer do
      if is_generator(value) then fields[#fields + 1] = tostring(key) end
    end
    table.sort(fields)
    for _, key in ipairs(fields) do visit(rawget(layer, key), prefix .. key) end
  end)
end

local function generators(model)
  local found = object {}
  each_generator(model, function (generator, name)
    found[name] = { seed = generator.seed, drawn = generator.drawn }
  end)
  return found
end

-- What layers learned that is no tensor: vocabularies.
local function tables(model)
  local found = object {}
  each_layer(model, function (layer, prefix)
    local learned = layer.get_learned and layer:get_learned()
    if learned then found[prefix:sub(1, -2)] = learned end
  end)
  return found
end

-- ---- reading it off the model ------------------------------------------------------------------

local function append(list, more)
  return table.move(more, 1, #more, #list + 1, list)
end

local function name_finder(list)
  local names = {}
  for _, entry in ipairs(list) do names[entry.variable] = entry.name end
  return function (variable) return names[variable] or variable.name end
end

local function states_among(entries)
  local names = setmetatable({}, { __jsontype = "array" })
  for _, entry in ipairs(entries) do
    if entry.is_state then names[#names + 1] = entry.name end
  end
  return names
end

local function tell_optimizer(numbers, each, name_of)
  local optimizer = each.optimizer
  local told = {
    built = optimizer.built, slots = slots_of(optimizer, name_of),
    rate = optimizer:rates(),
  }
  if not each.field then
    numbers.optimizer = told
    return
  end
  numbers.optimizers = numbers.optimizers or {}
  numbers.optimizers[each.field] = told
end

-- What is told of one of the model's optimizers.
function state.told_of(numbers, each)
  if not each.field then return numbers.optimizer end
  return is_table(numbers.optimizers) and numbers.optimizers[each.field] or nil
end

-- The entries {{name =, variable =}, …} and the numbers of a model, as a table. training: with what
-- only training needs.
function state.collect(model, training)
  local list = state.weights(model)
  local numbers = { generators = generators(model), tables = tables(model),
    states = states_among(list), inputs = not model._inputs and model._last_inputs or nil }
  if training and model.optimizer then
    local name_of = name_finder(list)
    for _, each in ipairs(state.optimizers(model)) do
      append(list, state.of_optimizer(each, name_of, list))
      tell_optimizer(numbers, each, name_of)
    end
    append(list, results.variables(model))
    local seed, stream, draw = core.random_state()
    numbers.random = { seed = seed, stream = stream, draw = draw }
    numbers.fit = rawget(model, "_fit_position")
  end
  return list, numbers
end

-- ---- giving it back ----------------------------------------------------------------------------

-- fn(…), which draws no random numbers that the program would miss: so it is with loading.
function state.undisturbed(fn, ...)
  local seed, stream, draw = core.random_state()
  local _ <close> = setmetatable({}, { __close = function ()
    core.random_state(seed, stream, draw)
  end })
  return fn(...)
end

-- What a model without an Input was last given: {specs = {{shape =, dtype =}, …}, structure =}.
local function give_inputs(model, told)
  if model._inputs or not is_table(told) or not is_table(told.specs) then return end
  local specs = {}
  for i, spec in ipairs(told.specs) do
    local is_spec = is_table(spec) and is_table(spec.shape) and type(spec.dtype) == "string"
    if not is_spec then return end
    specs[i] = { shape = nest.shape(spec.shape), dtype = spec.dtype, name = spec.name }
  end
  local structure = told.structure
  if is_table(structure) then structure = table.move(structure, 1, #structure, 1, {}) end
  rawset(model, "_last_inputs", { specs = specs, structure = structure })
end

-- Counters and vocabularies.
function state.give_numbers(model, numbers)
  give_inputs(model, numbers.inputs)
  local known = is_table(numbers.generators) and numbers.generators or {}
  each_generator(model, function (generator, name)
    local told = known[name]
    if is_table(told) and math.type(told.drawn) == "integer" then
      generator.drawn = told.drawn
      generator.seed = math.type(told.seed) == "integer" and told.seed or generator.seed
    end
  end)
  local learned = is_table(numbers.tables) and numbers.tables or {}
  each_layer(model, function (layer, prefix)
    local told = learned[prefix:sub(1, -2)]
    if told ~= nil and layer.set_learned then layer:set_learned(told) end
  end)
end

-- A function that gives layers their vocabularies as soon as they are made, when where they will
-- stand is not known yet: by their names, as far as those are unique.
function state.teacher(numbers)
  local by_name = {}
  for path, told in pairs(is_table(numbers.tables) and numbers.tables or {}) do
    local name = path:match "([^/]*)$"
    by_name[name] = by_name[name] == nil and told or false
  end
  if next(by_name) == nil then return nil end
  return function (made)
    each_layer(made, function (layer)
      local told = by_name[layer.name]
      if told and layer.set_learned then layer:set_learned(told) end
    end)
  end
end

-- Where the program's sequence of random numbers stood; nil when it is not told.
function state.random_of(numbers)
  local told = is_table(numbers.random) and numbers.random or {}
  for _, name in ipairs { "seed", "stream", "draw" } do
    if math.type(told[name]) ~= "integer" then return nil end
  end
  return told
end

-- Where fit stood: {epochs =, batch =, seed =}; nil when it is not told.
function state.position_of(numbers)
  local told = is_table(numbers.fit) and numbers.fit or {}
  local is_whole = math.type(told.epochs) == "integer" and math.type(told.seed) == "integer"
  return is_whole and told or nil
end

-- Makes the variables of the optimizer that are told. `entries`: the weights of the model; told
-- names are those of `file_name[name]`.
function state.build_optimizer(optimizer, told, entries, file_name)
  if not is_table(told) or told.built ~= true then return end
  local by_name, variables = {}, {}
  for _, entry in ipairs(entries) do
    by_name[file_name[entry.name] or entry.name] = entry.variable
  end
  for _, name in ipairs(is_table(told.slots) and told.slots or {}) do
    variables[#variables + 1] = by_name[name]
  end
  optimizer:build(variables)
end

-- What the learning rates were set to.
function state.give_rates(model, numbers)
  for _, each in ipairs(state.optimizers(model)) do
    local told = state.told_of(numbers, each)
    if is_table(told) then each.optimizer:take_rates(told.rate) end
  end
end

return state
