-- What the options of images have in common: modes of colour, sizes, words out of a list.

local core = require "lunula.core"
local declare = require "lunula.declare"
local options = require "lunula.utils.options"

local arguments = {}

-- The word, where it is one of these.
function arguments.one_of(name, option, value, words)
  for _, word in ipairs(words) do
    if value == word then return value end
  end
  local hint = type(value) == "string" and declare.suggestion(value, words) or ""
  core.raise("%s: %s must be \"%s\", got %s%s", name, option, table.concat(words, '", "'),
    declare.show(value), hint)
end

local channels_of = { grayscale = 1, rgb = 3, rgba = 4 }

function arguments.channels(name, color_mode)
  return channels_of[arguments.one_of(name, "color_mode", color_mode or "rgb",
    { "grayscale", "rgb", "rgba" })]
end

local MOST <const> = 1 << 16   -- pixels on a side, as ops.image.resize has it

-- {height, width} -> height, width
function arguments.size(name, option, value)
  if type(value) ~= "table" or #value ~= 2 then
    core.raise("%s: %s is {height, width}, got %s", name, option, declare.show(value))
  end
  local sides = {}
  for i, what in ipairs { "height", "width" } do
    sides[i] = options.count(name, ("the %s of %s"):format(what, option), value[i])
    if sides[i] > MOST then
      core.raise("%s: the %s of %s goes from 1 to %d, got %d", name, what, option, MOST, sides[i])
    end
  end
  return sides[1], sides[2]
end

return arguments
