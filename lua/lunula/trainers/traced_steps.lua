-- The three steps of a model, each traced once into one Function and kept while it is the model's.
--
-- What a step does stands in train_step.lua, or in the model. The whole train step (forward, loss,
-- gradients, clipping, update, constraints, metrics) is a trace whose effects are assigns, so that
-- many batches run in C with no Lua between them. With run_eagerly the same code runs batch by
-- batch.

local core = require "lunula.core"
local late = require "lunula.late"
local ops = require "lunula.ops"
local batch = require "lunula.utils.batch"
local ranks = require "lunula.distribution.ranks"
local functions = require "lunula.trainers.functions"
local results = late(function () return require "lunula.trainers.results" end)
local train_step = late(function () return require "lunula.trainers.train_step" end)
local watch = late(function () return require "lunula.trainers.watch" end)

local traced_steps = {}

-- ---- specs and keys ----------------------------------------------------------------------------

-- The placeholder of a batch of such tensors: the first size is free, and so are those that the
-- model leaves free, so that one trace serves sequences of every length. A model that keeps states
-- knows its batch.
local function spec_of(tensor, declared, name, rows, freed)
  local shape = tensor.shape
  shape[1] = rows or false
  for i = 2, declared and #shape or 0 do
    if declared[i] == false then
      freed[shape[i]] = true
      shape[i] = false
    end
  end
  return { shape = shape, dtype = tensor.dtype, name = name }
end

-- Targets and weights are as long as an input that is free, where their output is free too.
local function spec_beside(tensor, output, name, freed)
  local shape = tensor.shape
  shape[1] = false
  for i = 2, output and #shape or 0 do
    if output[i] == false and freed[shape[i]] then shape[i] = false end
  end
  return { shape = shape, dtype = tensor.dtype, name = name }
end

local function specs_of(model, xs, ys, ws)
  local declared, names = model:_input_shapes(), model:_input_names()
  local outputs, keeps = model:_output_shapes() or {}, model:_keeps_states()
  local specs, freed = {}, {}
  for i, tensor in ipairs(xs) do
    local own = declared and declared[i]
    if own and #own ~= tensor.rank then own = nil end
    specs[#specs + 1] = spec_of(tensor, own, names and names[i] or "x" .. i,
      keeps and declared and declared[i] and declared[i][1], freed)
  end
  for i, tensor in ipairs(ys) do
    specs[#specs + 1] = spec_beside(tensor, outputs[i], "y" .. i, freed)
  end
  for i, tensor in ipairs(ws) do
    if tensor then
      specs[#specs + 1] = spec_beside(tensor, outputs[i], "sample_weight" .. i, freed)
    end
  end
  return specs
end

-- What tells one trace of a model from another: the data's structure, its types and fixed sizes.
local function key_of(mode, parts, structures, specs)
  local words = { mode }
  for _, structure in ipairs(structures) do
    words[#words + 1] = type(structure) == "table" and table.concat(structure, ",") or structure
  end
  local position = 0
  for _, list in ipairs(parts) do
    words[#words + 1] = "|"
    for _, tensor in ipairs(list) do
      local word = "-"
      if tensor then
        position = position + 1
        word = specs[position].dtype
        for _, size in ipairs(specs[position].shape) do word = word .. "," .. (size or "?") end
      end
      words[#words + 1] = word
    end
  end
  return table.concat(words, ";")
end

-- Splits flat arguments into xs, ys and ws again; ws keeps `false` where there is no weight.
local function split(flat, xs, ys, ws)
  local position = 0
  local function take(list)
    local taken = {}
    for i = 1, #list do
      taken[i] = false
      if list[i] then
        position = position + 1
        taken[i] = flat[position]
      end
    end
    return taken
  end
  return take(xs), take(ys), take(ws)
end

-- ---- a batch -----------------------------------------------------------------------------------

-- What a step is given: the tensors of a batch, as the data was given.
local function packed(prepared, flat)
  local xs, ys, ws = split(flat, prepared.xs, prepared.ys, prepared.ws)
  local weights
  for _, weight in ipairs(ws) do
    if weight then weights = #ws == 1 and weight or ws end
  end
  return batch.pack(batch.of(xs, prepared.structure),
    #ys > 0 and batch.of(ys, prepared.y_structure) or nil, weights)
end

local function step_of(model, name)
  return model:_has_own(name) and model[name] or train_step.built_in[name]
end

-- The step of the model, or one after which all ranks that share the batch have the same.
local function shared_step(model, name, rows)
  local fn = step_of(model, name)
  if not ranks.here then return fn end
  return function(...)
    return require("lunula.distribution.step").run(model, rows, fn, ...)
  end
end

local function train_once(model, rows, data)
  local fn = shared_step(model, "train_step", rows)
  results.keep(model, "train", watch.step(model, fn, model, data))
end

local function test_once(model, rows, data)
  results.keep(model, "test", shared_step(model, "test_step", rows)(model, data))
end

-- ---- tracing -----------------------------------------------------------------------------------

local not_a_number = "bad argument #%d+ to '([%w_]+)' %(number expected, got lunula%.%w+%)"

-- A trace that failed because it asked for what it cannot have says what to do instead.
local function rethrow(failure)
  local kind = type(failure)
  if kind == "string" then
    local name = failure:match(not_a_number)
    error(name and ("%s; tensors take ops, as k.ops.%s"):format(failure, name) or failure, 0)
  end
  local ok, symbolic = pcall(function() return failure.symbolic end)
  if ok and symbolic then
    error(tostring(failure) .. "; or compile the model with run_eagerly=true", 0)
  end
  error(failure, 0)
end

-- A trace numbers what it draws from 1, so that a model draws the same numbers whenever, and in
-- whichever process, it was traced. Each run of a trace, and each eager draw, counts on.
local function trace(specs, fn)
  local seed, stream, draw = core.random_state()
  core.random_state(seed, 0, draw)
  local ok, result = pcall(core.trace, specs, fn)
  core.random_state(seed, stream, select(3, core.random_state()))
  if not ok then rethrow(result) end
  return result
end

-- A model that makes its weights in its first call is traced again when it has them: a step must
-- know all values that it may have to keep.
local function trace_built(model, specs, fn)
  local function count() return #model:_kept_variables() + ranks.count_states(model) end
  local before, call = count(), trace(specs, fn)
  return count() == before and call or trace(specs, fn)
end

-- Every weight and whether it was trainable.
local function note_weights(entry, model)
  entry.weights, entry.trainable = model.weights, {}
  for i, variable in ipairs(entry.weights) do entry.trainable[i] = variable.trainable end
end

local own_hooks = {
  "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics",
  "get_metrics_result",
}

local function note_hooks(entry, model)
  entry.hooks, entry.ranks = {}, ranks.here
  for i, name in ipairs(own_hooks) do entry.hooks[i] = model[name] end
end

-- Is the traced step still the model's? Adding a layer changes what is run, freezing one what is
-- trained; a user's class may get a hook after it was traced; ranks may come together, or part.
local function is_current(entry, model)
  if entry.version ~= model:_version() or entry.ranks ~= ranks.here then return false end
  for i, name in ipairs(own_hooks) do
    if entry.hooks[i] ~= model[name] then return false end
  end
  for i, variable in ipairs(entry.weights or {}) do
    if variable.trainable ~= entry.trainable[i] then return false end
  end
  return true
end

local function cached(model, key)
  local entry = functions.find(model, key)
  if entry and is_current(entry, model) then return entry end
end

-- The entry that was found for just these tensors before, as an epoch ago, while it is the model's.
local function found_before(model, mode, prepared)
  local entry = prepared[mode]
  if entry and entry.eager == model.run_eagerly and cached(model, entry.key) == entry then
    return entry
  end
end

-- A model without an Input is known by what it was last given; a file tells it.
local function note_inputs(model, specs, count, structure)
  if model._inputs then return end
  rawset(model, "_last_inputs", {
    specs = table.move(specs, 1, count, 1, {}), structure = structure,
  })
end

-- A step of the user's own asks for the model's weights before it calls the model: then they must
-- be there. prepared, flat: a batch.
local function must_build(model, mode)
  return not model.built and model:_has_own "call" and model:_has_own(mode .. "_step")
end

local function build(model, prepared, flat)
  model:_called(batch.of({ table.unpack(flat, 1, #prepared.xs) }, prepared.structure), false)
end

local function kept(model, key, entry)
  note_hooks(entry, model)
  entry.key, entry.version = key, model:_version()
  functions.keep(model, key, entry)
  return entry
end

local function rows_of(x) return ranks.here and ops.dim(x, 0) end

local function make(model, mode, once, prepared)
  local eager, xs, structure = model.run_eagerly, prepared.xs, prepared.structure
  if not eager then model:_ensure_built(xs, structure) end
  local specs = specs_of(model, xs, prepared.ys, prepared.ws)
  note_inputs(model, specs, #xs, structure)
  local key = key_of(mode .. (eager and "!" or ""), { xs, prepared.ys, prepared.ws },
    { structure, prepared.y_structure }, specs)
  local entry = cached(model, key)
  if entry then return entry end
  entry = { eager = eager }
  if eager then
    entry.call = function(...)
      if must_build(model, mode) then build(model, prepared, { ... }) end
      core.record(once, model, rows_of(...), packed(prepared, { ... }))
    end
  else
    if must_build(model, mode) then
      trace(specs, function(...) build(model, prepared, { ... }) end)
    end
    entry.call = trace_built(model, specs, function(...)
      once(model, rows_of(...), packed(prepared, { ... }))
    end)
    entry.rows = true
  end
  if mode == "train" then note_weights(entry, model) end
  if ranks.here then
    require("lunula.trainers.shared_batches").traced(model, mode, entry.call)
  end
  return kept(model, key, entry)
end

-- A model that came from a file takes up the random numbers where they stood when it was saved, as
-- soon as it is trained.
function traced_steps.take_up_random(model)
  local told = rawget(model, "_random_told")
  if not told then return end
  rawset(model, "_random_told", nil)
  core.random_state(told.seed, told.stream, told.draw)
end

local once = { train = train_once, test = test_once }

local function entry_of(model, mode, prepared)
  local entry = found_before(model, mode, prepared) or make(model, mode, once[mode], prepared)
  prepared[mode] = entry
  return entry
end

-- Each returns {call = function of the flat batch tensors (a Function unless eager), rows = may
-- it run rows}. prepared: {xs=, ys=, ws=, structure=, y_structure=}, see prepare.lua; the entry is
-- noted there.
function traced_steps.train(model, prepared) return entry_of(model, "train", prepared) end

function traced_steps.test(model, prepared) return entry_of(model, "test", prepared) end

function traced_steps.predict(model, xs, structure)
  local eager = model.run_eagerly
  if not eager then model:_ensure_built(xs, structure) end
  local specs = specs_of(model, xs, {}, {})
  note_inputs(model, specs, #xs, structure)
  local key = key_of(eager and "predict!" or "predict", { xs }, { structure }, specs)
  local entry = cached(model, key)
  if entry then return entry end
  entry = {}
  local function forward(...)
    local data = batch.pack(batch.of({ ... }, structure))
    return table.unpack(model:_flat(model:predict_step(data)))
  end
  if eager then
    entry.call = forward
  else
    entry.call = trace(specs, forward)
    entry.rows = true
  end
  return kept(model, key, entry)
end

return traced_steps
