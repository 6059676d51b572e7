-- The results of an epoch, {{name, value}, …}: where they come from, and their other forms.
--
-- A step's logs are as a rule the results of the model's metrics, which are read when they are
-- asked for. Logs under other names, which only an own step returns, are kept from batch to batch
-- in Variables, since steps run in C. They stand behind those of the metrics, by alphabet.

local core = require "lunula.core"
local ops = require "lunula.ops"
local declare = require "lunula.declare"
local tracking = require "lunula.layers.base.tracking"
local saved = require "lunula.trainers.saved_metrics"

local results = {}

-- ---- the metrics of a model --------------------------------------------------------------------

-- Those that the class or the model itself says: `metrics`, a function or a list; or nil.
local function declared(self)
  local told = self._own_metrics or declare.class_of(self).metrics
  if type(told) == "function" then told = told(self) end
  if told == nil then return nil end
  local list = {}
  for i, metric in ipairs(declare.is_plain(told) and told or { told }) do
    if not declare.is(metric, "metric") then
      core.raise("model \"%s\": metrics must be a list of metrics, got %s", self.name,
        declare.show(metric))
    end
    list[i] = { label = metric.name, metric = metric }
  end
  return list
end

local function by_label(a, b) return a.label < b.label end

-- Keras looks for results under the names of the metrics. Those under other names ("out_mae") stand
-- behind them, by alphabet.
local function in_order(list)
  local named, others = {}, {}
  for _, entry in ipairs(list) do
    local into = entry.label == entry.metric.name and named or others
    into[#into + 1] = entry
  end
  table.sort(others, by_label)
  return table.move(others, 1, #others, #named + 1, named)
end

-- {{label=, metric=}, …} as Keras lists them: the loss, those that compile was told, the losses of
-- outputs, those in fields of the model and of its layers. A later one takes the place of one of
-- its name.
function results.metrics(self)
  local own = declared(self)
  if own then return own end
  local list, place = self._compiled and self._compiled:all_metrics() or {}, {}
  for i, entry in ipairs(list) do place[entry.label] = i end
  tracking.each_metric(self, function(metric)
    local i = place[metric.name] or #list + 1
    list[i], place[metric.name] = { label = metric.name, metric = metric }, i
  end)
  return in_order(list)
end

-- From now on they are looked for once for many epochs, and again when a step was traced, which may
-- make some. To be held in a variable that closes.
function results.hold(self)
  rawset(self, "_held_metrics", {})
  return setmetatable({}, { __close = function() rawset(self, "_held_metrics", nil) end })
end

local function let_go(self)
  if rawget(self, "_held_metrics") then rawset(self, "_held_metrics", {}) end
end

-- Those that the steps so far have, as they are asked for between steps.
function results.of_steps(self)
  local held = rawget(self, "_held_metrics")
  if not held then return results.metrics(self) end
  held.list = held.list or results.metrics(self)
  return held.list
end

-- Their variables for a file; and from one.
function results.variables(self)
  return saved.variables(results.metrics(self))
end

function results.give(self, values)
  local rest = saved.take(results.metrics(self), values)
  if not self._compiled.built then self._compiled.waiting = rest end
end

local function read(self)
  local list = {}
  for _, entry in ipairs(results.of_steps(self)) do
    local value = entry.metric:read()
    local several = declare.is_plain(value) and value[1] == nil
    for _, name in ipairs(several and results.names(value) or { entry.label }) do
      if several then list[#list + 1] = { name, value[name] }
      else list[#list + 1] = { name, value } end
    end
  end
  return list
end

-- ---- the logs of a step ------------------------------------------------------------------------

function results.names(logs)
  local names = {}
  for name in pairs(logs) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- The names in their order, and whether they are just those of the metrics.
local function ordered(self, logs)
  local names, seen, same = {}, {}, true
  for _, entry in ipairs(results.metrics(self)) do
    if logs[entry.label] ~= nil then
      names[#names + 1], seen[entry.label] = entry.label, true
    else
      same = false
    end
  end
  for _, name in ipairs(results.names(logs)) do
    if not seen[name] then names[#names + 1], same = name, false end
  end
  return names, same
end

local function check(self, mode, logs)
  if not declare.only_names(logs) then
    core.raise("model \"%s\": %s_step must return its logs, a table of numbers by name, as "
      .. "{ loss = loss }, got %s", self.name, mode, declare.show(logs))
  end
  for name, value in pairs(logs) do
    if not core.is_tensor(value) and type(value) ~= "number" then
      core.raise("model \"%s\": the log \"%s\" of %s_step must be a number, got %s", self.name,
        name, mode, declare.show(value))
    end
  end
end

-- A Variable for the values of one log, made when the step is traced.
local function holder(self, mode, name, value)
  for _, size in ipairs(value.shape) do
    if not size then
      core.raise("model \"%s\": the log \"%s\" of %s_step must be one number, its shape is %s",
        self.name, name, mode, require("lunula.ops.tools").shape_text(value.shape))
    end
  end
  local zeros = core.untraced(ops.full, value.shape, 0, value.dtype)
  return core.variable { value = zeros, name = name, trainable = false }
end

-- Called in the step, with what it returned; nil stands for the metrics as they are.
function results.keep(self, mode, logs)
  let_go(self)
  local kept = self._logs[mode] or { holders = {} }
  self._logs[mode], kept.names = kept, nil
  if logs == nil then return end
  check(self, mode, logs)
  local names, same = ordered(self, logs)
  if same then return end
  kept.names, kept.numbers = names, {}
  for _, name in ipairs(names) do
    local value = logs[name]
    if core.is_tensor(value) then
      kept.holders[name] = kept.holders[name] or holder(self, mode, name, value)
      kept.holders[name]:assign(core.is_variable(value) and value.value or value)
    else
      kept.numbers[name] = value
    end
  end
end

-- The results of the steps since the metrics were reset. mode: "train" or "test".
function results.of(self, mode)
  local kept = self._logs[mode]
  if not (kept and kept.names) then return read(self) end
  local list = {}
  for i, name in ipairs(kept.names) do
    local value = kept.numbers[name]
    if not value then
      local held = kept.holders[name].value
      value = held.rank == 0 and held:item() or held:totable()
    end
    list[i] = { name, value }
  end
  return list
end

-- ---- other forms -------------------------------------------------------------------------------

-- As a table by name.
function results.by_name(list, into)
  into = into or {}
  for _, entry in ipairs(list) do into[entry[1]] = entry[2] end
  return into
end

-- As evaluate returns them: the loss, then the metrics; or as a table.
function results.as_returns(list, return_dict)
  if return_dict then return results.by_name(list) end
  local values = {}
  for i, entry in ipairs(list) do values[i] = entry[2] end
  return table.unpack(values)
end

-- As Keras shows them: by alphabet.
function results.shown(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted, function(a, b) return a[1] < b[1] end)
  return sorted
end

-- Those of validation, beside those of training.
function results.of_validation(list)
  local renamed = {}
  for i, entry in ipairs(list) do renamed[i] = { "val_" .. entry[1], entry[2] } end
  return renamed
end

-- The list and, behind it by alphabet, the numbers that callbacks added to the logs.
function results.with_added(list, logs)
  local all, known, added = {}, {}, {}
  for i, entry in ipairs(list) do all[i], known[entry[1]] = entry, true end
  for key, value in pairs(logs) do
    if not known[key] and type(value) == "number" then added[#added + 1] = key end
  end
  table.sort(added)
  for _, key in ipairs(added) do all[#all + 1] = { key, logs[key] } end
  return all
end

return results
