-- Dropout in cells: masks that are drawn once for all steps, for the input and for the state.
--
-- A cell that drops anything has fields dropout, recurrent_dropout, seed. When the state is dropped
-- every gate gets masks of its own, as in Keras; else the gates share one of the input.

local ops = require "lunula.ops"
local random = require "lunula.ops.random"

local dropout = {}

function dropout.init(cell)
  if cell.seed then cell.generator = random.SeedGenerator(cell.seed) end
end

local function masks(cell, like, rate, count)
  local list, ones = {}, ops.ones_like(like)
  for i = 1, count do list[i] = random.dropout(ones, rate, nil, cell.generator) end
  return list
end

local function acts(rate)
  return rate > 0 and rate < 1
end

-- {input = masks or nil, state = masks or nil}, each of `count` masks or of one; nil for none.
function dropout.draw(cell, x, h, count)
  local drawn = {}
  if acts(cell.dropout) then drawn.input = masks(cell, x, cell.dropout, count) end
  if acts(cell.recurrent_dropout) then
    drawn.state = masks(cell, h, cell.recurrent_dropout, count)
  end
  return next(drawn) and drawn or nil
end

-- What a cell drops in this call: drawn before the loop, or now when there is none.
function dropout.drawn(cell, x, context)
  if context.drawn then return context.drawn end
  return context.training and not context.projected and cell:draw(x, context) or {}
end

-- x times its mask for gate k.
function dropout.apply(x, list, k)
  if not list then return x end
  return x * (list[k] or list[1])
end

return dropout
