-- What an optimizer is: slots beside every variable, and a step that assigns new values.
--
-- A step is ops and assigns, nothing else. Run eagerly it changes the Variables at once; run
-- inside a trace it becomes part of the train step's plan. A class gives `slots` (names),
-- `prepare_step` (numbers shared by all variables) and `update` (one variable); all else of
-- the step is here, or in the files that it asks: clip, rate, over_steps.

local core = require "lunula.core"
local ops = require "lunula.ops"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local attached = require "lunula.constraints.attached"
local ranks = require "lunula.distribution.ranks"
local options = require "lunula.utils.options"
local clip = require "lunula.optimizers.clip"
local rate = require "lunula.optimizers.rate"

local shared_args = {
  { "learning_rate", rate.kind, required = true, field = "_rate", alias = "lr",
    printed = true },
  { "weight_decay", kinds.number },
  { "clipnorm", kinds.non_negative },
  { "clipvalue", kinds.non_negative },
  { "global_clipnorm", kinds.non_negative },
  { "use_ema", kinds.boolean, default = false },
  { "ema_momentum", kinds.fraction, default = 0.99 },
  { "ema_overwrite_frequency", kinds.positive },
  { "loss_scale_factor", kinds.number },
  { "gradient_accumulation_steps", kinds.positive },
  { "name", kinds.name },
}

local function zeros(shape, value)
  if #shape == 0 then return core.tensor(value, { dtype = "float32" }) end
  return ops.full(shape, value, "float32")
end

-- Few optimizers need it: it is loaded for those.
local function over_steps() return (require "lunula.optimizers.over_steps") end

local Optimizer = declare.class {
  kind = "optimizer",
  name = "Optimizer",
  doc = "Changes variables so that the loss falls.",
  args = shared_args,
  slots = {},
  getters = {
    -- The rate in force now, a number; assign to change it.
    learning_rate = function(self) return rate.current(self) end,
    variables = function(self) return self.own_variables end,
    -- How many steps were made, a number; in a trace, the tensor.
    iterations = function(self)
      local value = self._iterations.value
      return core.is_symbolic(value) and value or math.tointeger(value:item())
    end,
  },
  prepare = function(self)
    self.own_variables = declare.list {}
    self.slot_of, self.averages, self.accumulators = {}, {}, {}
    self.described = {}      -- variable of ours -> {the variable it goes with, "momentum"}
    self.built = false
  end,
  finish = function(self)
    local chosen = 0
    for _, option in ipairs { "clipnorm", "clipvalue", "global_clipnorm" } do
      if self[option] then chosen = chosen + 1 end
    end
    if chosen > 1 then
      core.raise("%s: only one of clipnorm, clipvalue and global_clipnorm can be set",
        declare.class_of(self).name)
    end
    local steps = self.gradient_accumulation_steps
    if steps and steps < 2 then
      core.raise("%s: gradient_accumulation_steps must be at least 2, got %d",
        declare.class_of(self).name, steps)
    end
    self.name = rawget(self, "name") or declare.snake_case(declare.class_of(self).name)
    self._iterations = core.variable {
      value = core.tensor(0, { dtype = "int32" }), name = self.name .. "/iteration",
      trainable = false,
    }
    self.own_variables[1] = self._iterations
    rate.start(self)
  end,
  __newindex = function(self, key, value)
    if key == "learning_rate" then return rate.set(self, value) end
    if key == "iterations" then return self._iterations:assign(value) end
    rawset(self, key, value)
  end,
}

Optimizer.stateless_apply = declare.absent("stateless_apply", "a step changes the variables: "
  .. "optimizer:apply(gradients, variables)")

-- ---- slots -------------------------------------------------------------------------------------

function Optimizer:add_variable(name, shape, initial)
  if type(name) ~= "string" or type(shape) ~= "table" then
    core.raise("add_variable takes a name and a shape, got %s and %s", declare.show(name),
      declare.show(shape))
  end
  local variable = core.variable {
    value = core.untraced(zeros, shape, initial or 0), name = self.name .. "/" .. name,
    trainable = false,
  }
  self.own_variables[#self.own_variables + 1] = variable
  return variable
end

-- A variable that goes with one of the model's, of its shape unless another is given.
function Optimizer:add_slot(variable, name, initial, shape)
  local slot = self:add_variable(variable.name .. "_" .. name, shape or variable.shape, initial)
  self.described[slot] = { variable, name }
  return slot
end

-- The same as Keras calls it: reference is the model's variable.
function Optimizer:add_variable_from_reference(reference, name, initializer)
  if declare.is_plain(reference) then
    reference, name, initializer = reference.reference_variable or reference[1],
      reference.name or reference[2], reference.initializer or reference[3]
  end
  if not core.is_variable(reference) then
    core.raise("add_variable_from_reference: a variable is wanted, got %s", declare.show(reference))
  end
  local initial = initializer == "ones" and 1 or 0
  if initializer ~= nil and initializer ~= "ones" and initializer ~= "zeros" then
    core.raise("add_variable_from_reference: initializer must be \"zeros\" or \"ones\", got %s",
      declare.show(initializer))
  end
  return self:add_slot(reference, name, initial)
end

-- The value slots begin with; classes override it.
function Optimizer:slot_start() return 0 end

function Optimizer:build_slots(variable)
  local slots = {}
  for _, name in ipairs(self.slots) do
    slots[name] = self:add_slot(variable, name, self:slot_start(name))
  end
  return slots
end

-- Further Variables of a class; called before the slots are made.
function Optimizer:build_extra() end

local function check_variables(self, variables)
  local name = declare.class_of(self).name
  if type(variables) ~= "table" then
    core.raise("%s: a list of variables is wanted, got %s", name, type(variables))
  end
  for i, variable in ipairs(variables) do
    if not core.is_variable(variable) then
      core.raise("%s: entry %d of the list of variables is %s", name, i, type(variable))
    end
  end
end

-- Makes the slots of the variables; called by the first step. A variable that comes later gets
-- its slots then.
function Optimizer:build(variables)
  check_variables(self, variables)
  if not self.built then self:build_extra() end
  self.built = true
  if self.use_ema or self.gradient_accumulation_steps then over_steps().build(self, variables) end
  for _, variable in ipairs(variables) do
    if not self.slot_of[variable] then self.slot_of[variable] = self:build_slots(variable) end
  end
end

-- ---- the step ----------------------------------------------------------------------------------

-- Every change goes through here: while the gate is closed, because something is not finite or
-- gradients only accumulate, values stay.
function Optimizer:assign(variable, value)
  if not core.is_variable(variable) then
    core.raise("assign: a variable is wanted, got %s", declare.show(variable))
  end
  if self.gate then value = ops.where(self.gate, value, variable) end
  variable:assign(value)
end

function Optimizer:assign_add(variable, value) self:assign(variable, variable + value) end

function Optimizer:assign_sub(variable, value) self:assign(variable, variable - value) end

-- Pairs that have a gradient. None at all is a mistake of the user's.
function Optimizer.with_gradients(grads, variables)
  if type(grads) ~= "table" or type(variables) ~= "table" then
    core.raise("a list of gradients and one of variables are wanted, got %s and %s", type(grads),
      type(variables))
  end
  local kept_grads, kept = {}, {}
  for i, variable in ipairs(variables) do
    if grads[i] then
      kept_grads[#kept_grads + 1], kept[#kept + 1] = grads[i], variable
    end
  end
  if #kept == 0 and #variables > 0 then
    core.raise("the loss does not depend on any trainable variable, so there is no gradient to "
      .. "follow")
  end
  return kept_grads, kept
end

-- A list whose entries are all good; `wanted` says what they must be.
local function list_of(option, list, wanted, is_good)
  local bad = list
  if declare.is_plain(list) then
    bad = nil
    for _, entry in ipairs(list) do
      if not is_good(entry) then bad = entry end
    end
  end
  if bad == nil then return list end
  core.raise("exclude_from_weight_decay: %s must be a list of %s, got %s", option, wanted,
    declare.show(bad))
end

local function is_pattern(x)
  return type(x) == "string" and (pcall(string.find, "", x))
end

-- Weights that decay must not touch: a list of Variables, and patterns (as in string.find) of
-- names.
function Optimizer:exclude_from_weight_decay(given)
  local o = options.read("exclude_from_weight_decay", given, { "var_list", "var_names" })
  local variables = list_of("var_list", o.var_list or {}, "variables", core.is_variable)
  local names = list_of("var_names", o.var_names or {}, "patterns of names", is_pattern)
  self.excluded = self.excluded or {}
  for _, variable in ipairs(variables) do self.excluded[variable] = true end
  self.excluded_names = o.var_names and names or self.excluded_names
end

local function is_excluded(self, variable)
  if self.excluded and self.excluded[variable] then return true end
  for _, pattern in ipairs(self.excluded_names or {}) do
    if variable.name:find(pattern) then return true end
  end
  return false
end

-- The weight decay of a variable, or nil; classes override it.
function Optimizer:decay_of() return self.weight_decay end

local function decay(self, variables, learning_rate)
  for _, variable in ipairs(variables) do
    local amount = self:decay_of(variable)
    if amount and amount ~= 0 and not is_excluded(self, variable) then
      self:assign(variable, variable - variable * (amount * learning_rate))
    end
  end
end

-- How often the variables were updated: with accumulation, every n-th step.
local function updates_done(self)
  local n = self.gradient_accumulation_steps
  return n and ops.floor_divide(self._iterations, n) or self._iterations
end

-- What all variables share in a step, for `update`; classes override it.
function Optimizer:prepare_step() end

-- The optimizer that updates a variable; one that holds others overrides it, and `step_along`.
function Optimizer:in_charge_of() return self end

-- Are all of them finite numbers? A sum is none as soon as one of its terms is; taken without any
-- op before it, it reads a gradient once and writes nothing. (Gradients so large that their sum
-- overflows count as infinite.) x - x is 0 for finite numbers only.
local function all_finite(self, loss, grads, variables)
  local none = loss and loss - loss or 0
  for i, grad in ipairs(grads) do
    local measure = clip.measure(self:in_charge_of(variables[i]), grad)
    none = none + (measure - measure)
  end
  return ops.equal(none, 0)
end

-- An update_step of a user's may assign without asking the gate. What returns puts back, while it
-- is closed, all values as they are now.
local function keeper(self, variables)
  local before = {}
  for _, list in ipairs { variables, self.variables } do
    for _, variable in ipairs(list) do before[#before + 1] = { variable, variable.value } end
  end
  return function()
    for _, pair in ipairs(before) do pair[1]:assign(ops.where(self.gate, pair[1], pair[2])) end
  end
end

-- The step itself. gate: a traced boolean that says whether anything changes, or nil.
function Optimizer:step_along(grads, variables, gate)
  local _ <close> = setmetatable({}, { __close = function() self.gate = nil end })
  self.gate = gate
  local learning_rate = rate.value(self)
  if self.loss_scale_factor then
    for i, grad in ipairs(grads) do grads[i] = grad / self.loss_scale_factor end
  end
  if self.gradient_accumulation_steps then grads = over_steps().gather(self, grads, variables) end
  grads = clip.all(self, grads)
  decay(self, variables, learning_rate)
  local updates = updates_done(self)
  local step = self:prepare_step(learning_rate, ops.cast(updates + 1, "float32"))
  local keep = self.update_step and self.gate and keeper(self, variables)
  for i, variable in ipairs(variables) do
    self:update(variable, grads[i], learning_rate, self.slot_of[variable], step)
  end
  if keep then keep() end
  self.gate = gate
  if self.use_ema then over_steps().average(self, variables, updates) end
  for _, variable in ipairs(variables) do
    local constraint = attached.of(variable)
    if constraint then self:assign(variable, constraint(variable.value)) end
  end
  self:assign(self._iterations, self._iterations + 1)
end

local function is_false(gate)
  return not core.is_symbolic(gate) and not gate:item()
end

-- One step along the gradients, unless something is not finite: then nothing of the variables nor
-- of the optimizer changes. loss: a number that must be finite too, or nil; allowed: a boolean that
-- must be true too, or nil. Returns whether all was finite, and whether the step was taken.
function Optimizer:apply_if_finite(grads, variables, loss, allowed)
  grads, variables = self.with_gradients(grads, variables)
  self:build(variables)
  local finite = all_finite(self, loss, grads, variables)
  local gate = allowed and ops.logical_and(finite, allowed) or finite
  if is_false(gate) then return finite, gate end
  self:step_along(grads, variables, core.is_symbolic(gate) and gate or nil)
  return finite, gate
end

local function first_not_finite(self, grads, variables)
  for i, grad in ipairs(grads) do
    local one = { variables[i] }
    if grad and is_false(all_finite(self, nil, { grad }, one)) then return one[1] end
  end
end

local overseer

-- fn(…), a step of fit: `by` says to each update inside whether it is `allowed`, and which `loss`
-- must be finite; it is told of it before, by:begin(variables), and after, by:noted(finite).
function Optimizer.oversee(by, fn, ...)
  local before = overseer
  overseer = by
  local _ <close> = setmetatable({}, { __close = function() overseer = before end })
  return fn(...)
end

-- One step along the gradients. In a loop of the user's own an update that is not finite is an
-- error. In a trace nobody can know; there it is not applied. In a step of fit that is fit's
-- matter.
function Optimizer:apply(grads, variables)
  if ranks.here then grads = ranks.gradients(grads, variables, overseer) end
  if overseer then
    local by = overseer
    by:begin(variables)
    return by:noted((self:apply_if_finite(grads, variables, by.loss, by.allowed)))
  end
  local finite = self:apply_if_finite(grads, variables)
  if is_false(finite) then
    core.raise("%s: the gradient of \"%s\" is not finite; the update is not applied",
      declare.class_of(self).name, first_not_finite(self, grads, variables).name)
  end
end

-- The loss to differentiate: gradients of it are divided again by `apply`.
function Optimizer:scale_loss(loss)
  return self.loss_scale_factor and loss * self.loss_scale_factor or loss
end

-- The rate as it was set, 0.1 where the variable has the nearest float32; nil for a schedule. It is
-- kept in files and taken from there.
function Optimizer:rates()
  return self.rate_variable and self.learning_rate
end

function Optimizer:take_rates(told)
  if type(told) == "number" and self.rate_variable then self._rate = told end
end

-- Keras's form: a list of {gradient, variable} pairs.
function Optimizer:apply_gradients(list, variables)
  if variables ~= nil then return self:apply(list, variables) end
  if type(list) ~= "table" then
    core.raise("apply_gradients takes a list of pairs {gradient, variable}, got %s", type(list))
  end
  local grads
  grads, variables = {}, {}
  for i, pair in ipairs(list) do
    if not declare.is_plain(pair) then
      core.raise("apply_gradients takes a list of pairs {gradient, variable}, or two lists; entry "
        .. "%d is %s", i, declare.show(pair))
    end
    grads[i], variables[i] = pair[1], pair[2]
  end
  self:apply(grads, variables)
end

-- Values for its variables, in their order: a list of tensors or tables.
function Optimizer:set_weights(values)
  local name, variables = declare.class_of(self).name, self.variables
  if not self.built then
    core.raise("%s: set_weights: there are no variables yet; call optimizer:build(variables) "
      .. "before", name)
  end
  if type(values) ~= "table" or #values ~= #variables then
    core.raise("%s: set_weights takes a list of %d values, one for each of its variables, got %s",
      name, #variables, type(values) == "table" and #values or declare.show(values))
  end
  for i, variable in ipairs(variables) do variable:assign(values[i]) end
end

-- At the end of training with use_ema the variables take their averages.
function Optimizer:finalize_variable_values(variables)
  if not self.use_ema then return end
  for _, variable in ipairs(variables) do
    local average = self.averages[variable]
    if average then variable:assign(average.value) end
  end
end

local optimizer = { Optimizer = Optimizer, classes = {}, shared_args = shared_args }

-- Declares an optimizer: optimizer.declare "SGD" {learning_rate = 0.01, args = {…}, slots = {…},
-- update = …}. learning_rate: the default; drop: shared arguments it does not take at their place
-- because `args` names them.
function optimizer.declare(name)
  return function(declaration)
    local args = {
      { "learning_rate", rate.kind, default = declaration.learning_rate, field = "_rate",
        alias = "lr", printed = true },
    }
    for _, arg in ipairs(declaration.args or {}) do args[#args + 1] = arg end
    declaration.learning_rate = nil
    declaration.kind, declaration.name = "optimizer", name
    declaration.parent = declaration.parent or Optimizer
    declaration.args = args
    local aliases = declaration.aliases or {}
    declaration.aliases = table.move(aliases, 1, #aliases, 2, { name:lower() })
    local class = declare.class(declaration)
    optimizer.classes[#optimizer.classes + 1] = class
    return class
  end
end

return optimizer
