-- What every spec may use beside luassert: comparison of numbers with a
-- tolerance, errors with their line, and tensors that print themselves when
-- an assertion fails.

local assert = require "luassert"
local say = require "say"

local function plain(value)
  if type(value) == "userdata" then
    return value.totable and value:totable() or value.value:totable()
  end
  return value
end

return {}
