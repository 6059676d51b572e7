-- A load that changes nothing until all of it is known to fit: what is to be done is noted, and
-- done at the end.

local core = require "lunula.core"
local json_path = require "lunula.json_path"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local warn = require "lunula.utils.warn"

local Loading = {}
Loading.__index = Loading

local loading = {}

-- path: of the file; skips: does what does not fit stay as it is?
function loading.new(path, skips)
  return setmetatable({ path = path, skips = skips or false, steps = {}, misfits = {} }, Loading)
end

-- fn() is called when all is known to be well.
function Loading:later(fn)
  self.steps[#self.steps + 1] = fn
end

-- Something does not fit: an error, or with skip_mismatch a line of the warning.
function Loading:misfit(format, ...)
  local text = format:format(...)
  if not self.skips then
    core.raise("%s: %s\n(nothing was loaded; skip_mismatch=true loads what fits)", self.path, text)
  end
  self.misfits[#self.misfits + 1] = text
end

local shape_text = tools.shape_text

-- "dense/kernel is (3, 4) here and (3, 5) in the file", nil when it fits.
function loading.difference(variable, shape, name)
  local here, there = shape_text(variable.shape), shape_text(shape)
  if here ~= there then return ("%s is %s here and %s in the file"):format(name, here, there) end
end

-- The numbers of a dataset for a variable; nil when they do not fit.
function Loading:value(variable, node, name)
  local problem = loading.difference(variable, node:shape(), name)
  if problem then return self:misfit("%s", problem) end
  return node:tensor()
end

-- A tensor in the type of a variable. That may fail, so it is done before anything is changed.
function Loading:converted(variable, tensor)
  if tensor.dtype == variable.dtype then return tensor end
  return json_path.reading(self.path, ops.cast, tensor, variable.dtype)
end

-- The value of a variable, when all is known to be well. Nobody else has it: it is not copied.
function Loading:assign(variable, tensor)
  local value = self:converted(variable, tensor)
  self:later(function () core.hand_over(variable, value) end)
end

local most_told <const> = 8

local function run_all(steps)
  for _, step in ipairs(steps) do step() end
end

function Loading:finish()
  json_path.reading(self.path, run_all, self.steps)
  local list = self.misfits
  if #list == 0 then return end
  local words = table.concat(list, "\n  ", 1, math.min(#list, most_told))
  if #list > most_told then words = ("%s\n  and %d more"):format(words, #list - most_told) end
  warn.say("%s: some weights were not loaded:\n  %s", self.path, words)
end

return loading
