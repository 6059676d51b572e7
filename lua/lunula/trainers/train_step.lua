-- The three functions of a model: train, test and predict, each traced once into one Function.
--
-- The whole train step (forward, loss, gradients, clipping, update, constraints, metrics) is a
-- trace whose effects are assigns, so that many batches run in C with no Lua between them. With
-- run_eagerly the same code runs batch by batch.

local core = require "lunula.core"
local ops = require "lunula.ops"
local functions = require "lunula.trainers.functions"

local step = {}

-- ---- specs and keys ----------------------------------------------------------------------------

-- The placeholder of a batch of such tensors: the first size is free, and so are those that the
-- model leaves free, so that one trace serves sequences of every length. A model that keeps states
-- knows its batch.
local function spec_of(tensor, declared, name, batch, freed)
  local shape = tensor.shape
  shape[1] = batch or false
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
local function key_of(mode, parts, structure, specs)
  local words = { mode, type(structure) == "table" and table.concat(structure, ",") or structure }
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

-- ---- what a step does --------------------------------------------------------------------------

local function check_targets(model, ys, preds)
  if #ys > 0 and #ys ~= #preds then
    core.raise("model \"%s\" has %d outputs, but %d targets are given", model.name, #preds, #ys)
  end
end

local function count_samples(x)
  return ops.cast(ops.dim(x, 0), "float32")
end

-- Notes the first step in which something is not finite, and whether that was the loss.
local function watch(model, total, finite)
  local seen = model._watch
  local is_new = ops.logical_and(ops.less(seen.bad, 0), ops.logical_not(finite))
  local of_loss = ops.cast(ops.logical_not(ops.isfinite(total)), "float32")
  seen.of_loss:assign(ops.where(is_new, of_loss, seen.of_loss))
  seen.bad:assign(ops.where(is_new, seen.steps, seen.bad))
  seen.steps:assign(seen.steps + 1)
end

-- ---- the last good values ----------------------------------------------------------------------

local function values_of(variables)
  local values = {}
  for i, variable in ipairs(variables) do values[i] = { variable, variable.value } end
  return values
end

-- Two different traced tensors cannot be compared, which is an answer too.
local function is_same(a, b)
  local ok, same = pcall(function () return a == b end)
  return ok and same
end

-- What the layers assigned in their calls (moving means, states) since `before` was taken.
local function assigned_since(before)
  local changed = {}
  for _, pair in ipairs(before) do
    if not is_same(pair[1].value, pair[2]) then changed[#changed + 1] = pair end
  end
  return changed
end

-- Takes it back unless the step was taken.
local function keep_if(taken, changed)
  for _, pair in ipairs(changed) do
    pair[1]:assign(ops.where(taken, pair[1].value, pair[2]))
  end
end

local function constraints_of(variables, model)
  return model:_constraints(variables)
end

-- The optimizer's step, if the loss and the gradients are finite and were so in all steps before.
-- Returns whether they are.
local function update(model, total, changed)
  local variables, so_far = model.trainable_weights, ops.less(model._watch.bad, 0)
  local finite = ops.isfinite(total)
  local taken = ops.logical_and(finite, so_far)
  if #variables > 0 then
    local grads = core.grad(model.optimizer:scale_loss(total), variables)
    finite, taken = model.optimizer:apply_if_finite(grads, variables, {
      constraints = constraints_of(variables, model), loss = total, allowed = so_far,
    })
  end
  keep_if(taken, changed)
  return finite
end

local function train_once(model, structure, xs, ys, ws)
  local before = values_of(model:_kept_variables())
  local preds = model:_forward(xs, structure, true)
  local changed = assigned_since(before)
  check_targets(model, ys, preds)
  local compiled, samples = model._compiled, count_samples(xs[1])
  compiled:link(model:_output_names(preds), ys, preds)
  local total = compiled:total(ys, preds, ws, model.losses, samples)
  if not total then
    core.raise("there is nothing to train: compile the model with a loss, or call add_loss in "
      .. "a layer")
  end
  local finite = update(model, total, changed)
  compiled:update(total, ys, preds, ws, samples)
  watch(model, total, finite)
end

local function test_once(model, structure, xs, ys, ws)
  local preds = model:_forward(xs, structure, false)
  check_targets(model, ys, preds)
  local compiled, samples = model._compiled, count_samples(xs[1])
  compiled:link(model:_output_names(preds), ys, preds)
  local total = compiled:total(ys, preds, ws, model.losses, samples)
  compiled:update(total, ys, preds, ws, samples)
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
  local count = #model:_kept_variables()
  local call = trace(specs, fn)
  return #model:_kept_variables() == count and call or trace(specs, fn)
end

-- Every weight and whether it was trainable.
local function note_weights(entry, model)
  entry.weights, entry.trainable = model.weights, {}
  for i, variable in ipairs(entry.weights) do entry.trainable[i] = variable.trainable end
end

-- Is the traced step still the model's? Adding a layer changes what is run, freezing one what is
-- trained.
local function is_current(entry, model)
  if entry.version ~= model:_version() then return false end
  for i, variable in ipairs(entry.weights or {}) do
    if variable.trainable ~= entry.trainable[i] then return false end
  end
  return true
end

local function cached(model, key)
  local entry = functions.find(model, key)
  if entry and is_current(entry, model) then return entry end
end

-- A model without an Input is known by what it was last given; a file tells it.
local function note_inputs(model, specs, count, structure)
  if model._inputs then return end
  rawset(model, "_last_inputs", {
    specs = table.move(specs, 1, count, 1, {}), structure = structure,
  })
end

local function make(model, mode, once, xs, ys, ws, structure)
  local eager = model.run_eagerly
  if not eager then model:_ensure_built(xs, structure) end
  local specs = specs_of(model, xs, ys, ws)
  note_inputs(model, specs, #xs, structure)
  local key = key_of(mode .. (eager and "!" or ""), { xs, ys, ws }, structure, specs)
  local entry = cached(model, key)
  if entry then return entry end
  entry = {}
  if eager then
    entry.call = function(...)
      local bx, by, bw = split({ ... }, xs, ys, ws)
      core.record(once, model, structure, bx, by, bw)
    end
  else
    entry.call = trace_built(model, specs, function(...)
      local bx, by, bw = split({ ... }, xs, ys, ws)
      once(model, structure, bx, by, bw)
    end)
    entry.rows = true
  end
  if mode == "train" then note_weights(entry, model) end
  entry.version = model:_version()
  functions.keep(model, key, entry)
  return entry
end

-- A model that came from a file takes up the random numbers where they stood when it was saved, as
-- soon as it is trained.
function step.take_up_random(model)
  local told = rawget(model, "_random_told")
  if not told then return end
  rawset(model, "_random_told", nil)
  core.random_state(told.seed, told.stream, told.draw)
end

-- Each returns {call = function of the flat batch tensors (a Function unless eager), rows = may
-- it run rows}.
function step.train(model, xs, ys, ws, structure)
  return make(model, "train", train_once, xs, ys, ws, structure)
end

function step.test(model, xs, ys, ws, structure)
  return make(model, "test", test_once, xs, ys, ws, structure)
end

function step.predict(model, xs, structure)
  local eager = model.run_eagerly
  if not eager then model:_ensure_built(xs, structure) end
  local specs = specs_of(model, xs, {}, {})
  note_inputs(model, specs, #xs, structure)
  local key = key_of(eager and "predict!" or "predict", { xs }, structure, specs)
  local entry = cached(model, key)
  if entry then return entry end
  entry = {}
  local function forward(...)
    return table.unpack(model:_forward({ ... }, structure, false))
  end
  if eager then
    entry.call = forward
  else
    entry.call = trace(specs, forward)
    entry.rows = true
  end
  entry.version = model:_version()
  functions.keep(model, key, entry)
  return entry
end

-- ---- the watch over what is not finite ---------------------------------------------------------

local function number(value, name)
  return core.variable { value = core.tensor(value, "float32"), name = name, trainable = false }
end

-- steps: how many were made; bad: the first that was not finite, -1 for none; of_loss: was it the
-- loss?
function step.new_watch()
  return {
    steps = number(0, "steps"), bad = number(-1, "bad_step"), of_loss = number(0, "of_loss"),
  }
end

-- Begins anew. While a bad step is noted none is taken.
function step.start_watch(model)
  model._watch.steps:assign(core.tensor(0, "float32"))
  model._watch.bad:assign(core.tensor(-1, "float32"))
end

-- The first bad step since then, from 0, and whether its loss or a gradient is no number; or nil.
function step.bad_step(model)
  local bad = model._watch.bad.value:item()
  if bad < 0 then return nil end
  return math.tointeger(bad), model._watch.of_loss.value:item() > 0 and "the loss" or "a gradient"
end

return step
