-- Files are written under a name of their own, and take their place when they are whole: a write
-- that fails leaves the old file as it is, and nothing beside it.

local core = require "lunula.core"
local files = require "lunula.hdf5.core"

local writing = {}

local function checked(path, value, problem)
  if not value then core.raise("%s: %s", path, problem) end
  return value
end

-- fn(path of a new file beside `path`), and that file is gone afterwards.
function writing.temporary(path, fn)
  local temporary = checked(path, files.temporary(path))
  local _ <close> = setmetatable({}, { __close = function () os.remove(temporary) end })
  return fn(temporary)
end

-- write(temporary path) makes the file that then stands at `path`. What write raises begins with
-- the path.
function writing.file(path, write)
  writing.temporary(path, function (temporary)
    write(temporary)
    checked(path, files.commit(temporary, path))
  end)
end

-- write(writer) fills an HDF5 file at the path.
function writing.hdf5(path, write)
  local writer <close> = checked(path, files.create(path))
  write(writer)
  checked(path, writer:close())
end

return writing
