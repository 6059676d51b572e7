-- The bytes of a file, for those that read it as a whole; unpacked where it is a .gz file.

local core = require "lunula.core"

local files = {}

function files.fail(path, text, ...)
  core.raise("\"%s\": " .. text, path, ...)
end

function files.bytes(path)
  if type(path) ~= "string" then core.raise("a path is expected, got %s", type(path)) end
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
