-- What a loss is, and how one is declared: a formula per sample, wrapped by weights, mask and
-- reduction.
--
--   loss "Huber" { doc = …, args = {…}, call = function(self, y_true, y_pred) … end }
--
-- gives the class losses.Huber and the function losses.huber(y_true, y_pred, options), which
-- returns the values per sample. Formulas receive float32 tensors of one shape, unless they ask
-- for class ids.

local core = require "lunula.core"
local ops = require "lunula.ops"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local declaration_of = require "lunula.utils.declaration"
local reduction = require "lunula.losses.reduction"
local shape_text = require("lunula.ops.tools").shape_text

local losses = { classes = {}, functions = {} }

-- None is "none".
local how = {
  "reduction", kinds.one_of(reduction.names), default = "sum_over_batch_size", none = true,
}

local Loss = declare.class {
  kind = "loss",
  name = "Loss",
  doc = "What training makes small: a number from targets and predictions.",
  args = { { "name", kinds.name }, how, { "dtype", kinds.string } },

  -- loss(y_true, y_pred, sample_weight): the reduced value.
  __call = function(self, y_true, y_pred, sample_weight)
    local mask = core.is_tensor(y_pred) and y_pred.mask or nil
    if sample_weight ~= nil then sample_weight = reduction.tensor(sample_weight) end
    local values, made_mask = self:values(y_true, y_pred)
    if made_mask ~= nil then mask = mask and mask & made_mask or made_mask end
    return reduction.reduce(values, sample_weight, mask, self.reduction)
  end,
}

-- Broadcasting a target over a prediction is a mistake that trains quietly and badly, so shapes
-- must agree.
local function check_shapes(self, y_true, y_pred)
  local a, b = y_true.shape, y_pred.shape
  local same = #a == #b
  for i = 1, same and #a or 0 do
    if a[i] and b[i] and a[i] ~= b[i] then same = false end
  end
  if not same then
    core.raise("loss %s: the targets have shape %s but the predictions %s%s", self.name,
      shape_text(a), shape_text(b), self.hint and "; " .. self.hint or "")
  end
end

-- Values per sample: ranks and dtypes made equal, then the formula.
function Loss:values(y_true, y_pred)
  if not self.call then core.raise("loss %s has no formula (call)", self.name) end
  y_true, y_pred = reduction.tensor(y_true), reduction.tensor(y_pred)
  y_true, y_pred = reduction.same_rank(y_true, y_pred)
  if not self.takes_class_ids then
    if y_pred.dtype ~= "float32" then y_pred = ops.cast(y_pred, "float32") end
    if y_true.dtype ~= y_pred.dtype then y_true = ops.cast(y_true, y_pred.dtype) end
    if not self.own_shapes then check_shapes(self, y_true, y_pred) end
  end
  return self:call(y_true, y_pred)
end

losses.Loss = Loss

-- A closure as a loss: fn(y_true, y_pred) returns a tensor of any shape.
losses.LossFunctionWrapper = declare.class {
  kind = "loss",
  name = "LossFunctionWrapper",
  parent = Loss,
  doc = "Any function of targets and predictions as a loss.",
  args = { { "fn", kinds.callable, required = true }, how,
    { "name", kinds.name, default = "loss" } },
  values = function(self, y_true, y_pred)
    y_true, y_pred = reduction.tensor(y_true), reduction.tensor(y_pred)
    y_true, y_pred = reduction.same_rank(y_true, y_pred)
    local values = self.fn(y_true, y_pred)
    if not core.is_tensor(values) and type(values) ~= "number" then
      core.raise("a loss function must return a tensor, got %s", type(values))
    end
    return reduction.tensor(values)
  end,
}

local only_of_classes = { reduction = true, name = true, dtype = true }

-- The function of a class: options by name, or by position in the order of the class.
local function function_of(class)
  local plain, order = nil, {}
  for _, arg in ipairs(class.positional) do
    if not only_of_classes[arg.name] then order[#order + 1] = arg.name end
  end
  return function(y_true, y_pred, ...)
    local count, first = select("#", ...), ...
    if count == 0 then
      plain = plain or class {}
      return (plain:values(y_true, y_pred))
    end
    local options = first
    if not declare.is_plain(first) then
      options = {}
      if count > #order then
        core.raise("%s takes at most %d options, got %d", class.name, #order, count)
      end
      for i, name in ipairs(order) do options[name] = (select(i, ...)) end
    end
    return (class(options):values(y_true, y_pred))
  end
end

local function complete_args(own, default_name)
  local args, seen = {}, {}
  for i, arg in ipairs(own or {}) do
    args[i], seen[arg[1]] = arg, true
  end
  local common = { how, { "name", kinds.name, default = default_name },
    { "dtype", kinds.string } }
  for _, arg in ipairs(common) do
    if not seen[arg[1]] then args[#args + 1] = arg end
  end
  return args
end

local function declare_loss(name, declaration)
  local snake = declare.snake_case(name)
  local aliases = declaration.aliases or {}
  declaration.kind, declaration.name = "loss", name
  declaration.parent = declaration.parent or Loss
  declaration.args = complete_args(declaration.args, declaration.default_name or snake)
  declaration.default_name = nil
  local class = declare.class(declaration)
  losses.classes[#losses.classes + 1] = class
  local call = function_of(class)
  losses.functions[snake] = call
  for _, alias in ipairs(aliases) do losses.functions[alias] = call end
  return class
end

losses.reduction_argument = how

function losses.declare(name)
  return function(declaration) return declare_loss(name, declaration) end
end

-- k.loss "Name" {…}: a user's. Its call gets targets and predictions of the same rank, whatever
-- their shapes.
function losses.door(name)
  declaration_of.name("loss", name, "call")
  return function(given)
    local declaration = declaration_of.check("loss", name, given, {
      base = Loss, hooks = { "call" }, needed = { "call" },
    })
    declaration.own_shapes = true
    return losses.declare(name)(declaration)
  end
end

return losses
