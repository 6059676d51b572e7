-- stateless_call: a call with given values in place of the variables, none of which it changes.
--
-- A variable is lent the value for the time of the call. Traces and tapes follow it, so gradients
-- with respect to the given values come by themselves.

local core = require "lunula.core"
local declare = require "lunula.declare"
local hooks = require "lunula.layers.base.hooks"
local losses = require "lunula.layers.base.losses"

local stateless = {}

local function check(self, what, values, variables)
  if not declare.is_plain(values) then
    core.raise("stateless_call: %s must be a list of tensors, got %s", what, declare.show(values))
  end
  if #values ~= #variables then
    core.raise("stateless_call: %s must have a tensor for each of the %d of layer \"%s\", got %d",
      what, #variables, self.name, #values)
  end
end

-- Lends the variables the values; what they were goes to `before`, {{variable, value}, …}.
local function exchange(variables, values, before)
  for i, variable in ipairs(variables) do
    before[#before + 1] = { variable, variable.value }
    local value = values[i]
    core.lend(variable, core.is_variable(value) and value.value or value)
  end
end

local function values_of(variables)
  local list = {}
  for i, variable in ipairs(variables) do list[i] = variable.value end
  return list
end

-- (…, options) without return_losses among the options, and what that was.
local function without_return_losses(...)
  local given = table.pack(...)
  local last = given[given.n]
  if not declare.only_names(last) or last.return_losses == nil then return given, false end
  local wanted, rest = last.return_losses, {}
  for name, value in pairs(last) do
    if name ~= "return_losses" then rest[name] = value end
  end
  given[given.n] = next(rest) and rest or nil
  if not next(rest) then given.n = given.n - 1 end
  return given, wanted
end

-- layer:stateless_call(trainable, non_trainable, x, {training=, return_losses=}) -> the output (a
-- list where there are several), the new values of the non-trainable variables, and the losses.
function stateless.call(self, trainable, non_trainable, ...)
  hooks.check_method(self, "layer", "stateless_call")
  if not self.built then
    core.raise("stateless_call: layer \"%s\" has no variables yet; call it on data first",
      self.name)
  end
  local trained, others = self.trainable_variables, self.non_trainable_variables
  check(self, "trainable_variables", trainable, trained)
  check(self, "non_trainable_variables", non_trainable, others)
  local given, wants_losses = without_return_losses(...)
  local before = {}
  local _ <close> = setmetatable({}, { __close = function ()
    for i = #before, 1, -1 do core.lend(before[i][1], before[i][2]) end
  end })
  exchange(trained, trainable, before)
  exchange(others, non_trainable, before)
  local outputs = table.pack(self(table.unpack(given, 1, given.n)))
  local found = wants_losses and self.losses or nil
  losses.clear(self)
  return outputs.n == 1 and outputs[1] or { table.unpack(outputs, 1, outputs.n) },
    values_of(others), found
end

return stateless
