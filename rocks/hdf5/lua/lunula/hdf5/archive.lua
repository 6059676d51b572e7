-- .keras: an archive of config.json (the model), metadata.json (who wrote it), model.weights.h5 and
-- assets (vocabularies).

local core = require "lunula.core"
local config = require "lunula.saving.config"
local files = require "lunula.hdf5.core"
local json = require "lunula.saving.json"
local layer_weights = require "lunula.layers.base.weights"
local loading = require "lunula.hdf5.loading"
local node = require "lunula.hdf5.node"
local space = require "lunula.hdf5.space"
local state = require "lunula.saving.state"
local vocabulary = require "lunula.hdf5.vocabulary"
local warn = require "lunula.utils.warn"
local weights = require "lunula.hdf5.weights"
local writing = require "lunula.hdf5.writing"
local zip = require "lunula.hdf5.zip"

require "lunula.models"     -- the classes that a config names

local archive = {}

archive.keras_version = "3.15.1"   -- whose format is written

-- ---- writing -----------------------------------------------------------------------------------

local function metadata()
  return json.encode(setmetatable({
    keras_version = archive.keras_version, date_saved = os.date "%Y-%m-%d@%H:%M:%S",
    lunula_version = core.version,
  }, { __jsonorder = { "keras_version", "date_saved", "lunula_version" } }))
end

-- An archive of the text of a config, the assets of an object and what write(writer) writes.
local function save(path, text, assets_of, write, object)
  writing.temporary(path, function (temporary)
    local assets = assets_of(object)
    writing.hdf5(temporary, write)
    writing.file(path, function (target)
      local z = zip.create(target)
      z:add("metadata.json", metadata())
      z:add("config.json", text)
      z:add_file("model.weights.h5", temporary)
      for _, asset in ipairs(assets) do z:add(asset.name, asset.text) end
      z:finish()
    end)
  end)
end

function archive.save_model(model, path, options)
  if not model.built and #model.weights == 0 then
    warn.say('model "%s" is saved without weights, because it has not been built: call it on data '
      .. "first, or build it by model:build{…}", model.name)
  end
  local text = config.text(model, "save", options.include_optimizer)
  save(path, text, vocabulary.assets, function (writer)
    weights.write(writer, model, options.include_optimizer)
  end, model)
end

function archive.save_space(self, path)
  save(path, space.text(self), space.assets, function (writer) space.write(writer, self) end, self)
end

-- ---- reading -----------------------------------------------------------------------------------

-- Texts are of this size at most; what is packed may grow to sixteen times the file and as much.
local text_size <const> = 1 << 28

local Archive = {}
Archive.__index = Archive

local function open(path)
  local bytes, problem = files.open(path)
  local entries
  if bytes then entries, problem = files.zip(bytes) end
  if not entries then core.raise("%s: %s", path, problem) end
  return setmetatable({ path = path, bytes = bytes, entries = entries }, Archive)
end

-- The bytes of an entry, nil where there is none.
function Archive:find(name, most)
  local entry = self.entries[name]
  if not entry then return nil end
  local bytes, problem = files.unzip(self.bytes, entry, most)
  if not bytes then core.raise("%s: %s: %s", self.path, name, problem) end
  return bytes
end

function Archive:text(name)
  local bytes = self:find(name, text_size)
  return bytes and bytes:string()
end

function Archive:json(name)
  local text = self:text(name)
  if not text then core.raise("%s: there is no %s in it", self.path, name) end
  local value, problem = json.decode(text)
  if type(value) ~= "table" then
    core.raise("%s: %s is broken: %s", self.path, name, problem or "it is no object")
  end
  return value
end

function Archive:weights()
  local bytes = self:find("model.weights.h5", 16 * #self.bytes + text_size)
  if bytes then return node.root(bytes, self.path .. ": model.weights.h5") end
  core.raise("%s: %s", self.path, self.entries["model.weights.npz"]
    and "its weights are in the format npz, which is not read; save it by weights_format=\"h5\""
    or "there is no model.weights.h5 in it")
end

-- The record of the model. Archives of Keras 2 say their version beside it.
local function record_of(self, with_training)
  local record = self:json "config.json"
  local told = self.entries["metadata.json"] and self:json "metadata.json"
  local version = told and told.keras_version
  if type(version) == "string" and version:find "^[12]%." then record.keras_version = version end
  if not with_training then record.compile_config = nil end
  return record
end

-- The model of a record, with weights that are still to be read; errors begin with the path.
function archive.model(record, path, custom_objects)
  return state.undisturbed(layer_weights.unset, config.model, record, path, custom_objects)
end

function archive.load_model(path, options)
  local self = open(path)
  local root, load = self:weights(), loading.new(path)
  local function text_of(name) return self:text(name) end
  local record = record_of(self, options.compile)
  if space.is(record) then
    local made = space.read(load, record, root, text_of, options.custom_objects)
    load:finish()
    return made
  end
  local model = archive.model(record, path, options.custom_objects)
  vocabulary.read(load, model, root, text_of)
  weights.read(load, root, model, { optimizer = options.compile })
  load:finish()
  return model
end

function archive.load_space(path)
  local self = open(path)
  if space.is(self:json "config.json") then return archive.load_model(path, {}) end
  core.raise("%s: this is no FeatureSpace; load_model reads models", path)
end

function archive.load_weights(model, path, options)
  local load = loading.new(path, options.skip_mismatch)
  weights.read(load, open(path):weights(), model, { optimizer = true })
  load:finish()
end

return archive
