-- What a step of training or testing does beside its own, where ranks share the batch: when it has
-- run, everything but the rows of the batch is the same on all of them.
--
-- Gradients and means are weighed by the rows that each rank had: the mean over all rows, also
-- where parts differ in size. The sums go in buckets: each begins when the last value for it is
-- there, and is waited for where it is needed.

local core = require "lunula.core"
local ops = require "lunula.ops"
local ranks = require "lunula.distribution.ranks"

local step = {}

-- Bytes of a bucket. A small model has four of them all the same, or the only one would begin when
-- there is nothing left to overlap with; below the least a sum takes as long as an empty one.
local MOST <const>, LEAST <const>, BUCKETS <const> = 1 << 20, 1 << 16, 4
local VALUES <const> = 60             -- and so many values: an op has 64 outputs at most

local function said_bytes()
  local text = os.getenv "LUNULA_MPI_BUCKET"
  local bytes = tonumber(text or 0)
  if not (bytes and bytes >= 0) then
    core.raise("LUNULA_MPI_BUCKET must be a number of bytes, got %s", text)
  end
  return text and bytes
end

local SAID <const> = said_bytes()

-- How often the rows of a batch count: 0 where a rank has none of them and computes one of others.
local counting

local function counts()
  counting = counting or core.untraced(core.variable, {
    value = core.tensor(1, "float32"), name = "counts", trainable = false,
  })
  return counting
end

-- Says whether the rows of the next batches count.
local told = true
function step.count_rows(truth)
  if truth ~= told then counts():assign(core.tensor(truth and 1 or 0, "float32")) end
  told = truth
end

function step.rows_count() return told end

local running          -- {rows = tensor, …}, while a step is traced or run; then ranks.step is this

-- ---- sums --------------------------------------------------------------------------------------

-- The sums over all ranks of a few values.
local function sums(values)
  return core.sums_end(core.sums_begin(values, false), values, false)
end

-- The rows of this batch on this rank; on all.
local function rows() return running and running.rows or core.tensor(1, "float32") end

local function all_rows()
  running.all_rows = running.all_rows or sums { running.rows }
  return running.all_rows
end

local function bytes_of(value)
  local count = 4
  for _, size in ipairs(value.shape) do count = count * (size or 1) end
  return count
end

-- Lists of the numbers of values, from the last one on: gradients come in this order.
local function in_buckets(values)
  local buckets, bytes, all = {}, math.huge, 0
  for _, value in ipairs(values) do all = all + bytes_of(value) end
  local most = SAID or math.min(MOST, math.max(LEAST, all // BUCKETS))
  for i = #values, 1, -1 do
    local more = bytes_of(values[i])
    if bytes + more > most or #buckets[#buckets] == VALUES then
      buckets[#buckets + 1], bytes = {}, 0
    end
    table.insert(buckets[#buckets], i)
    bytes = bytes + more
  end
  return buckets
end

-- The means of the values over the rows of all ranks.
local function means(values)
  local weight, results, begun = rows(), {}, {}
  local buckets = in_buckets(values)
  for b, bucket in ipairs(buckets) do
    local list = { weight }
    for _, i in ipairs(bucket) do list[#list + 1] = values[i] end
    begun[b] = { list, core.sums_begin(list, true, b == #buckets) }
  end
  for b, bucket in ipairs(buckets) do
    local summed = { core.sums_end(begun[b][2], begun[b][1], true) }
    for place, i in ipairs(bucket) do results[i] = summed[place + 1] end
  end
  return results
end

-- What an optimizer is given: the gradients of the whole batch. by: who oversees the update, whose
-- loss must be finite on all ranks.
function step.gradients(grads, variables, by)
  local values, place = {}, {}
  for i = 1, #variables do
    if grads[i] then
      values[#values + 1] = grads[i]
      place[#values] = i
    end
  end
  local with_loss = by and by.loss
  if with_loss then values[#values + 1] = by.loss end
  local all, results = means(values), {}
  if with_loss then by.loss = all[#values] end
  for at, i in pairs(place) do results[i] = all[at] end
  return results
end

-- ---- losses ------------------------------------------------------------------------------------

-- A sum over the rows of this rank, so that the mean of all ranks' is the sum over all rows.
function step.of_sum(value)
  return value * (all_rows() / ops.maximum(rows(), 1))
end

-- Two sums over the rows of this rank as such over all rows.
function step.of_all(a, b)
  local shares = running.counts
  return sums { ops.cast(a, "float32") * shares, ops.cast(b, "float32") * shares }
end

-- The mean of values of this rank over the rows of all ranks, and its gradient.
function step.mean(value)
  local weight = running.rows
  local share = weight / all_rows()
  return ops.custom_gradient(function(x)
    return sums { x * share }, function(g) return sums { g * share } end
  end)(value)
end

-- ---- a step ------------------------------------------------------------------------------------

local function is_same(a, b)
  local ok, same = pcall(function () return a == b end)
  return ok and same
end

-- What the optimizer changes is the same on all ranks by itself.
local function updated_by(model)
  local list = {}
  for _, variable in ipairs(model.trainable_weights) do list[variable] = true end
  for _, variable in ipairs(model.optimizer and model.optimizer.variables or {}) do
    list[variable] = true
  end
  return list
end

-- The states of metrics, which add up, and what else a step may assign, which is a mean.
local function states_of(model)
  local states = {}
  for _, entry in ipairs(model:_metric_entries()) do
    for _, variable in ipairs(entry.metric.variables) do
      states[#states + 1] = { variable, adds = true, of = entry,
        first = entry.metric.initial and entry.metric.initial[variable] }
    end
  end
  local known = updated_by(model)
  for _, variable in ipairs(model:_kept_variables()) do
    if not known[variable] and variable.dtype == "float32" then
      states[#states + 1] = { variable }
    end
  end
  return states
end

function step.count_states(model) return #states_of(model) end

-- The names of values that a step returned and that are no results of metrics: those that it has
-- updated, by label.
local function own_logs(logs, updated)
  local names = {}
  for name, value in pairs(logs or {}) do
    if not updated[name] and core.is_tensor(value) then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function current(value)
  return core.is_variable(value) and value.value or value
end

-- The states that a step has changed: { { state, value before } … }. A trace is the same on all
-- ranks. Eager values may happen to stay as they were on some of them alone, so all are asked.
local function changed_states(model, before)
  local all, differs, list = {}, {}, {}
  for _, state in ipairs(states_of(model)) do
    local old = before[state[1]] or state.first
    if old then
      all[#all + 1] = { state, old }
      differs[#all] = is_same(state[1].value, old) and 0 or 1
    end
  end
  if not core.is_symbolic(running.rows) then differs = ranks.all(differs, "max") end
  for i, entry in ipairs(all) do
    if differs[i] > 0 then list[#list + 1] = entry end
  end
  return list
end

-- Assigns to all states what they are on all ranks, and puts such values into the logs.
local function share_states(model, before, logs)
  local changed, list, updated = {}, { running.rows }, {}
  for i, entry in ipairs(changed_states(model, before)) do
    local state, old = entry[1], entry[2]
    local variable = state[1]
    changed[i] = { variable, old, state.adds }
    if state.of then updated[state.of.label] = state.of.metric end
    list[#list + 1] = state.adds and (variable.value - old) * running.counts
      or variable.value * running.rows
  end
  local names = own_logs(logs, updated)
  for _, name in ipairs(names) do
    list[#list + 1] = ops.cast(current(logs[name]), "float32") * running.rows
  end
  if #list == 1 then return end
  local shared = {}
  for first = 2, #list, VALUES do
    local part = table.move(list, first, math.min(first + VALUES - 1, #list), 2, { list[1] })
    local summed = { sums(part) }
    shared[1] = summed[1]
    table.move(summed, 2, #summed, first, shared)
  end
  for i, state in ipairs(changed) do
    local variable, old, adds = table.unpack(state, 1, 3)
    variable:assign(adds and old + shared[i + 1] or shared[i + 1] / shared[1])
  end
  for i, name in ipairs(names) do logs[name] = shared[#changed + i + 1] / shared[1] end
  for name in pairs(logs or {}) do
    local metric = updated[name]
    if metric and core.is_tensor(logs[name]) then logs[name] = current(metric:result()) end
  end
end

-- fn(…), a step on `rows` rows of this rank. Returns its logs, which are those of all ranks.
function step.run(model, count, fn, ...)
  local before = {}
  for _, state in ipairs(states_of(model)) do before[state[1]] = state[1].value end
  local shares = counts().value
  running = { rows = ops.cast(count, "float32") * shares, counts = shares }
  ranks.step = step
  local _ <close> = setmetatable({}, { __close = function() running, ranks.step = nil, nil end })
  local logs = fn(...)
  share_states(model, before, logs)
  return logs
end

return step
