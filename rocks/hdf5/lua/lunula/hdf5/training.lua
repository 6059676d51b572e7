-- What a model was compiled with, as Keras 2 tells it beside the model (training_config), in the
-- words of Keras 3 (compile_config); and back.

local core = require "lunula.core"
local declare = require "lunula.declare"
local metrics = require "lunula.metrics"

local training = {}

local None = core.None

local function is_record(value)
  return type(value) == "table" and type(value.class_name) == "string"
end

-- ---- optimizers --------------------------------------------------------------------------------

-- What was said of all of them, and means nothing today.
local gone = { "decay", "is_legacy_optimizer", "jit_compile", "schedule_decay", "lr", "rng_type" }

-- "decay" was a schedule: rate / (1 + decay * steps).
local function rate_of(config)
  local given, decay = config.learning_rate or config.lr, config.decay
  if is_record(given) and type(given.config) == "table" and given.config.name == None then
    given.config.name = nil      -- schedules may have no name there
  end
  if type(decay) ~= "number" or decay == 0 or type(given) ~= "number" then return given end
  return { class_name = "InverseTimeDecay", config = {
    initial_learning_rate = given, decay_steps = 1, decay_rate = decay,
  } }
end

local function optimizer(record)
  if not is_record(record) then return record end
  local config = {}
  for key, value in pairs(type(record.config) == "table" and record.config or {}) do
    config[key] = value
  end
  config.learning_rate = rate_of(config)
  for _, name in ipairs(gone) do config[name] = nil end
  local name = record.class_name
  if not declare.custom_object(name) then name = name:match ">(.*)$" or name end
  return { class_name = name, config = config }
end

-- ---- losses and metrics ------------------------------------------------------------------------

-- change(record) for every record in a structure.
local function mapped(value, change)
  if type(value) ~= "table" or value == None then return value end
  if is_record(value) then return change(value) end
  local copy = setmetatable({}, getmetatable(value))
  for key, inner in pairs(value) do copy[key] = mapped(inner, change) end
  return copy
end

local function without(config, ...)
  local copy = {}
  for key, value in pairs(type(config) == "table" and config or {}) do copy[key] = value end
  for _, name in ipairs { ... } do copy[name] = nil end
  return copy
end

local function loss(record)
  local config = without(record.config, "fn")
  if config.reduction == "auto" then config.reduction = "sum_over_batch_size" end
  return { module = record.module, class_name = record.class_name, config = config }
end

-- "mean_absolute_error" -> "MeanAbsoluteError"
local function class_name_of(name)
  return (name:gsub("_?(%a)(%a*)", function (first, rest) return first:upper() .. rest end))
end

-- A function with a name, in a wrapper: the class of that name says the same.
local function metric(record)
  local config = type(record.config) == "table" and record.config or {}
  local class = record.class_name == "MeanMetricWrapper" and type(config.fn) == "string"
    and metrics[class_name_of(config.fn)]
  if not class then
    return {
      module = record.module, class_name = record.class_name, config = without(config, "fn"),
    }
  end
  local kept = {}
  for key, value in pairs(config) do
    if class.by_name[key] then kept[key] = value end
  end
  return { class_name = class.name, config = kept }
end

-- With one output there is one list, in a list.
local function unwrapped(value)
  if type(value) == "table" and #value == 1 and type(value[1]) == "table"
    and not is_record(value[1]) then
    return value[1]
  end
  return value
end

-- The compile_config that says the same.
function training.compile_config(told)
  return {
    optimizer = optimizer(told.optimizer_config),
    loss = mapped(told.loss, loss),
    loss_weights = told.loss_weights,
    metrics = unwrapped(mapped(told.metrics, metric)),
    weighted_metrics = unwrapped(mapped(told.weighted_metrics, metric)),
  }
end

-- ---- writing -----------------------------------------------------------------------------------

-- Keras 3 does not know the short names of losses ("mse") in these files; it knows the classes.
local function spelled_out(value)
  if type(value) == "table" and value ~= None and not is_record(value) then
    local copy = setmetatable({}, getmetatable(value))
    for key, inner in pairs(value) do copy[key] = spelled_out(inner) end
    return copy
  end
  local object = type(value) == "string" and declare.find("loss", value)
  return declare.class_of(object) and declare.serialize(object) or value
end

-- The training_config of a compile_config.
function training.config(compiled)
  local told = {}
  for _, name in ipairs { "loss", "loss_weights", "metrics", "weighted_metrics" } do
    local value = compiled[name]
    told[name] = value == nil and None or value
  end
  told.loss = spelled_out(told.loss)
  told.optimizer_config = {
    class_name = compiled.optimizer.registered_name ~= None and compiled.optimizer.registered_name
      or compiled.optimizer.class_name,
    config = compiled.optimizer.config,
  }
  return told
end

return training
