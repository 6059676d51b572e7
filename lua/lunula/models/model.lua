-- What all models share: they are layers that can be compiled, fitted, asked for predictions and
-- summarised.
--
-- Sequential and functional models know their inputs and outputs; a subclassed one (k.model
-- "Name" {…}) only has a call, and takes its shapes from the first data. How training runs stands
-- in trainers/trainer.lua and trainers/train_step.lua.

local core = require "lunula.core"
local base = require "lunula.layers.base"
local declare = require "lunula.declare"
local batch = require "lunula.utils.batch"
local nest = require "lunula.utils.nest"
local changes = require "lunula.layers.base.changes"
local hooks = require "lunula.layers.base.hooks"
local ktensor = require "lunula.models.ktensor"

local model = {}

-- method: what the user calls it, where that is not its name there.
local function on_demand(module, name, method)
  return function(self, ...)
    hooks.check_method(self, "model", method or name)
    return require(module)[name](self, ...)
  end
end

-- The same for what takes `most` arguments, of which the last is a table of options: Keras's users
-- may write one more.
local function with_options(module, name, most)
  local method = on_demand(module, name)
  return function(self, ...)
    if select("#", ...) > most then
      local one = select(most + 1, ...)
      if one ~= nil then
        core.raise("%s: options have names, in one table, the last of %d arguments; here is one "
          .. "more, %s", name, most, declare.show(one))
      end
    end
    return method(self, ...)
  end
end

local steps = "lunula.trainers.train_step"
local trainer = "lunula.trainers.trainer"
local predictor = "lunula.trainers.predict"

-- ---- looking at a model ------------------------------------------------------------------------

local function get_layer(self, given, second)
  hooks.check_method(self, "model", "get_layer")
  local name, index = given, second or given
  if type(given) == "table" then name, index = given.name, given.index end
  if name == nil and index == nil or name ~= nil and index ~= nil and name ~= index then
    core.raise("get_layer takes a name or a position, counted from 1: get_layer \"%s\" or "
      .. "get_layer(1)", self.layers[1] and self.layers[1].name or "dense")
  end
  local layers = self.layers
  if type(index) == "number" then
    local position = index < 0 and #layers + index + 1 or index
    if not layers[position] then
      core.raise("model \"%s\" has %d layers, counted from 1; there is no layer %s", self.name,
        #layers,
        tostring(index))
    end
    return layers[position]
  end
  local names = {}
  for i, layer in ipairs(layers) do
    if layer.name == name then return layer end
    names[i] = layer.name
  end
  core.raise("model \"%s\" has no layer \"%s\"%s; its layers are %s", self.name, tostring(name),
    declare.suggestion(tostring(name), names), table.concat(names, ", "))
end

local function summary(self, options)
  hooks.check_method(self, "model", "summary")
  options = require("lunula.utils.options").read("summary", options, {
    "line_length", "positions", "print_fn", "expand_nested", "show_trainable", "layer_range",
  })
  local text = require("lunula.models.summary").text(self, options)
  local print_line = options.print_fn or print
  print_line(text)
end

-- ---- the bridge to the trainer -----------------------------------------------------------------

-- Calls the model. Several results become a list.
local function called(self, x, training)
  local results = { self(x, { training = training }) }
  return #results > 1 and results or results[1]
end

local function predict_step(self, data)
  hooks.check_method(self, "model", "predict_step")
  return called(self, (batch.unpack(data)), false)
end

-- The outputs of a call as a flat list.
local function flat(self, y_pred)
  local outputs = {}
  nest.each(y_pred, function(leaf)
    if not core.is_tensor(leaf) then
      core.raise("model \"%s\": its call must return tensors, got %s", self.name,
        declare.show(leaf))
    end
    outputs[#outputs + 1] = leaf
  end)
  if #outputs == 0 then core.raise("model \"%s\": its call returned nothing", self.name) end
  if not self._output_names_seen then
    local named = nest.is_structure(y_pred) and #y_pred == 0
    rawset(self, "_returns_names", named and nest.keys(y_pred) or false)
    rawset(self, "_output_count", #outputs)
    rawset(self, "_output_names_seen", true)
  end
  return outputs
end

local function forward(self, xs, structure, training)
  return flat(self, called(self, batch.of(xs, structure), training))
end

local function output_names(self)
  if self._returns_names then return self._returns_names end
  local names = {}
  for i = 1, self._output_count or 1 do names[i] = "output_" .. i end
  return names
end

-- ---- building by hand --------------------------------------------------------------------------

-- model:build{false, 4} makes the weights by running the call on a shape. A call on data does so
-- by itself.
local function build(self, input_shape)
  if self._called_on_data then return end
  if input_shape == nil then
    core.raise("model \"%s\": build takes the shape of the input, as {false, 4}", self.name)
  end
  rawset(self, "built", true)
  local ok, failure = pcall(self.compute_output_shape, self, input_shape)
  if not ok then
    rawset(self, "built", false)
    error(failure, 0)
  end
end

local layer_call = base.Layer.metatable.__call

local function call(self, ...)
  if not self.built then rawset(self, "_called_on_data", true) end
  return layer_call(self, ...)
end

-- visit(layer) for the layers that keep states from call to call, wherever they are.
local function each_stateful(layer, visit)
  for _, inner in ipairs(layer:tracked_layers()) do
    if inner.stateful and inner.reset_states then
      visit(inner)
    else
      each_stateful(inner, visit)
    end
  end
end

local function keeps_states(self)
  local keeps = false
  each_stateful(self, function() keeps = true end)
  return keeps
end

-- All variables that a call may change: the weights, and the states that stay from call to call.
local function kept_variables(self)
  local list = { table.unpack(self.weights) }
  each_stateful(self, function(layer)
    for _, state in ipairs(layer.states and nest.flatten(layer.states) or {}) do
      list[#list + 1] = state
    end
  end)
  return list
end

local function reset_states(self)
  each_stateful(self, function(layer) layer:reset_states() end)
end

local function input_facts(field)
  return function(self)
    local list = self[field]
    if not list then
      core.raise("model \"%s\" has no defined %s: it is no Sequential or functional model with "
        .. "a known input",
        self.name, field:sub(2))
    end
    return #list == 1 and list[1] or list
  end
end

local function shape_of(getter)
  return function(self)
    local tensors = getter(self)
    return tensors.node and tensors.shape or ktensor.shapes(tensors)
  end
end

local function absent(name, instead)
  return function(self)
    core.raise("model \"%s\" has no %s: %s", self.name, name, instead)
  end
end

local distributed = "k.distribution shares batches out to processes, and a model needs no strategy"

local function no_list(self)
  core.raise("model \"%s\" is no list: model.layers is the list of its layers, #model.layers their "
    .. "number, model:get_layer(1) the first", self.name)
end

local input, output = input_facts "_inputs", input_facts "_outputs"

model.Model = base.layer "Model" {
  several = true,
  doc = "Layers that are trained together. Declare your own with k.model \"Name\" { init =, "
    .. "call = }.",
  getters = {
    [1] = no_list,   -- ipairs(model) begins there
    layers = function(self)
      local layers = self:tracked_layers()
      return declare.list(table.move(layers, 1, #layers, 1, {}))
    end,
    input = input, output = output,
    distribute_strategy = absent("distribute_strategy", distributed),
    distribute = absent("distribute", distributed),
    inputs = function(self) return self._inputs and declare.list(self._inputs) end,
    outputs = function(self) return self._outputs and declare.list(self._outputs) end,
    input_shape = shape_of(input), output_shape = shape_of(output),
    input_names = function(self) return self:_input_names() end,
    output_names = function(self) return self:_output_names() end,
    metrics_names = function(self)
      local names = {}
      for i, entry in ipairs(self:_metric_entries()) do names[i] = entry.label end
      return declare.list(names)
    end,
    metrics = function(self)
      local list = {}
      for i, entry in ipairs(self:_metric_entries()) do list[i] = entry.metric end
      return declare.list(list)
    end,
  },
  setters = {
    metrics = function(self, list) rawset(self, "_own_metrics", list) end,
  },
  make_train_function = absent("make_train_function", "fit traces train_step by itself"),
  make_test_function = absent("make_test_function", "evaluate traces test_step by itself"),
  make_predict_function = absent("make_predict_function", "predict traces predict_step by itself"),
  get_state_tree = absent("get_state_tree", "model.weights and optimizer.variables are its state"),
  set_state_tree = absent("set_state_tree", "model:set_weights and optimizer:set_weights set it"),
  stateless_compute_loss = absent("stateless_compute_loss", "model:compute_loss{…} is the loss"),
  prepare = function(self)
    base.Layer.prepare(self)
    rawset(self, "_functions", {})
    rawset(self, "_function_uses", 0)
    rawset(self, "stop_training", false)
    rawset(self, "run_eagerly", false)
  end,
  __call = call,
  __len = no_list,
  __tostring = function(self)
    local count = #self.layers
    return ("%s \"%s\" of %d layer%s"):format(declare.class_of(self).name, self.name, count,
      count == 1 and "" or "s")
  end,
  build = build,
  call = function(self)
    core.raise("model \"%s\" has no call: k.model \"Name\" { call = function (self, x) … end }",
      self.name)
  end,

  get_layer = get_layer,
  reset_states = reset_states, reset_state = reset_states,
  summary = summary,
  train_step = on_demand(steps, "train_step"),
  test_step = on_demand(steps, "test_step"),
  predict_step = predict_step,
  compute_loss = on_demand(steps, "compute_loss"),
  compute_metrics = on_demand(steps, "compute_metrics"),
  get_metrics_result = on_demand(steps, "get_metrics_result"),
  compile = on_demand(trainer, "compile"),
  fit = with_options("lunula.trainers.fit", "fit", 3),
  evaluate = with_options("lunula.trainers.evaluate", "evaluate", 3),
  train_on_batch = with_options(trainer, "train_on_batch", 3),
  test_on_batch = with_options(trainer, "test_on_batch", 3),
  reset_metrics = on_demand(trainer, "reset_metrics"),
  predict = with_options(predictor, "predict", 2),
  predict_on_batch = on_demand(predictor, "predict_on_batch"),

  to_json = on_demand("lunula.saving", "to_json"),
  save = on_demand("lunula.saving", "save_model", "save"),
  export = on_demand("lunula.saving", "export"),
  save_weights = on_demand("lunula.saving", "save_weights"),
  load_weights = on_demand("lunula.saving", "load_weights"),
  _save_training = on_demand("lunula.saving", "save_training"),
  _load_training = on_demand("lunula.saving", "load_training"),
  _check_ending = on_demand("lunula.saving", "check_ending"),
  get_compile_config = on_demand("lunula.models.config", "of_compile"),
  compile_from_config = on_demand("lunula.models.config", "compile"),

  _forward = forward, _called = called, _flat = flat,
  _metric_entries = function(self) return require("lunula.trainers.results").metrics(self) end,
  _keeps_states = keeps_states, _kept_variables = kept_variables,
  _version = changes.version,
  _input_names = function() return nil end,
  -- What a model does before its data become tensors: a table of strings is one, and no structure.
  _read = function(self, x)
    return self:_first_dtype() == "string" and nest.is_texts(x) and core.tensor(x) or x
  end,
  _first_dtype = function(self)
    local first = self._inputs and #self._inputs == 1 and self._inputs[1]
    return first and first.dtype
  end,
  _output_names = output_names,
  _input_shapes = function() return nil end,
  _output_shapes = function() return nil end,
  _ensure_built = function() end,
}

-- Does a class of a user's replace the method?
model.Model._has_own = function(self, name) return self[name] ~= model.Model[name] end

-- k.model "Name" { init =, call =, args = }: a class of models. Its compute_loss and
-- compute_metrics may be called with a table by name too.
function model.declare(name)
  local declare_class = base.declare(name, "model", model.Model)
  return function(spec)
    if not declare.is_plain(spec) then return declare_class(spec) end
    local copy = {}
    for key, value in pairs(spec) do copy[key] = value end
    return declare_class(require(steps).wrap(copy))
  end
end

return model
