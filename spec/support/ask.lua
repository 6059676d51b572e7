-- What a script says in a process of its own, since some choices are made once for a process:
--   ask("LUNULA_ISA=avx2", "print(...)", ...)
-- Unless the settings say them, they are as if nobody had set any.

local files = require "spec.support.files"
local lua = require "spec.support.lua"

local chosen = { "LUNULA_ISA", "LUNULA_GEMM", "OPENBLAS_CORETYPE" }

return function (settings, script)
  local name = os.tmpname()
  files.write(name, ("package.path, package.cpath = %q, %q\n"):format(package.path, package.cpath)
    .. script)
  local pipe = assert(io.popen(("env -u %s %s %s %s 2>&1"):format(table.concat(chosen, " -u "),
    settings, lua.command, name)))
  local out = pipe:read "a"
  pipe:close()
  os.remove(name)
  return out, name
end
