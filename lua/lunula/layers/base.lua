-- The base of all layers, and the door through which they are declared, ours and the user's:
--
--   local layer = require "lunula.layers.base"
--   return layer "Dense" { doc =, args =, init =, build =, call =, … }
--
-- Here is the order of a call: tensors made and checked, built once, called, losses and masks
-- carried on. Each of these matters has its own file in base/; no layer is known here.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local build_config = require "lunula.layers.base.build_config"
local cells = require "lunula.layers.base.cells"
local context = require "lunula.layers.base.context"
local hooks = require "lunula.layers.base.hooks"
local inputs = require "lunula.layers.base.inputs"
local keras1 = require "lunula.layers.base.keras1"
local losses = require "lunula.layers.base.losses"
local masks = require "lunula.layers.base.masks"
local names = require "lunula.layers.base.names"
local nodes = require "lunula.layers.base.nodes"
local parameters = require "lunula.layers.base.parameters"
local shapes = require "lunula.layers.base.shapes"
local stateless = require "lunula.layers.base.stateless"
local tracking = require "lunula.layers.base.tracking"
local weights = require "lunula.layers.base.weights"

local base = {}

-- ---- building ---------------------------------------------------------------------------------

-- Takes back the variables of a list after the first `count`.
local function forget(self, list, count)
  for i = #list, count + 1, -1 do
    local name = list[i].name
    if rawequal(rawget(self, name), list[i]) then rawset(self, name, nil) end
    list[i] = nil
  end
end

-- A layer is built once, outside of any trace: its weights get their first values now. A build that
-- failed leaves no weights behind.
local function guarded(build)
  return function (self, input_shape, ...)
    if self._building then return build(self, input_shape, ...) end   -- the parent's, by a child
    if self.built then return end
    shapes.check(self, "build", input_shape)
    local trainables, others = #self._trainables, #self._others
    rawset(self, "_building", true)
    local _ <close> = setmetatable({}, { __close = function (_, failure)
      rawset(self, "_building", false)
      if failure == nil then return end
      forget(self, self._trainables, trainables)
      forget(self, self._others, others)
    end })
    local _ <close> = context.within(self)
    core.untraced(build, self, input_shape, ...)
    rawset(self, "built", true)
    rawset(self, "_build_shape", input_shape)
    rawset(self, "_further_shapes", table.pack(...))
    if not self._trainable then weights.set_trainable(self, false) end
    if self._given_weights then
      rawset(self, "_building", false)
      weights.set(self, self._given_weights)
      rawset(self, "_given_weights", nil)
    end
  end
end

-- ---- calling ----------------------------------------------------------------------------------

local always = { training = true, mask = true }

local function call_arguments(self)
  local list = { "training", "mask" }
  return table.move(self.call_args, 1, #self.call_args, 3, list)
end

-- What follows the input: further tensors in the order of call_args, then a table of options.
local function call_options(self, ...)
  local count = select("#", ...)
  if count == 0 then return {} end
  local _ <close> = core.enter(self.name, declare.class_of(self).name)
  local values, given = table.pack(...), {}
  local last = values[count]
  if declare.only_names(last) or declare.is_plain(last) and next(last) == nil then
    for key, value in pairs(last) do
      if not always[key] and not self.call_args[key] then
        local known = call_arguments(self)
        core.raise('the call got an unknown option "%s"%s; it takes %s', tostring(key),
          declare.suggestion(key, known), table.concat(known, ", "))
      end
      given[key] = value
    end
    count = count - 1
  end
  for i = 1, count do
    local name = self.call_args[i]
    if values[i] ~= nil and not name then
      core.raise("takes one input%s; several go into one table: layer{a, b}",
        i > 1 and (" and %d more"):format(#self.call_args) or "")
    end
    if name then given[name] = values[i] end
  end
  if given.training ~= nil and type(given.training) ~= "boolean" then
    core.raise("training must be true or false, got %s", declare.show(given.training))
  end
  return given
end

-- What records a call on placeholders, or nil where there is none among the values. The functional
-- API hands this in: without it there are no placeholders, and layers need not know of models.
local recorder = function () return nil end

function base.set_recorder(find)
  recorder = find
end

local function run(self, input, options)
  local scope <close> = context.enter(self, options.training)
  if scope.entry then losses.clear(self) end
  input = inputs.prepare(self, input)
  inputs.check(self, input)
  if not self.built then
    self:build(inputs.shapes(input), inputs.further_shapes(self, options))
  end
  local mask = masks.given(options.mask) or masks.of(input)
  options.training, options.mask = scope.training, mask
  if self.call_args == cells.arguments then cells.enter(self, input, options) end
  local results = table.pack(parameters.call(self, input, options))
  if results[1] == nil then
    core.raise("its call returned %s; it must return its output (is a `return` missing?)",
      results.n == 0 and "nothing" or "nil")
  end
  losses.activity(self, results)
  masks.carry(self, input, mask, results)
  return table.unpack(results, 1, results.n)
end

-- A call on placeholders is left to the functional API, which calls again, in a trace.
local function call(self, input, ...)
  local options = call_options(self, ...)
  local record = recorder(input, options)
  if record then return record(self, input, options) end
  local _ <close> = core.enter(self.name, declare.class_of(self).name)
  return run(self, input, options)
end

-- ---- the class --------------------------------------------------------------------------------

-- A slash parts the names in a path, so a new name has none. Files of Keras 2 have such names
-- ("conv1/conv"), and those stay as they are.
local layer_name = {
  name = "a name",
  check = function (value, told)
    local plain = type(value) == "string" and value ~= ""
    if plain and (told.in_config or not value:find "/") then return value end
    return nil, plain and "a string without a slash" or "a string"
  end,
  absent = function (self)
    return names.unique(self.auto_name or declare.snake_case(declare.class_of(self).name))
  end,
}

-- Rows for every layer, by name only. Those that Keras 2 knew on a first layer are kept for
-- Sequential, which reads batch_input_shape.
local function option(name, kind, more)
  local row = more or {}
  row[1], row[2], row.keyword = name, kind, true
  return row
end

local function hidden(name, kind)
  return option(name, kind, { config = false, field = "_" .. name })
end

-- A list that is printed.
local function list_of(f)
  return function (self) return declare.list(f(self)) end
end

local all, trainable = list_of(weights.all), list_of(weights.trainable)
local non_trainable = list_of(weights.non_trainable)

local getters = {
  trainable = function (self) return self._trainable end,
  weights = all, variables = all,
  trainable_weights = trainable, trainable_variables = trainable,
  non_trainable_weights = non_trainable, non_trainable_variables = non_trainable,
  losses = list_of(losses.all),
  metrics = function (self)
    local list = {}
    tracking.each_metric(self, function (metric) list[#list + 1] = metric end)
    return declare.list(list)
  end,
  metrics_variables = function (self)
    local list = {}
    for _, metric in ipairs(self.metrics) do
      table.move(metric.variables, 1, #metric.variables, #list + 1, list)
    end
    return declare.list(list)
  end,
  class_name = function (self) return declare.class_of(self).name end,
  compute_dtype = function () return "float32" end,
  variable_dtype = function () return "float32" end,
  -- The shape that a first layer was given, batch and all; nil when it was given none.
  batch_input_shape = function (self)
    local given = self._batch_input_shape
    if given then return given end
    local shape = self._input_shape
    if not shape and self._input_dim then
      shape = { self._input_length, self._input_dim }
      if not self._input_length then shape = { self._input_dim } end
    end
    if not shape then return nil end
    return table.move(shape, 1, #shape, 2, { self._batch_size or false })
  end,
}

for name, getter in pairs(nodes.getters) do getters[name] = getter end

local Layer = {
  kind = "layer", name = "Layer", abstract = true,
  doc = "a function of tensors that may have weights",
  args = {
    option("name", layer_name),
    option("trainable", kinds.boolean, { default = true, none = false, field = "_trainable" }),
    option("dtype", kinds.policy, { default = "float32" }),
    option("autocast", kinds.boolean, { default = true, config = false }),
    option("activity_regularizer", kinds.regularizer, { config = "set" }),
    hidden("input_shape", kinds.shape), hidden("batch_input_shape", kinds.shape),
    hidden("input_dim", kinds.positive), hidden("input_length", kinds.positive),
    hidden("batch_size", kinds.positive), hidden("input_dtype", kinds.dtype),
    option("weights", kinds.table, { config = false, field = "_given_weights" }),
  },
  getters = getters,
  setters = { trainable = weights.set_trainable },
  call_args = {},            -- further options of call; training and mask every call has
  lists_call_args = false,   -- are they written in the declaration?
  casts = "floats",          -- "all": integers and booleans come in as floats
  input_dtype = "float32",   -- of a placeholder that only has a shape
  supports_masking = false,
  __call = call,
  __newindex = tracking.assign,
  prepare = function (self)
    rawset(self, "_order", {})
    rawset(self, "_trainables", {})
    rawset(self, "_others", {})
    rawset(self, "_losses", {})
    rawset(self, "_nodes", {})
    rawset(self, "_trainable", true)
    rawset(self, "built", false)
  end,
  -- Without a build of its own there is nothing to wait for. A layer with a state_size is a cell
  -- and takes what cells take, unless it says what it takes.
  finish = function (self)
    if self.build == base.Layer.build then rawset(self, "built", true) end
    if not self.lists_call_args and cells.is(self) then
      rawset(self, "call_args", cells.arguments)
    end
  end,
  build = function () end,
  compute_mask = function (_, _, mask) return mask end,
  compute_output_shape = shapes.compute,
  add_weight = weights.add, add_variable = weights.add,
  add_loss = losses.add,
  stateless_call = stateless.call,
  tracked_layers = tracking.layers,
  get_weights = weights.get, set_weights = weights.set, count_params = weights.count,
  get_build_config = build_config.get, build_from_config = build_config.build,
  -- Scripts take an activation away: layer.activation = None.
  _activated = function (self, y)
    local activation = self.activation
    if not activation or activation == core.None then return y end
    return activation(y)
  end,
}

for name, method in pairs(nodes.methods) do Layer[name] = method end

-- What Keras's layers have and these have not.
for name, instead in pairs {
  add_metric = "keep a metric in a field, as self.seen = k.metrics.Mean(), and call its "
    .. "update_state",
  quantize = "it computes in float32; save(path, { dtype = \"float16\" }) stores less",
  enable_lora = "freeze the layer and put two small ones beside it",
} do
  Layer[name] = declare.absent(name, instead)
end

base.Layer = declare.class(Layer)

-- ---- the door ---------------------------------------------------------------------------------

local function check_declaration(name, spec, parent)
  if not (spec.call or parent.call) then
    core.raise('layer "%s": a layer needs call = function (self, x) … end', name)
  end
  for key in pairs(spec) do
    if parent.metatable.getters[key] and not (spec.getters and spec.getters[key]) then
      core.raise('layer "%s": "%s" is a computed field of every layer and cannot be declared',
        name, tostring(key))
    end
  end
end

local function parent_of(kind, name, given, default)
  if type(given) ~= "table" then
    core.raise('%s "%s" is declared with a table: %s "%s" { call = function (self, x) … }', kind,
      tostring(name), kind, tostring(name))
  end
  local parent = given.parent or default
  if not declare.is_class(parent) or parent.kind ~= "layer" then
    core.raise('%s "%s": parent must be a layer class', kind, tostring(name))
  end
  return parent
end

-- layer "Name" {…} declares a class. Beyond declare.class: build(self, input_shape), call(self,
-- x, …), compute_mask(self, x, mask), compute_output_shape(self, shape), supports_masking,
-- call_args, casts, input_dtype, default_training, auto_name. The shapes of tensors that call_args
-- name are further arguments of build. `parent` is another layer class.
local function class_of(name, spec)
  local parent = spec.parent
  check_declaration(name, spec, parent)
  spec.name, spec.kind = name, "layer"
  if spec.build then spec.build = guarded(spec.build) end
  local output_shape = spec.compute_output_shape
  if output_shape then
    spec.compute_output_shape = function (self, shape, ...)
      shapes.check(self, "compute_output_shape", shape)
      return output_shape(self, shape, ...)
    end
  end
  if spec.compute_mask and spec.supports_masking == nil then spec.supports_masking = true end
  spec.lists_call_args = spec.call_args ~= nil or parent.lists_call_args
  spec.call_args = parameters.call_args(name, spec, parent)
  return declare.class(spec)
end

local function copy_of(given, parent)
  local spec = {}
  for key, value in pairs(given) do spec[key] = value end
  spec.parent = parent
  return spec
end

-- Our own declarations. They may keep constants of their families, and their options have the names
-- of Keras 1 as well.
function base.layer(name)
  return function (given)
    local spec = copy_of(given, parent_of("layer", name, given, base.Layer))
    spec.args = keras1.with_old_names(name, spec.args)
    if keras1.has_sizes(name, spec.rank) then spec.respell = keras1.respell end
    return class_of(name, spec)
  end
end

-- k.layer "Name" {…}, and k.model with its kind and parent: every entry is checked.
function base.declare(name, kind, default)
  kind = kind or "layer"
  if type(name) ~= "string" then
    core.raise('k.%s takes a name first: k.%s "Name" { call = function (self, x) … end }', kind,
      kind)
  end
  return function (given)
    local parent = parent_of(kind, name, given, default or base.Layer)
    hooks.check(parent.train_on_batch and "model" or kind, name, given, parent)
    return class_of(name, copy_of(given, parent))
  end
end

return setmetatable(base, { __call = function (_, name) return base.layer(name) end })
