-- Ctrl-C while batches run: one line at the user's own, and the model stays as it is.
--
-- It reaches Lua between two slices of batches, at a line of ours. The frames of the user are gone
-- when a closed value hears of it, and the interpreter has added its traceback: so the line is
-- taken before. What is raised is an object that reads as its text: to text the interpreter would
-- add the traceback once more.

local core = require "lunula.core"

local interruption = {}

local message = {}

function message:__tostring() return self.text end

-- To be held in a variable that closes. said: what is to be known of the model.
function interruption.tell(said)
  local where = core.where()
  return setmetatable({}, { __close = function(_, failure)
    if type(failure) == "string" and failure:find "interrupted!%f[\n\0]" then
      local text = where .. ": interrupted!" .. (said and " " .. said or "")
      error(setmetatable({ text = text }, message), 0)
    end
  end })
end

return interruption
