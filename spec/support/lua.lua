-- The Lua that runs this, for what specs run in a process of its own:
--   lua.command              the interpreter
--   lua.paths(path, cpath)   "LUA_PATH_5_4='..' LUA_CPATH_5_4='..'", with the numbers of this Lua

local first = -1
while arg and arg[first - 1] do first = first - 1 end

local lua = { command = arg and arg[first] or "lua" .. _VERSION:match "[%d.]+$" }

function lua.paths(path, cpath)
  local version = _VERSION:match "[%d.]+$":gsub("%.", "_")
  return ("LUA_PATH_%s='%s' LUA_CPATH_%s='%s'"):format(version, path, version, cpath)
end

return lua
