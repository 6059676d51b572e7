-- The bytes of a file, for those that read it as a whole; unpacked where it is a .gz file.

local core = require "lunula.core"

local files = {}

function files.fail(path, text, ...)
  core.raise("\"%s\": " .. text, path, ...)
end

-- name: the function that a user called with this path.
function files.check_path(name, path)
  if type(path) ~= "string" then core.raise("%s: a path comes first, got %s", name, type(path)) end
end

function files.bytes(path)
  local file, problem = io.open(path, "rb")
  if not file then core.raise("%s", problem) end
  local bytes = file:read "a"
  file:close()
  if not bytes then files.fail(path, "it cannot be read") end
  return bytes
end

function files.unpacked(path)
  local bytes = files.bytes(path)
  return bytes:sub(1, 2) == "\x1f\x8b" and core.gunzip(path, bytes) or bytes
end

return files
