-- Warnings: one line on stderr, at the user's file and line.

local core = require "lunula.core"

local warn = {}

-- Where warnings go; a host or a spec may put its own function here.
function warn.sink(text)
  io.stderr:write(text, "\n")
end

function warn.say(format, ...)
  local where = core.where()
  local text = format:format(...)
  warn.sink((where ~= "" and where .. ": " or "") .. "warning: " .. text)
end

return warn
