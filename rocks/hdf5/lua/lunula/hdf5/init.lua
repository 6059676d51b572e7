-- Keras's own files: .keras, .weights.h5 and, of Keras 2, .h5.
--
-- lunula requires this module when it meets one. What is said by the user is checked there
-- (lunula.saving); the paths end in one of these.

local core = require "lunula.core"
local archive = require "lunula.hdf5.archive"
local files = require "lunula.hdf5.core"
local legacy = require "lunula.hdf5.legacy"
local loading = require "lunula.hdf5.loading"
local node = require "lunula.hdf5.node"
local shards = require "lunula.hdf5.shards"
local weights = require "lunula.hdf5.weights"
local writing = require "lunula.hdf5.writing"

local hdf5 = {}

local function ends_in(path, ending)
  return path:sub(-#ending):lower() == ending
end

local function root_of(path)
  local bytes, problem = files.open(path)
  if not bytes then core.raise("%s: %s", path, problem) end
  return node.root(bytes, path)
end

-- A FeatureSpace, in files that end in .keras.
hdf5.save_space, hdf5.load_space = archive.save_space, archive.load_space

-- Options of the other four functions: those of lunula.saving.

function hdf5.save_model(model, path, options)
  if ends_in(path, ".keras") then return archive.save_model(model, path, options) end
  if ends_in(path, ".weights.h5") or ends_in(path, ".weights.json") then
    core.raise("save: %s: a file of that name has weights alone; model:save_weights writes it, "
      .. "model:save wants .keras or .h5", path)
  end
  legacy.save_model(model, path, options)
end

function hdf5.load_model(path, options)
  if ends_in(path, ".keras") then return archive.load_model(path, options) end
  if ends_in(path, ".weights.json") then
    core.raise("load_model: %s: a file of that name lists weights alone; model:load_weights reads "
      .. "them", path)
  end
  return legacy.load_model(root_of(path), path, options)
end

function hdf5.save_weights(model, path, options)
  if ends_in(path, ".weights.json") then
    return shards.write(model, path, options.max_shard_size, options.overwrite)
  end
  if ends_in(path, ".keras") then
    core.raise("save_weights: %s: weights alone go into a file that ends in .weights.h5", path)
  end
  writing.file(path, function (target)
    writing.hdf5(target, function (writer)
      if ends_in(path, ".weights.h5") then return weights.write(writer, model, true) end
      legacy.write_weights(writer, "/", model)
    end)
  end)
end

-- Files of Keras 2 are told by what is in them.
function hdf5.load_weights(model, path, options)
  if ends_in(path, ".keras") then return archive.load_weights(model, path, options) end
  local is_list = ends_in(path, ".weights.json")
  local root = is_list and shards.root(path) or root_of(path)
  local load = loading.new(path, options.skip_mismatch)
  local old = not is_list and legacy.weights_of(root)
  if old then
    legacy.read_weights(load, old, model, options)
  else
    weights.read(load, root, model, { optimizer = true })
  end
  load:finish()
end

return hdf5
