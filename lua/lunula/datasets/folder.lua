-- Where the files of a dataset are: in Keras's own folder, ~/.keras/datasets, or where the user
-- says.

local core = require "lunula.core"
local declare = require "lunula.declare"
local options = require "lunula.utils.options"

-- Where Keras itself gets most of them from.
local folder = { GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/" }

local function keras_folder()
  local home = os.getenv "KERAS_HOME"
  return (home or (os.getenv "HOME" or "") .. "/.keras") .. "/datasets"
end

-- The path of a file or folder: names are below Keras's folder, paths are what they are.
-- origin: where it can be got.
function folder.find(dataset, name, origin)
  local path = name:sub(1, 1) == "/" and name or keras_folder() .. "/" .. name
  if core.file_kind(path) then return path end
  if core.file_kind(name) then return name end
  core.raise("k.datasets.%s: %s is not there. Nothing is downloaded here: get %s, and put it there "
    .. "or give its path", dataset, path, origin)
end

-- A value that was given, where false says None; else the default.
function folder.default(value, default)
  if value == nil then return default end
  return value ~= core.None and value
end

-- The options of a function, load_data unless it is named: one table, with names, or the first
-- value alone; in Keras's order.
function folder.read(dataset, given, names, called)
  local what = "k.datasets." .. dataset .. "." .. (called or "load_data")
  if given ~= nil and not declare.is_plain(given) then given = { [names[1]] = given } end
  local said = {}
  for key, value in pairs(given or {}) do
    local name = math.type(key) == "integer" and names[key] or key
    said[name] = value
  end
  options.read(what, said, names)
  said.path = folder.default(said.path) or nil
  if said.path and type(said.path) ~= "string" then
    core.raise("%s: path must be a string, got %s", what, declare.show(said.path))
  end
  return said, what
end

-- Which part of the rows is kept for a test.
function folder.test_split(what, value)
  local split = options.number(what, "test_split", value) or 0.2
  if not (split >= 0 and split < 1) then
    core.raise("%s: test_split must be from 0 to below 1, got %s", what, split)
  end
  return split
end

return folder
