-- busted under whatever interpreter runs this file; the command of that name
-- may belong to another Lua.
require "busted.runner" { standalone = false }
