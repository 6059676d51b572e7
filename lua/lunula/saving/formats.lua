-- Which module reads and writes a file: the ending of its name tells.
--
-- Such a module has save_model(model, path, options), load_model(path, options),
-- save_weights(model, path, options) and load_weights(model, path, options). What all of them need
-- is checked before they are called, in saving/init.lua.

local core = require "lunula.core"
local declare = require "lunula.declare"
local sister = require "lunula.utils.sister"

local formats = {}

local function native()
  return require "lunula.saving.native"
end

-- The sister rock for Keras's own files is looked for when such a file is met.
local function hdf5(path, ending)
  return sister("hdf5", function () return require "lunula.hdf5" end,
    ('"%s": files that end in %s'):format(path, ending))
end

-- Longer endings first.
local list = {
  { ".weights.json", hdf5 }, { ".safetensors", native }, { ".weights.h5", hdf5 },
  { ".keras", hdf5 }, { ".hdf5", hdf5 }, { ".h5", hdf5 },
}

-- All endings, as they are told; .weights.json, for weights in several files, where that is told.
formats.endings = ".safetensors, and with the rock lunula-hdf5 .keras, .weights.h5, .h5, .hdf5"

-- The ending of a path, or nil when we do not know it; and the module's finder.
local function ending_of(path)
  for _, entry in ipairs(list) do
    if path:sub(-#entry[1]):lower() == entry[1] then return entry[1], entry[2] end
  end
end

-- The ending of a path; one that is not known is an error.
function formats.ending(path)
  if type(path) ~= "string" or path == "" then
    core.raise("the path of a file is wanted, got %s", declare.show(path))
  end
  local ending, find = ending_of(path)
  if not ending then
    core.raise('"%s" has no ending that says what kind of file it is; the endings are %s', path,
      formats.endings)
  end
  return ending, find
end

-- The module for the file at a path.
function formats.of(path)
  local ending, find = formats.ending(path)
  return find(path, ending)
end

return formats
