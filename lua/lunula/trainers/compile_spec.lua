-- What compile{} was told, made ready for the outputs of a model: a loss and metrics for each of
-- them.
--
-- Names are checked when the model is compiled. What depends on shapes ("accuracy",
-- "crossentropy") is chosen when the first batch is traced. Trackers are metrics too, so that the
-- whole bookkeeping is part of the train step.

local core = require "lunula.core"
local ops = require "lunula.ops"
local declare = require "lunula.declare"
local options = require "lunula.utils.options"
local saved = require "lunula.trainers.saved_metrics"

-- They are many files, and a program that only predicts needs none of them.
local function losses() return require "lunula.losses" end
local function metrics() return require "lunula.metrics" end

local compiled = {}
compiled.__index = compiled

local accuracy = { "BinaryAccuracy", "SparseCategoricalAccuracy", "CategoricalAccuracy" }
local crossentropy = { "BinaryCrossentropy", "SparseCategoricalCrossentropy",
  "CategoricalCrossentropy" }

-- "crossentropy" is a metric of Keras 2.
local automatic = {
  loss = { crossentropy = crossentropy, ce = crossentropy },
  metric = { accuracy = accuracy, acc = accuracy, crossentropy = crossentropy, ce = crossentropy },
}

-- Keras's rule for "accuracy" and "crossentropy": binary, class ids or one-hot, told from the
-- shapes.
local function choose(kind, identifier, y_true, y_pred)
  local family = type(identifier) == "string" and automatic[kind][identifier:lower()]
  if not family then return nil end
  local t, p = y_true.shape, y_pred.shape
  if p[#p] == 1 then return family[1] end
  if #t < #p or t[#t] == 1 then return family[2] end
  return family[3]
end

local function is_list(value)
  return type(value) == "table" and declare.is_plain(value) and value.class_name == nil
end

-- A misspelt "crossentropy" is like no class.
local function check_loss(value)
  local near = type(value) == "string" and declare.suggestion(value, { "crossentropy" }) or ""
  if near ~= "" and declare.find("loss", value) == nil then
    core.raise("unknown loss \"%s\"%s", value, near)
  end
  losses().get(value)
end

-- Every identifier inside is looked up, so that a wrong name is reported by compile.
local function check(kind, value)
  if value == nil or value == core.None then return end
  if is_list(value) then
    for _, inner in pairs(value) do check(kind, inner) end
  elseif not (type(value) == "string" and automatic[kind][value:lower()]) then
    if kind == "loss" then check_loss(value) else metrics().get(value) end
  end
end

function compiled.new(given)
  check("loss", given.loss)
  check("metric", given.metrics)
  check("metric", given.weighted_metrics)
  return setmetatable({
    loss = given.loss, loss_weights = given.loss_weights,
    metrics = given.metrics, weighted_metrics = given.weighted_metrics,
    tracker = metrics().Mean { name = "loss" },
  }, compiled)
end

-- A model must be compiled before it can do `what`.
function compiled.require_of(model, what)
  if not model._compiled then
    core.raise("model \"%s\" must be compiled before %s: model:compile{optimizer=\"adam\", loss=…}",
      model.name, what)
  end
end

-- ---- linking: one entry per output -------------------------------------------------------------

-- `value` spread over the outputs: a list with one entry each (core.None for none), a name table,
-- or one for all where that may be (`shared`).
local function per_output(what, value, names, shared)
  if value == nil then return {} end
  local several = #names > 1
  if not is_list(value) then
    if several and not shared then
      core.raise("compile: the model has %d outputs (%s), so %s must be a list or a name table of "
        .. "as many", #names, table.concat(names, ", "), what)
    end
    local list = {}
    for i = 1, #names do list[i] = value end
    return list
  end
  if type(next(value)) == "string" then
    return options.in_order(value, names,
      "compile: %s names \"%s\", which is no output of the model (%s)%s", what)
  end
  if #value > #names or several and #value ~= #names then
    core.raise("compile: %s must have one entry per output (%s), got %d", what,
      table.concat(names, ", "), #value)
  end
  return table.move(value, 1, #names, 1, {})
end

local function is_none(value) return value == nil or value == core.None end

local function make_loss(identifier, y_true, y_pred)
  if is_none(identifier) then return nil end
  local name = choose("loss", identifier, y_true, y_pred)
  return name and losses()[name] {} or losses().get(identifier)
end

-- How many classes a loss of class ids tells apart, or nil.
local function classes_of(loss, y_pred)
  if not loss.class_axis then return nil end
  local shape, axis = y_pred.shape, loss:class_axis()
  return shape[axis < 0 and #shape + axis + 1 or axis + 1] or nil
end

local function make_metric(identifier, y_true, y_pred)
  local name = choose("metric", identifier, y_true, y_pred)
  if name then return metrics()[name] { name = identifier } end
  return metrics().get(identifier) or core.raise("compile: a metric is wanted, got None")
end

-- The metrics of `value` (an argument of compile) with the names they are reported under.
local function link_metrics(self, what, value, names, ys, preds, weighted)
  if value == nil or is_list(value) and next(value) == nil then return end
  if #names == 1 then
    if is_list(value) and value[1] == nil and value[names[1]] ~= nil then
      value = value[names[1]]
    end
    value = { is_list(value) and value or { value } }
  end
  for i, entry in pairs(per_output(what, value, names)) do
    local list = is_list(entry) and entry or not is_none(entry) and { entry } or {}
    for _, identifier in ipairs(list) do
      local metric = make_metric(identifier, ys[i], preds[i])
      local prefix = #names > 1 and names[i] .. "_" or ""
      local label = prefix .. metric.name
      if self.labels[label] and weighted then label = prefix .. "weighted_" .. metric.name end
      local base, number = label, 0
      while self.labels[label] do
        number = number + 1
        label = base .. "_" .. number
      end
      self.labels[label] = true
      self.linked[#self.linked + 1] = { label = label, metric = metric, output = i,
        weighted = weighted }
    end
  end
end

-- ---- targets of the outputs that have a loss ---------------------------------------------------

-- The places of those outputs, where compile gave some of them None; else nil.
local function places_with_loss(self, names)
  if not is_list(self.loss) then return nil end
  local named, places = type(next(self.loss)) == "string", {}
  for i, name in ipairs(names) do
    if not is_none(self.loss[named and name or i]) then places[#places + 1] = i end
  end
  return #places > 0 and #places < #names and places or nil
end

-- Is there a target for each of the names?
local function gives_all(y, names)
  if type(y) ~= "table" or core.is_tensor(y) then return false end
  if y[1] ~= nil then return #y == #names end
  for _, name in ipairs(names) do
    if y[name] == nil then return false end
  end
  return true
end

-- The outputs of those that y may be given for: all, or, when it is for fewer, those with a loss.
function compiled:target_names(names, y)
  local places = #names > 1 and places_with_loss(self, names)
  if not places or gives_all(y, names) then return names end
  local list = {}
  for i, place in ipairs(places) do list[i] = names[place] end
  return list
end

-- Targets that were given for the outputs with a loss alone, one for each output; `false` where
-- there is none.
function compiled:spread_targets(names, ys)
  local places = #ys < #names and places_with_loss(self, names)
  if not places or #places ~= #ys then return ys end
  local list = {}
  for i = 1, #names do list[i] = false end
  for i, place in ipairs(places) do list[place] = ys[i] end
  return list
end

-- Makes losses and metrics for the outputs. Called inside the first trace, when shapes are known;
-- a failure leaves nothing behind.
function compiled:link(names, ys, preds)
  if self.built then return end
  self.labels, self.linked = { loss = true }, {}
  local shared_loss = not is_list(self.loss)
  local wanted = per_output("loss", self.loss, names, shared_loss)
  local weights = {}
  if self.loss_weights ~= nil then
    weights = per_output("loss_weights", self.loss_weights, names)
  end
  self.losses, self.loss_trackers = {}, {}
  for i = 1, #names do
    local loss = make_loss(wanted[i], ys[i], preds[i])
    if loss then
      self.losses[#self.losses + 1] = {
        loss = loss, output = i, name = names[i], weight = is_none(weights[i]) and 1 or weights[i],
        classes = classes_of(loss, preds[i]),
      }
    end
  end
  link_metrics(self, "metrics", self.metrics, names, ys, preds, false)
  link_metrics(self, "weighted_metrics", self.weighted_metrics, names, ys, preds, true)
  if #self.losses > 1 then
    for _, entry in ipairs(self.losses) do
      entry.tracker = metrics().Mean { name = names[entry.output] .. "_loss" }
      self.loss_trackers[#self.loss_trackers + 1] = entry.tracker
    end
  end
  self.built = true
  if self.waiting then core.untraced(saved.take, self:all_metrics(), self.waiting) end
end

-- The number (from 1) and the class of the first sample whose class id is out of range, or nil.
local function first_wrong_id(y, classes, ignored)
  local wrong = ops.logical_or(ops.less(y, 0), ops.greater_equal(y, classes))
  if ignored then wrong = ops.logical_and(wrong, ops.not_equal(y, ignored)) end
  if not ops.any(wrong):item() then return nil end
  local flat = ops.reshape(ops.cast(wrong, "int32"), { -1 })
  local place = math.tointeger(ops.argmax(flat):item())
  return place // (y.size // y.shape[1]) + 1, ops.reshape(y, { -1 })[place + 1]
end

-- A wrong class id would only be found deep inside a run, in some shuffled batch; here it is told
-- by its place in the user's data.
function compiled:check_class_ids(ys)
  for _, entry in ipairs(self.losses) do
    local y, classes = ys[entry.output], entry.classes
    local sample, id
    if classes and y then sample, id = first_wrong_id(y, classes, entry.loss.ignore_class) end
    if sample then
      core.raise("sample %d has the class %g, but output \"%s\" tells %d classes apart: ids go "
        .. "from 0 to %d", sample, id, entry.name, classes, classes - 1)
    end
  end
end

-- ---- inside a step -----------------------------------------------------------------------------

-- The total loss, nil when there is none: a number, or with reduction="none" a loss for each
-- sample. penalties: losses of regularizers and add_loss, already numbers.
function compiled:total(ys, preds, weights, penalties, samples)
  local total
  for _, entry in ipairs(self.losses) do
    local i = entry.output
    if not ys[i] then
      core.raise("output \"%s\" has a loss but no target: give y", entry.name)
    end
    local value = entry.loss(ys[i], preds[i], weights[i] or nil)
    if entry.tracker then entry.tracker:update_state(value, samples) end
    if entry.weight ~= 1 then value = value * entry.weight end
    total = total and total + value or value
  end
  for _, penalty in ipairs(penalties) do
    total = total and total + penalty or penalty
  end
  return total
end

function compiled:update(ys, preds, weights)
  for _, entry in ipairs(self.linked) do
    local i = entry.output
    if ys[i] then
      entry.metric:update_state(ys[i], preds[i], entry.weighted and weights[i] or nil)
    end
  end
end

-- ---- outside -----------------------------------------------------------------------------------

-- {{label=, metric=}, …}: loss, metrics, then the losses of the outputs.
function compiled:all_metrics()
  local list = { { label = "loss", metric = self.tracker } }
  for _, entry in ipairs(self.linked or {}) do list[#list + 1] = entry end
  for _, tracker in ipairs(self.loss_trackers or {}) do
    list[#list + 1] = { label = tracker.name, metric = tracker }
  end
  return list
end

-- What a file told of metrics that are not made yet is not wanted any more.
function compiled:forget_told() self.waiting = nil end

return compiled
