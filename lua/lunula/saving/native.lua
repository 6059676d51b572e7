-- lunula's own files: safetensors, with the model in their metadata.
--
--   format           "lunula 1"
--   lunula_version   what wrote it
--   config           the model as Keras's JSON
--   state            JSON: counters, vocabularies, where training stands (saving/state.lua)
--   class_names      JSON: a list, if one was given
--   graph, graphs    what was traced of the model and of its Lambdas (saving/graphs.lua)
--
-- and the tensors of a self-test (saving/self_test.lua), if an input for it was given.
--
-- Tensors bear the names of their variables. Files of others, which have tensors alone, are read by
-- load_weights.

local core = require "lunula.core"
local ops = require "lunula.ops"
local config = require "lunula.saving.config"
local filling = require "lunula.saving.filling"
local graphs = require "lunula.saving.graphs"
local json = require "lunula.saving.json"
local self_test = require "lunula.saving.self_test"
local stand_ins = require "lunula.saving.stand_ins"
local state = require "lunula.saving.state"
local deserialize = require "lunula.models.deserialize"
local results = require "lunula.trainers.results"
local weights = require "lunula.layers.base.weights"
local warn = require "lunula.utils.warn"

local native = {}

local format <const> = "lunula 1"

-- ---- writing -----------------------------------------------------------------------------------

local function warn_unbuilt(model)
  if model.built then return end
  warn.say('model "%s" is saved without weights, because it has not been built: call it on data '
    .. "first, or build it by model:build{…}", model.name)
end

local function items_of(entries)
  local items = {}
  for i, entry in ipairs(entries) do items[i] = { entry.name, entry.variable } end
  return items
end

local function write(path, entries, metadata, options)
  metadata.format, metadata.lunula_version = format, core.version
  if options.class_names then metadata.class_names = json.encode(options.class_names) end
  core.file_write(path, items_of(entries), metadata,
    { dtype = options.dtype, overwrite = options.overwrite })
end

local function add_test(model, entries, numbers, x)
  if x == nil then return end
  local list, structure = self_test.entries(model, x)
  table.move(list, 1, #list, #entries + 1, entries)
  numbers.test = structure
end

-- name_of(variable) for graphs. Variables that no layer has, which a closure holds, join the
-- entries.
local function naming(entries)
  local names, count = {}, 0
  for _, entry in ipairs(entries) do names[entry.variable] = entry.name end
  return function (variable)
    if not names[variable] then
      names[variable] = ("lunula/variable/%d"):format(count)
      count = count + 1
      entries[#entries + 1] = { name = names[variable], variable = variable }
    end
    return names[variable]
  end
end

local function add_constants(entries, constants)
  for _, constant in ipairs(constants) do
    entries[#entries + 1] = { name = constant[1], variable = constant[2] }
  end
end

local told_without = setmetatable({}, { __mode = "k" })   -- models of which this was said

-- The graphs of a model that is saved. One that cannot be traced is left out, which is said once.
local function add_graphs(model, entries, metadata)
  if not model.built then return end
  local name_of, constants = naming(entries), {}
  local text, more = graphs.of_model(model, name_of)
  if text then
    metadata.graph, constants = text, more
  elseif not told_without[model] then
    told_without[model] = true
    warn.say("model \"%s\" is saved without its graph, and loads where its classes are: %s",
      model.name, more)
  end
  graphs.of_layers(model, name_of, metadata, constants)
  add_constants(entries, constants)
end

function native.save_model(model, path, options)
  warn_unbuilt(model)
  local with_training = options.include_optimizer and model._compiled ~= nil
  local metadata = { config = config.text(model, "save", with_training) }
  local entries, numbers = state.collect(model, with_training)
  add_test(model, entries, numbers, options.test)
  add_graphs(model, entries, metadata)
  metadata.state = json.encode(numbers)
  write(path, entries, metadata, options)
end

-- The graph and what it reads.
function native.export(model, path, options)
  if not model.built then
    core.raise('export: model "%s" has not been built: call it on data first, or build it by '
      .. "model:build{…}", model.name)
  end
  local all, used, numbers = state.weights(model), {}, {}
  local name_of = naming(all)
  local text, constants = graphs.of_model(model, function (variable)
    local name = name_of(variable)
    used[#used + 1] = { name = name, variable = variable }
    return name
  end)
  if not text then core.raise('export: model "%s": %s', model.name, constants) end
  add_test(model, used, numbers, options.test)
  add_constants(used, constants)
  write(path, used, { graph = text, state = json.encode(numbers) }, options)
end

-- With the state of the optimizer, as Keras does.
function native.save_weights(model, path, options)
  local entries, numbers = state.collect(model, model._compiled ~= nil)
  write(path, entries, { state = json.encode(numbers) }, options)
end

-- ---- reading -----------------------------------------------------------------------------------

local function numbers_of(reader)
  local text = reader.metadata.state
  if not text then return {} end
  local numbers, problem = json.decode(text)
  if type(numbers) ~= "table" then
    core.raise("%s: the state in the file is broken: %s", reader.path,
      problem or "it is no object")
  end
  return numbers
end

-- Weights and, where both have it, the state of the optimizer.
function native.load_weights(model, path, options)
  local reader <close> = core.file_read(path)
  local numbers = numbers_of(reader)
  local pairs_of, problem, entries, file_name = filling.weight_pairs(model, reader, numbers)
  if problem ~= "" then
    local text = ('%s does not fit model "%s":%s'):format(path, model.name, problem)
    if not options.skip_mismatch then
      core.raise("load_weights: %s\n(nothing was loaded; skip_mismatch=true loads what fits)", text)
    end
    warn.say("%s", text)
  end
  filling.assign(filling.values_of(pairs_of, reader))
  if model.optimizer and numbers.optimizer then
    local values = filling.optimizer_values(model, reader, numbers, entries, file_name)
    if values then
      filling.assign(values)
      state.give_rates(model, numbers)
    else
      warn.say("%s: the state of the optimizer is left out, it does not fit %s", path,
        tostring(model.optimizer))
    end
  end
end

-- ---- a fit that is broken off ------------------------------------------------------------------

-- The plain numbers of callbacks for the JSON, and their tensors as entries.
local function callback_state(model, entries)
  local states = model._callbacks:get_state()
  local told = setmetatable({}, { __jsontype = "array" })
  for i, fields in ipairs(states) do
    told[i] = setmetatable({}, { __jsontype = "object" })
    for key, value in pairs(fields) do
      if type(value) ~= "table" then told[i][key] = value end
      for j, tensor in ipairs(type(value) == "table" and value or {}) do
        local name = ("lunula/callbacks/%d/%s/%d"):format(i, key, j)
        entries[#entries + 1] = { name = name, variable = tensor }
      end
    end
  end
  return told
end

local function callbacks_of(reader, told)
  local states = {}
  for i, fields in ipairs(type(told) == "table" and told or {}) do
    states[i] = {}
    for key, value in pairs(type(fields) == "table" and fields or {}) do states[i][key] = value end
  end
  for _, name in ipairs(reader.names) do
    local i, key, j = name:match "^lunula/callbacks/(%d+)/(.+)/(%d+)$"
    local fields = states[tonumber(i)]
    if fields then
      fields[key] = fields[key] or {}
      fields[key][tonumber(j)] = ops.copy(reader:tensor(name))
    end
  end
  return states
end

function native.save_training(model, path)
  local entries, numbers = state.collect(model, true)
  numbers.callbacks = callback_state(model, entries)
  write(path, entries, { state = json.encode(numbers) }, {})
end

-- Returns {epochs =, batch =, seed =, callbacks =}.
function native.load_training(model, path)
  local reader <close> = core.file_read(path)
  local numbers = numbers_of(reader)
  local pairs_of, problem, entries, file_name = filling.weight_pairs(model, reader, numbers)
  local of_optimizer = problem == ""
    and filling.optimizer_values(model, reader, numbers, entries, file_name)
  local fit = state.position_of(numbers)
  if not (of_optimizer and fit) then
    core.raise('%s is no backup of model "%s" as it is built and compiled%s', path, model.name,
      problem)
  end
  filling.assign(filling.values_of(pairs_of, reader))
  filling.assign(of_optimizer)
  state.give_rates(model, numbers)
  results.give(model, filling.metric_values(reader))
  state.give_numbers(model, numbers)
  local told = state.random_of(numbers)
  if told then core.random_state(told.seed, told.stream, told.draw) end
  return { epochs = fit.epochs, batch = fit.batch, seed = fit.seed,
    callbacks = callbacks_of(reader, numbers.callbacks) }
end

-- ---- whole models ------------------------------------------------------------------------------

local function check_format(reader)
  local metadata = reader.metadata
  if not (metadata.config or metadata.graph) then
    core.raise("load_model: %s holds tensors and no model%s; build the model and call "
      .. "model:load_weights", reader.path,
      metadata.format and "" or ", it was not written by lunula")
  end
  if metadata.format ~= format then
    core.raise('load_model: %s is of the format "%s", this lunula %s reads "%s"', reader.path,
      tostring(metadata.format), core.version, format)
  end
end

local function record_of(reader, with_training)
  local record, problem = json.decode(reader.metadata.config)
  if type(record) ~= "table" then
    core.raise("load_model: the config in %s is broken: %s", reader.path,
      problem or "it is no object")
  end
  if not with_training then record.compile_config = nil end
  return record
end

local function check_complete(model, reader, entries)
  if #entries == 0 and #reader.names > 0 and not model.built then
    core.raise('load_model: model "%s" cannot be built from what %s says of it (%s): its class '
      .. "must make its weights in build, or be called on data before it is saved", model.name,
      reader.path, "there is no build_config")
  end
end

local function fill(model, reader, numbers, with_training)
  local pairs_of, problem, entries, file_name = filling.weight_pairs(model, reader, numbers)
  check_complete(model, reader, entries)
  if problem ~= "" then
    core.raise("load_model: the tensors in %s do not fit the model that it describes:%s",
      reader.path, problem)
  end
  filling.assign(filling.values_of(pairs_of, reader))
  if with_training and model.optimizer then
    local values = filling.optimizer_values(model, reader, numbers, entries, file_name)
    if not values then
      core.raise("load_model: the state of the optimizer in %s does not fit %s; load it with "
        .. "compile=false", reader.path, tostring(model.optimizer))
    end
    filling.assign(values)
    state.give_rates(model, numbers)
    results.give(model, filling.metric_values(reader))
    rawset(model, "_fit_position", state.position_of(numbers))
    rawset(model, "_random_told", state.random_of(numbers))
  end
  state.give_numbers(model, numbers)
end

local function check(model, reader, numbers)
  if not self_test.run(model, reader, numbers.test) then
    core.raise("load_model: there is no self-test in %s; save has one with test = an input",
      reader.path)
  end
end

local function is_empty(value) return type(value) ~= "table" or next(value) == nil end

-- The model that the config describes, made by its classes and by graphs in place of those that are
-- not there.
local function described(reader, numbers, record, options)
  local hooks = { made = state.teacher(numbers), stand_in = stand_ins.finder(reader) }
  local model = weights.unset(deserialize.with_hooks, hooks, config.model, record, "load_model",
    options.custom_objects)
  fill(model, reader, numbers, options.compile)
  return model
end

-- What predicts by the graph of the whole model.
local function from_graph(reader, name)
  local model, list = weights.unset(stand_ins.model, reader, name)
  local pairs_of = {}
  for i, entry in ipairs(list) do pairs_of[i] = { entry.variable, entry.name } end
  filling.assign(filling.values_of(pairs_of, reader))
  return model
end

-- A class or function that is not there is told so.
local function is_missing_code(problem)
  return tostring(problem):find("custom_objects", 1, true) ~= nil
end

local function made(reader, numbers, options)
  if not reader.metadata.config then return from_graph(reader) end
  local record = record_of(reader, options.compile)
  local ok, result = pcall(described, reader, numbers, record, options)
  if ok then return result end
  if not (reader.metadata.graph and is_missing_code(result)) then error(result, 0) end
  if is_empty(record.compile_config) then
    return from_graph(reader, type(record.config) == "table" and record.config.name)
  end
  error(tostring(result) .. "; with compile=false it is predicted by its graph", 0)
end

-- What a file has beside the model, as options of save: class_names, test.
function native.extras(path)
  local reader <close> = core.file_read(path)
  local names = reader.metadata.class_names
  return { class_names = names and json.decode(names),
    test = self_test.input(reader, numbers_of(reader).test) }
end

function native.load_model(path, options)
  local reader <close> = core.file_read(path)
  check_format(reader)
  local numbers = numbers_of(reader)
  local model = state.undisturbed(made, reader, numbers, options)
  if options.check then check(model, reader, numbers) end
  return model
end

return native
