-- k.optimizer: optimizers of the user's own. Few scripts have one, so it is loaded late.

local declaration_of = require "lunula.utils.declaration"
local base = require "lunula.optimizers.optimizer"

-- A build of the user's makes its slots, once; then come ours.
local function built_once(build)
  return function(self, variables)
    if not rawget(self, "_built_own") then
      rawset(self, "_built_own", true)
      build(self, variables)
    end
    return base.Optimizer.build(self, variables)
  end
end

return function(name)
  declaration_of.name("optimizer", name, "update_step")
  return function(given)
    local declaration = declaration_of.check("optimizer", name, given, {
      base = base.Optimizer, hooks = { "build", "update_step" }, needed = { "update_step" },
      fields = { learning_rate = "number", slots = "table" },
    })
    declaration.learning_rate = declaration.learning_rate or 0.001
    if declaration.build then declaration.build = built_once(declaration.build) end
    declaration.update = function(self, variable, gradient, learning_rate)
      self:update_step(gradient, variable, learning_rate)
    end
    return base.declare(name)(declaration)
  end
end
