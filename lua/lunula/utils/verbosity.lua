-- What verbose says, and whether progress is drawn at all: k.utils.disable_interactive_logging().
--
-- verbose is "auto", 0 (nothing), 1 (a bar) or 2 (one line when it is done). Unsaid it is "auto".

local core = require "lunula.core"
local declare = require "lunula.declare"

local verbosity = {}

local interactive = true

function verbosity.enable_interactive_logging() interactive = true end

function verbosity.disable_interactive_logging() interactive = false end

function verbosity.is_interactive_logging_enabled() return interactive end

-- Is there somebody to see a bar that nobody asked for?
function verbosity.is_watched() return interactive and core.isatty(1) end

-- 0, 1 or 2. unwatched: what "auto" means where is_watched() is false.
function verbosity.read(name, value, unwatched)
  if value == nil or value == "auto" then return verbosity.is_watched() and 1 or unwatched end
  if type(value) == "boolean" then value = value and 1 or 0 end
  if value ~= 0 and value ~= 1 and value ~= 2 then
    core.raise('%s: verbose must be "auto", 0, 1 or 2, got %s', name, declare.show(value))
  end
  return value
end

return verbosity
