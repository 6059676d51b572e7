-- Warnings: one line on stderr, at the user's file and line; a host may have a log for them.

local core = require "lunula.core"

local warn = {}

-- Where warnings go; a host or a spec may put its own function here.
function warn.sink(text)
  if core.log then return core.log("warning", text) end
  io.stderr:write(text, "\n")
end

function warn.say(format, ...)
  local where = core.where()
  local text = format:format(...)
  warn.sink((where ~= "" and where .. ": " or "") .. "warning: " .. text)
end

return warn
