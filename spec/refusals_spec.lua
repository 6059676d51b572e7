-- What Keras's constructors refuse, ours do, at the user's line; what it takes at the edge, ours
-- take. spec/golden/refusals.json was taken from Keras.

local k = require "lunula"
local declare = require "lunula.declare"
local golden = require "spec.support.golden"

local function class_of(case)
  local module = k
  for name in case.module:gmatch "[^.]+" do module = module[name] end
  return module[case.class_name]
end

-- As a script would write them: layers are made, and false is None.
local function arguments_of(case)
  local arguments = {}
  for name, value in pairs(case.arguments) do
    if type(value) == "table" and value.class_name then value = k.layers.deserialize(value) end
    arguments[name] = value
  end
  return arguments
end

describe("constructors", function ()
  for _, case in ipairs(golden.read "refusals.json") do
    local text = declare.show(case.arguments)
    it(("%s %s %s"):format(case.refused and "refuse" or "take", case.class_name, text), function ()
      local class, arguments = class_of(case), arguments_of(case)
      local function make() class(arguments) end
      if case.refused then
        assert.error_at_line(make)
      else
        make()
      end
    end)
  end
end)
