-- A folder for the files of a spec: scratch.path "model.safetensors"; scratch.clear() when it ends.

local core = require "lunula.core"
local files = require "spec.support.files"
local lua = require "spec.support.lua"

local scratch = {}

local folder

function scratch.path(name)
  if not folder then
    folder = os.tmpname()
    os.remove(folder)
    core.make_folders(folder)
  end
  return name and folder .. "/" .. name or folder
end

function scratch.clear()
  if folder then os.execute("rm -rf '" .. folder .. "'") end
  folder = nil
end

function scratch.read(name)
  return files.read(scratch.path(name))
end

function scratch.write(name, bytes)
  files.write(scratch.path(name), bytes)
end

-- A Lua script in a process of its own, with the modules of this one. Returns whether it ended
-- well, and what it wrote. `before`: what the shell runs it by; $$ is then its number. `streams`:
-- what becomes of its errors.
function scratch.run(script, before, streams)
  local command = ("export ASAN_OPTIONS=detect_leaks=0 %s; %s %s %s %s"):format(
    lua.paths(package.path, package.cpath), before or "", lua.command, script, streams or "2>&1")
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  return pipe:close() == true, text
end

return scratch
