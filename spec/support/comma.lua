-- A locale whose decimal point is a comma, for a script in a process of its own:
--   ask(comma.settings, comma.script .. "print(0.5)")   --> 0,5
-- comma.is_known() is false where the C library has no such files: they are glibc's.

local core = require "lunula.core"
local ask = require "spec.support.ask"
local files = require "spec.support.files"
local scratch = require "spec.support.scratch"

local comma = { script = 'assert(os.setlocale("comma", "numeric"))\n' }

-- LC_NUMERIC, as localedef writes it: six places, then what stands there. The point, what parts
-- thousands, their groups, the first two as wide letters, and the character set.
function comma.settings()
  local folder = scratch.path "locales/comma"
  core.make_folders(folder)
  files.write(folder .. "/LC_NUMERIC", string.pack("<I4I4 I4I4I4I4I4I4 c2 c2 c4 I4I4 z",
    0x20031114, 6, 32, 34, 36, 40, 44, 48, ",", "", "\x7f", (","):byte(), 0, "UTF-8"))
  return "LOCPATH='" .. scratch.path "locales" .. "'"
end

function comma.is_known()
  return ask(comma.settings(), 'os.setlocale("comma", "numeric") print(0.5)') == "0,5\n"
end

return comma
