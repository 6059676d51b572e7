-- Files are written under a name of their own, and take their place when they are whole: a write
-- that fails leaves the old file as it is, and nothing beside it.

local core = require "lunula.core"
local files = require "lunula.hdf5.core"
local json_path = require "lunula.json_path"

local writing = {}

-- A value, or an error of which the path is not told yet.
function writing.checked(value, problem)
  if not value then core.raise("%s", problem) end
  return value
end

local checked = writing.checked

-- fn(…), of which all errors begin with the path of the file that is written, once.
writing.of = json_path.reading

-- fn(path of a new file beside `path`), and that file is gone afterwards.
function writing.temporary(path, fn)
  writing.of(path, function ()
    local temporary = checked(files.temporary(path))
    local _ <close> = setmetatable({}, { __close = function () os.remove(temporary) end })
    fn(temporary)
  end)
end

-- write(temporary path) makes the file that then stands at `path`.
function writing.file(path, write)
  writing.temporary(path, function (temporary)
    write(temporary)
    checked(files.commit(temporary, path))
  end)
end

-- write(writer) fills an HDF5 file at the path.
function writing.hdf5(path, write)
  local writer <close> = checked(files.create(path))
  write(writer)
  checked(writer:close())
end

return writing
