-- The losses by name: classes (losses.Huber), functions (losses.huber) and their short names
-- (losses.mse).
--
-- `get` makes one of whatever compile{loss=…} may be given: a name, a config, an object or a
-- closure.

local declare = require "lunula.declare"
local loss = require "lunula.losses.loss"

for _, family in ipairs { "regression", "hinge", "crossentropy", "overlap", "ctc" } do
  require("lunula.losses." .. family)
end

local classes = { loss.Loss, loss.LossFunctionWrapper }
table.move(loss.classes, 1, #loss.classes, #classes + 1, classes)
local losses = declare.catalogue("loss", classes)

local class_names = {}
for name, call in pairs(loss.functions) do
  losses[name] = call
  class_names[call] = name
end

-- A loss object, or nil for nil. A closure is wrapped; a function of this module becomes its class.
function losses.get(identifier)
  if type(identifier) == "function" then
    local name = class_names[identifier]
    if not name then return loss.LossFunctionWrapper { identifier } end
    identifier = name
  end
  local found = declare.get("loss", identifier)
  if found == nil or declare.is(found, "loss") then return found end
  return loss.LossFunctionWrapper { found }
end

-- The name under which a function of this module is known, or nil.
function losses.name_of(call)
  return class_names[call]
end

losses.declare = loss.door

return losses
