-- What a layer adds to the loss: add_loss in its call, its activity regularizer, and the
-- regularizers of its trainable weights.

local core = require "lunula.core"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"
local weights = require "lunula.layers.base.weights"

local ops = core.ops
local losses = {}

local holding = setmetatable({}, { __mode = "k" })   -- the layers whose lists are not empty

-- A scalar, or a list of them.
function losses.add(self, value)
  nest.each(value, function (loss)
    if not core.is_tensor(loss) and type(loss) ~= "number" then
      core.raise('layer "%s": add_loss takes a tensor or a number, got %s', self.name,
        declare.show(loss))
    end
    local list = self._losses
    holding[self] = true
    list[#list + 1] = type(loss) == "number" and core.tensor(loss) or loss
  end)
end

-- The outermost call starts with empty lists, in all layers inside: most have none anywhere.
function losses.clear(self)
  if next(holding) == nil then return end
  holding[self] = nil
  rawset(self, "_losses", {})
  for _, layer in ipairs(self:tracked_layers()) do losses.clear(layer) end
end

-- Of each output, divided by the number of samples.
function losses.activity(self, results)
  local regularizer = self.activity_regularizer
  if not regularizer then return end
  for i = 1, results.n do
    nest.each(results[i], function (y)
      local penalty = regularizer(y)
      if y.rank > 0 then penalty = penalty / ops.cast(ops.dim(y, 0), "float32") end
      losses.add(self, penalty)
    end)
  end
end

local function collect(self, list, seen)
  if seen[self] then return end
  seen[self] = true
  table.move(self._losses, 1, #self._losses, #list + 1, list)
  for _, layer in ipairs(self:tracked_layers()) do collect(layer, list, seen) end
end

-- All of them, of this layer and of those inside.
function losses.all(self)
  local list = {}
  collect(self, list, {})
  for _, variable in ipairs(self.trainable_weights) do
    local regularizer = weights.facts(variable).regularizer
    if regularizer then list[#list + 1] = regularizer(variable) end
  end
  return list
end

return losses
