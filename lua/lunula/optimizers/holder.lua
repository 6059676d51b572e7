-- An optimizer that holds others, which do the work: what it has in common with them.
--
-- Its variables are its own and theirs. A class gives held() -> the list of those that it holds,
-- and in_charge_of(variable) -> one of them.

local declare = require "lunula.declare"
local base = require "lunula.optimizers.optimizer"

local Optimizer = base.Optimizer

local Holder = declare.class {
  kind = "optimizer", name = "Holder", parent = Optimizer, abstract = true, replace_args = true,
  getters = {
    variables = function(self)
      local list = declare.list(table.move(self.own_variables, 1, #self.own_variables, 1, {}))
      for _, inner in ipairs(self:held()) do
        local theirs = inner.variables
        table.move(theirs, 1, #theirs, #list + 1, list)
      end
      return list
    end,
  },
  -- Keras has a rate of its own there, which nothing reads.
  init = function(self) self._rate = 0.0 end,
}

-- One of those it holds from now on. What is known of their slots stands in one table.
function Holder:hold(inner)
  for slot, of in pairs(inner.described) do self.described[slot] = of end
  inner.described = self.described
end

-- Which of the variables one of them trains.
function Holder:trained_by(inner, variables)
  local list = {}
  for _, variable in ipairs(variables) do
    if self:in_charge_of(variable) == inner then list[#list + 1] = variable end
  end
  return list
end

function Holder:exclude_from_weight_decay(options)
  for _, inner in ipairs(self:held()) do inner:exclude_from_weight_decay(options) end
end

-- The rates as they were set, false where one follows a schedule.
function Holder:rates()
  local list = {}
  for i, inner in ipairs(self:held()) do list[i] = inner:rates() or false end
  return list
end

function Holder:take_rates(told)
  if type(told) ~= "table" then return end
  for i, inner in ipairs(self:held()) do inner:take_rates(told[i]) end
end

-- Declares a class of such optimizers.
return function(declaration)
  declaration.kind, declaration.parent = "optimizer", Holder
  local class = declare.class(declaration)
  base.classes[#base.classes + 1] = class
  return class
end
