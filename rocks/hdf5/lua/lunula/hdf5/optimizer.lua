-- The state of an optimizer in the order of Keras's files.
--
-- Keras 3 writes the counter, the rate if it is a number, averages, gathered gradients, then its
-- slots: in most classes those of the first variable, of the second …; some go over all variables
-- several times. What Keras keeps and we do not need is a placeholder {shape =, dtype =}.

local core = require "lunula.core"
local declare = require "lunula.declare"
local rate = require "lunula.optimizers.rate"

local optimizer = {}

-- ---- the slots of each class -------------------------------------------------------------------

local function per_variable(slots)
  return function () return { slots } end
end

-- Class -> function of the optimizer: the passes over all variables, each with its slots.
local passes = {
  Adam = function (self)
    return { { "momentum", "velocity" }, self.amsgrad and { "velocity_hat" } or nil }
  end,
  RMSprop = function (self)
    local list = { { "velocity" } }
    if self.momentum > 0 then list[#list + 1] = { "momentum" } end
    if self.centered then list[#list + 1] = { "average_gradient" } end
    return list
  end,
  Muon = per_variable { "momentum", "velocity" },
  ScheduleFreeAdamW = per_variable { "z", "velocity" },
  Adafactor = per_variable { "row", "column", "velocity" },
}
passes.AdamW = passes.Adam

-- Keras has them where they are not needed.
local function placeholder(class_name, slot, variable)
  if class_name ~= "Adafactor" then return nil end
  if slot == "velocity" then return { shape = variable.shape, dtype = "float32" } end
  return { shape = {}, dtype = "int32" }
end

-- Of a class of the user's, the parent that Keras has.
local function known_name(self)
  local class = declare.class_of(self)
  while class.parent and not class.module do class = class.parent end
  return class.name
end

-- ---- the whole state ---------------------------------------------------------------------------

local function add_slots(self, variables, list)
  local name = known_name(self)
  local of_class = passes[name] and passes[name](self) or { self.slots }
  for _, slots in ipairs(of_class) do
    for _, variable in ipairs(variables) do
      for _, slot in ipairs(slots) do
        list[#list + 1] = self.slot_of[variable][slot] or placeholder(name, slot, variable)
      end
    end
  end
  if self.product then list[#list + 1] = self.product end      -- Nadam's
end

-- Of one that holds others: its own, then theirs.
local function with_held(self, variables)
  local list = table.move(self.own_variables, 1, #self.own_variables, 1, {})
  for _, inner in ipairs(self:held()) do
    local theirs = optimizer.variables(inner, self:trained_by(inner, variables))
    table.move(theirs, 1, #theirs, #list + 1, list)
  end
  return list
end

-- The variables, {variable or placeholder, …}. One that has made no step has two; the others are
-- made by `build`.
function optimizer.variables(self, variables)
  if self.held then return with_held(self, variables) end
  local list = { self._iterations, self.rate_variable }
  if not self.built then return list end
  if self.use_ema then
    for _, variable in ipairs(variables) do list[#list + 1] = self.averages[variable] end
  end
  if self.gradient_accumulation_steps then
    for _, variable in ipairs(variables) do list[#list + 1] = self.accumulators[variable] end
  end
  add_slots(self, variables, list)
  return list
end

-- ---- the state in files of Keras 2 -------------------------------------------------------------

-- Its first optimizers wrote one slot of all variables, then the next.
local function one_by_one(self, variables)
  local list = { self._iterations }
  for _, slot in ipairs(self.slots) do
    for _, variable in ipairs(variables) do list[#list + 1] = self.slot_of[variable][slot] end
  end
  return list
end

-- Its later ones wrote what Keras 3 writes, without the rate, with few placeholders, and for SGD
-- with slots that it does not need.
local function as_today(self, variables)
  local list = {}
  for _, entry in ipairs(optimizer.variables(self, variables)) do
    local is_kept = core.is_variable(entry) or #entry.shape > 0
    if is_kept and entry ~= self.rate_variable and entry ~= self.product then
      list[#list + 1] = entry
    end
  end
  local has_spare = self.built and known_name(self) == "SGD" and #self.slots == 0
  for _, variable in ipairs(has_spare and variables or {}) do
    list[#list + 1] = { shape = variable.shape, dtype = "float32" }
  end
  return list
end

-- The variables in the order of a file whose variables have these names.
function optimizer.legacy_variables(self, variables, names)
  if names[1]:find "iteration$" then return optimizer.variables(self, variables) end
  return (names[1]:find "^iteration:" and as_today or one_by_one)(self, variables)
end

-- ---- the state in files of Keras 3 -------------------------------------------------------------

-- Until Keras 3.9 Nadam's product stood before its slots; the shapes in a file tell.
local function as_until_39(self, list, shape_of)
  local first = self.rate_variable and 3 or 2
  local is_last = self.product and list[#list] == self.product
  if not is_last or #shape_of(first) > 0 then return list end
  local older = table.move(list, 1, first - 1, 1, {})
  older[first] = self.product
  return table.move(list, first, #list - 1, first + 1, older)
end

-- The variables in the order of a file that has so many of them, in shapes that shape_of(i) gives.
-- Archives of Keras 2 have other ones.
function optimizer.in_file(self, variables, count, shape_of)
  local list = optimizer.variables(self, variables)
  if #list == count then return as_until_39(self, list, shape_of) end
  local of_keras2 = as_today(self, variables)
  return #of_keras2 == count and of_keras2 or list
end

-- ---- values ------------------------------------------------------------------------------------

-- What a file does not have although it follows from the rest: Nadam's product, from its steps.
function optimizer.complete(self, list)
  if not self.product or not self.built then return end
  for _, entry in ipairs(list) do
    if entry == self.product then return end
  end
  local product = 1
  for t = 1, math.min(self._iterations:item(), 10000) do
    product = product * self.beta_1 * (1 - 0.5 * 0.96 ^ t)
  end
  self.product:assign(core.tensor(product))
end

-- The one that has the variable in a field: the optimizer, one that it holds, or none.
local function owner(self, field, variable)
  if self[field] == variable then return self end
  for _, inner in ipairs(self.held and self:held() or {}) do
    local found = owner(inner, field, variable)
    if found then return found end
  end
end

-- A value of a file takes effect.
function optimizer.assign(self, variable, tensor)
  local of_rate = owner(self, "rate_variable", variable)
  if of_rate then return rate.set(of_rate, tensor) end
  core.hand_over(variable, tensor)
end

-- The elements as Keras keeps them: its counter has 64 bits.
function optimizer.value(self, entry)
  if not core.is_variable(entry) then
    return core.ops.full(entry.shape, 0, entry.dtype)
  end
  return owner(self, "_iterations", entry) and core.ops.cast(entry.value, "int64") or entry.value
end

return optimizer
