-- TimeDistributed: a layer on every step of (batch, time, …).
--
-- Steps are put into the batch, so that the layer runs once. A layer that keeps something from call
-- to call (weights that are no parameters, states of its own) runs step by step instead, in the
-- order of time.

local core = require "lunula.core"
local ops = require "lunula.ops"
local layer = require "lunula.layers.base"
local tools = require "lunula.ops.tools"
local steps = require "lunula.layers.rnn.steps"
local Wrapper = require "lunula.layers.core.wrapper"

local shape_text = tools.shape_text

local function child_shape(shape)
  if type(shape[1]) == "table" or #shape < 3 then
    core.raise("takes an input of rank 3 or more, (batch, time, …), got %s",
      type(shape[1]) == "table" and "several" or shape_text(shape))
  end
  return { shape[1], table.unpack(shape, 3) }
end

local function check_mask(x, mask)
  local given, wanted = mask.shape, x.shape
  local fits = #given >= 2
  for axis = 1, fits and 2 or 0 do
    if given[axis] and wanted[axis] and given[axis] ~= wanted[axis] then fits = false end
  end
  if not fits then
    core.raise("the mask must begin with the batch and the steps of the input %s, got %s",
      shape_text(wanted), shape_text(given))
  end
end

-- ---- all steps at once ------------------------------------------------------------------------

-- A mask of steps says nothing about the axes within a step.
local function goes_inside(self, x, mask)
  return mask and self.layer.supports_masking and mask.rank - 2 == x.rank - 3
end

local function at_once(self, x, mask)
  local inner = goes_inside(self, x, mask) and steps.together(mask) or nil
  local results = table.pack(self.layer(steps.together(x), { mask = inner }))
  for i = 1, results.n do results[i] = steps.apart(results[i], x) end
  return table.unpack(results, 1, results.n)
end

-- ---- step by step -----------------------------------------------------------------------------

local function keeps_something(one, training)
  if one.stateful or training and #one._others > 0 then return true end
  for _, inner in ipairs(one:tracked_layers()) do
    if keeps_something(inner, training) then return true end
  end
  return false
end

local function step(x, i)
  return ops.squeeze(tools.part(x, 1, i, 1), 1)
end

local function one_by_one(self, x, mask)
  local count, lists = x.shape[2], {}
  if not count then
    core.raise('the layer inside, "%s", keeps something from step to step, so the number of steps '
      .. "must be known; the input is %s", self.layer.name, shape_text(x.shape))
  end
  for i = 0, count - 1 do
    local inner = goes_inside(self, x, mask) and step(mask, i) or nil
    local results = table.pack(self.layer(step(x, i), { mask = inner }))
    for k = 1, results.n do
      lists[k] = lists[k] or {}
      lists[k][i + 1] = results[k]
    end
  end
  for k, list in ipairs(lists) do lists[k] = ops.stack(list, 1) end
  return table.unpack(lists)
end

return layer "TimeDistributed" {
  several = true,
  parent = Wrapper,
  doc = "a layer on every step of (batch, time, …)",
  args = {},
  supports_masking = true,
  build = function (self, shape)
    if not self.layer.built then self.layer:build(child_shape(shape)) end
  end,
  call = function (self, x, options)
    child_shape(x.shape)
    if options.mask then check_mask(x, options.mask) end
    local run = keeps_something(self.layer, options.training) and one_by_one or at_once
    return run(self, x, options.mask)
  end,
}
