-- FeatureSpaces in archives: those that Keras wrote (golden/spaces.py), and ours.

local core = require "lunula.core"
local files = require "lunula.hdf5.core"
local json = require "lunula.saving.json"
local k = require "lunula"
local recorded = require "rocks.hdf5.spec.support.recorded"

local FeatureSpace = k.utils.FeatureSpace

local told = json.decode(recorded.read "rocks/hdf5/spec/golden/spaces.json")

local function path_of(name) return recorded.path { file = name .. ".keras" } end

local function columns_of(space)
  local columns = {}
  for name in pairs(space.features) do columns[name] = told.columns[name] end
  return columns
end

local function check(space, name)
  local said = space(columns_of(space))
  if core.is_tensor(said) then return assert.near_all(said, told.said[name], 2e-5) end
  for column, wanted in pairs(told.said[name]) do assert.near_all(said[column], wanted, 2e-5) end
end

local function entry(path, name)
  local bytes = assert(files.open(path))
  return assert(files.unzip(bytes, assert(files.zip(bytes))[name], 1 << 20)):string()
end

-- The archive with an entry changed, at a path of its own.
local function changed(name, change)
  local zip = require "lunula.hdf5.zip"
  local path, from = recorded.temporary ".keras", path_of "space"
  local z = zip.create(path)
  for _, each in ipairs { "config.json", "model.weights.h5",
    "assets/preprocessors/string_lookup/vocabulary.txt",
    "assets/preprocessors/integer_lookup/vocabulary.txt" } do
    local text = entry(from, each)
    z:add(each, each == name and change(text) or text)
  end
  z:finish()
  return path
end

describe("a FeatureSpace in a file of Keras", function ()
  for _, name in ipairs { "space", "space_dict" } do
    it("says what it said in Keras: " .. name, function ()
      check(k.models.load_model(path_of(name)), name)
      check(FeatureSpace.load(path_of(name)), name)
    end)

    it("is written and comes back: " .. name, function ()
      local path = recorded.temporary ".keras"
      FeatureSpace.load(path_of(name)):save(path)
      check(k.saving.load_model(path), name)
    end)
  end

  it("is laid out as Keras does it", function ()
    local path = recorded.temporary ".keras"
    FeatureSpace.load(path_of "space"):save(path)
    local ours = json.decode(entry(path, "config.json"))
    local theirs = json.decode(entry(path_of "space", "config.json"))
    for name, feature in pairs(theirs.config.features) do
      local own = ours.config.features[name]
      for _, key in ipairs { "module", "class_name", "registered_name" } do
        assert.equal(feature[key], own[key])
        assert.equal(feature.config.preprocessor[key], own.config.preprocessor[key])
      end
      feature.config.preprocessor, own.config.preprocessor = nil, nil
    end
    assert.same(theirs.config, ours.config)
    assert.same(theirs.build_config.age, ours.build_config.age)
    local vocabulary = "assets/preprocessors/string_lookup/vocabulary.txt"
    assert.equal(entry(path_of "space", vocabulary), entry(path, vocabulary))
  end)

  it("must have seen data before it is written", function ()
    local space = FeatureSpace { features = { a = "float_normalized" } }
    assert.error_at_line(function () space:save(recorded.temporary ".keras") end,
      'FeatureSpace: call adapt(data) first; "a" must see data')
  end)

  it("tells what is wrong with a file, at the line", function ()
    local function fails(path, message)
      assert.error_at_line(function () FeatureSpace.load(path) end, path .. ": " .. message)
    end
    fails(path_of "dense", "this is no FeatureSpace; load_model reads models")
    fails(changed("config.json", function (text) return (text:gsub('"Feature"', '"Featre"')) end),
      'at .config.features.age: a Feature is wanted, got "Featre"')
    fails(changed("config.json", function (text)
      return (text:gsub("age_preprocessor", "other"))
    end), 'there is nothing of the feature "age" in it')
    fails(changed("assets/preprocessors/integer_lookup/vocabulary.txt", function ()
      return "-1\nfive"
    end), "assets/preprocessors/integer_lookup/vocabulary.txt: line 2 is no whole number")
  end)
end)
