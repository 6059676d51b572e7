-- A FeatureSpace in an archive: its record, and what its layers learned from data, each in a group
-- called by its class, as those of a list; which is whose, the name beside the variables tells.

local core = require "lunula.core"
local declare = require "lunula.declare"
local features = require "lunula.features"
local json = require "lunula.saving.json"
local json_path = require "lunula.json_path"
local layer_weights = require "lunula.layers.base.weights"
local state = require "lunula.saving.state"
local tree = require "lunula.hdf5.tree"
local vocabulary = require "lunula.hdf5.vocabulary"
local weights = require "lunula.hdf5.weights"

local space = {}

local PREPROCESSORS <const> = "preprocessors"

-- ---- writing -----------------------------------------------------------------------------------

-- {{place =, layer =}, …}: layers by name, in the order of the record.
local function places(group, layers)
  local list, taken = {}, {}
  for _, name in ipairs(json.fields(layers)) do
    local layer = layers[name]
    list[#list + 1] = { place = group .. "/" .. tree.name_in(taken, layer), layer = layer }
  end
  return list
end

-- The text of config.json.
function space.text(self)
  return json_path.reading("save", function () return json.of_objects(self:keras_record()) end)
end

function space.assets(self)
  local list = {}
  for _, entry in ipairs(places(PREPROCESSORS, self.preprocessors)) do
    for _, asset in ipairs(vocabulary.assets(entry.layer, entry.place)) do
      list[#list + 1] = asset
    end
  end
  return list
end

function space.write(writer, self)
  weights.write_group(writer, "", self.name)
  for _, entry in ipairs(places(PREPROCESSORS, self.preprocessors)) do
    weights.write(writer, entry.layer, false, entry.place)
  end
  for _, entry in ipairs(places("crossers", self.crossers)) do
    weights.write(writer, entry.layer, false, entry.place)
  end
end

-- ---- reading -----------------------------------------------------------------------------------

function space.is(record) return record.class_name == "FeatureSpace" end

-- The groups of layers by the name of each.
local function groups_of(root)
  local groups, all = {}, root:find(PREPROCESSORS)
  for key in pairs(all and all.object.links or {}) do
    local group = all:child(key)
    local vars = group:find "vars"
    local name = vars and vars:text "name"
    if name and groups[name] then group:fail('another layer has the name "%s", too', name) end
    if name then groups[name] = group end
  end
  return groups
end

-- The FeatureSpace of a record, and in `load` what the file has for it. text_of(name): an asset.
function space.read(load, record, root, text_of, custom_objects)
  local self = state.undisturbed(layer_weights.unset, json_path.reading, load.path,
    declare.with_custom_objects, custom_objects, declare.sharing, features.of_keras_record, record)
  local groups = groups_of(root)
  for name, layer in pairs(self.preprocessors) do
    local group = groups[layer.name]
    if not group then
      core.raise('%s: there is nothing of the feature "%s" in it', load.path, name)
    end
    vocabulary.read(load, layer, group, text_of, group.name)
    weights.read(load, group, layer, { optimizer = false })
  end
  return self
end

return space
