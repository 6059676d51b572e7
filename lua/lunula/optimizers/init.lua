-- The optimizers by name, and the schedules of learning rates.

local declare = require "lunula.declare"
local optimizer = require "lunula.optimizers.optimizer"

for _, family in ipairs { "sgd", "rmsprop", "adam", "ftrl", "adafactor", "muon",
  "schedule_free", "loss_scale" } do
  require("lunula.optimizers." .. family)
end

local classes = { optimizer.Optimizer, require "lunula.optimizers.multi" }
table.move(optimizer.classes, 1, #optimizer.classes, 3, classes)
local optimizers = declare.catalogue("optimizer", classes)

optimizers.schedules = require "lunula.optimizers.schedules"

-- k.optimizer "Name" { update_step = function (self, gradient, variable, rate) … end }: a
-- user's. learning_rate = is the default.
function optimizers.declare(name) return (require "lunula.optimizers.door")(name) end

return optimizers
