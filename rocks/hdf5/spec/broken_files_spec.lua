-- Files that are broken, by hand and by chance: an error that names the file and what is wrong with
-- it, at the user's line, and nothing changed in the model.

local core = require "lunula.core"
local damage = require "spec.support.damage"
local files = require "lunula.hdf5.core"
local hdf5 = require "lunula.hdf5"
local k = require "lunula"
local recorded = require "rocks.hdf5.spec.support.recorded"
local scratch = require "spec.support.scratch"
local warn = require "lunula.utils.warn"
local zip = require "lunula.hdf5.zip"

teardown(scratch.clear)

local function archive_of(name) return recorded.read("rocks/hdf5/spec/golden/models/" .. name) end

-- The entries of an archive, changed and written anew.
local function rewritten(name, change)
  local bytes = files.bytes(archive_of(name))
  local texts = {}
  for entry, told in pairs(assert(files.zip(bytes))) do
    texts[entry] = assert(files.unzip(bytes, told, 1 << 30)):string()
  end
  change(texts)
  local path = recorded.temporary ".keras"
  local z = zip.create(path)
  for entry, text in pairs(texts) do z:add(entry, text) end
  z:finish()
  return path
end

local function file(bytes, ending)
  local path = recorded.temporary(ending)
  recorded.write(path, bytes)
  return path
end

local function refuses(path, text)
  assert.error_at_line(function () hdf5.load_model(path, { compile = true }) end,
    path .. ": " .. text)
end

describe("a broken archive", function ()
  it("is empty, or no archive", function ()
    refuses(file("", ".keras"), "the file is empty")
    refuses(file("PK\3\4 and no more", ".keras"), "this is no zip archive, or it is cut off")
    refuses("/no/such/file.keras", "No such file or directory")
    refuses("spec", "this is no file")
  end)

  it("is cut off", function ()
    local whole = archive_of "dense.keras"
    for _, share in ipairs { 0.1, 0.5, 0.9, 0.999 } do
      refuses(file(whole:sub(1, #whole * share // 1), ".keras"), "this is no zip archive")
    end
  end)

  it("lacks an entry", function ()
    for _, name in ipairs { "config.json", "model.weights.h5" } do
      local path = rewritten("dense.keras", function (texts) texts[name] = nil end)
      refuses(path, "there is no " .. name .. " in it")
    end
    refuses(rewritten("dense.keras", function (texts)
      texts["model.weights.npz"], texts["model.weights.h5"] = texts["model.weights.h5"], nil
    end), "its weights are in the format npz, which is not read")
  end)

  it("has a config that is none", function ()
    refuses(rewritten("dense.keras", function (texts) texts["config.json"] = "{" end),
      "config.json is broken: ")
    refuses(rewritten("dense.keras", function (texts) texts["config.json"] = "[1]" end),
      "a layer has an unknown field")
    refuses(rewritten("dense.keras", function (texts)
      texts["config.json"] = texts["config.json"]:gsub('"BatchNormalization"', '"Batch"')
    end), "at .config.layers[2]: layer \"batch_normalization\" (Batch): unknown layer \"Batch\"")
  end)

  it("has weights of another model", function ()
    local path = rewritten("dense.keras", function (texts)
      texts["model.weights.h5"] = recorded.packed "lstm.weights.h5"
    end)
    refuses(path, "layers/dense/vars: Dense \"dense\" has 2 variables here and 0 in the file")
    path = rewritten("dense.keras", function (texts)
      texts["config.json"] = texts["config.json"]:gsub('"units": 4', '"units": 7')
    end)
    refuses(path, "kernel of Dense \"dense\" is (5, 7) here and (5, 4) in the file")
  end)

  it("has bytes that do not add up", function ()
    local path = rewritten("dense.keras", function () end)
    local bytes = recorded.read(path)
    local at = assert(bytes:find("\211HDF", 1, true) or bytes:find("\137HDF", 1, true))
    refuses(file(bytes:sub(1, at + 4000) .. "x" .. bytes:sub(at + 4002), ".keras"),
      "model.weights.h5: its bytes are damaged: the checksum differs")
  end)

  -- The sizes that the list of entries tells, in both places.
  local function with_size(size)
    local whole = archive_of "dense.keras"
    local at = assert(whole:find("PK\1\2", 1, true))
    while not whole:sub(at, at + 80):find "config.json" do
      at = assert(whole:find("PK\1\2", at + 1, true))
    end
    return file(whole:sub(1, at + 23) .. ("<I4"):pack(size) .. whole:sub(at + 28), ".keras")
  end

  it("claims more than it holds", function ()
    refuses(with_size(0xFFFFFFF0), "config.json: it claims 4294967280 bytes, which")
    refuses(with_size(100000), "config.json: its packed bytes are damaged")
    refuses(with_size(10), "config.json: its packed bytes are damaged")
  end)

  it("is a bomb", function ()
    local many = ("\0"):rep(1 << 20):rep(300)
    local path = rewritten("dense.keras", function (texts) texts["config.json"] = many end)
    refuses(path, "config.json: it would take 314572800 bytes unpacked, more than 268435456")
  end)
end)

describe("a broken HDF5 file", function ()
  it("is none, or is cut off", function ()
    local whole = recorded.packed "dense.h5"
    refuses(file("HDF", ".h5"), "this is no HDF5 file")
    refuses(file(whole:sub(1, -2), ".h5"), "the file is cut off: ")
    refuses(file(whole:sub(1, 12), ".h5"), "the head of the HDF5 file is damaged")
  end)

  it("has no model, or no weights", function ()
    refuses(file(recorded.packed "dense.weights.h5", ".h5"), "it has no model_config")
    local model = k.Sequential { k.Input { shape = { 2 } }, k.layers.Dense(1) }
    local function written(group)
      local path = recorded.temporary ".h5"
      local w <close> = assert(files.create(path))
      assert(w:text("/", "model_config", model:to_json()))
      assert(w:text("/", "keras_version", "3.0.0"))
      if group then assert(w:group(group)) end
      assert(w:close())
      return path
    end
    refuses(written(), 'there is no group "model_weights" in it')
    refuses(written "model_weights", "model_weights: it does not name its layers")
  end)

  it("has fewer layers than the model", function ()
    local model = k.Sequential { k.Input { shape = { 5 } }, k.layers.Dense(4) }
    local path = file(recorded.packed "dense.h5", ".h5")
    assert.error_at_line(function () hdf5.load_weights(model, path, {}) end,
      path .. ": the model has 1 layers with weights, the file 3\n(nothing was loaded; "
      .. "skip_mismatch=true loads what fits)")
  end)
end)

describe("a load that does not fit", function ()
  local path = recorded.temporary ".weights.h5"
  local function model(last)
    return k.Sequential { k.Input { shape = { 3 } }, k.layers.Dense(2), k.layers.Dense(last) }
  end
  setup(function () hdf5.save_weights(model(4), path, {}) end)

  local function weights_of(m)
    local list = {}
    for i, value in ipairs(m:get_weights()) do list[i] = value:totable() end
    return list
  end

  it("changes nothing", function ()
    local other = model(5)
    local before = weights_of(other)
    assert.error_at_line(function () hdf5.load_weights(other, path, {}) end,
      path .. ": kernel of Dense \"" .. other.layers[2].name .. "\" is (2, 5) here and (2, 4) in")
    assert.same(before, weights_of(other))
  end)

  it("has no variables where the model has none", function ()
    local function normalizing(layer)
      return k.Sequential { k.Input { shape = { 3 } }, layer, k.layers.Dense(2) }
    end
    local adapted = k.layers.Normalization()
    adapted:adapt(k.random.normal { 10, 3 })
    hdf5.save_weights(normalizing(adapted), path, {})
    local told = k.layers.Normalization { mean = 0, variance = 1, name = "told" }
    assert.error_at_line(function () hdf5.load_weights(normalizing(told), path, {}) end,
      path .. ': layers/normalization/vars: Normalization "told" has 0 variables here and 3 in the '
      .. "file")
    hdf5.save_weights(model(4), path, {})
  end)

  it("loads what fits where that is wished", function ()
    local other, said = model(5), nil
    local before, sink = weights_of(other), warn.sink
    warn.sink = function (text) said = text end
    hdf5.load_weights(other, path, { skip_mismatch = true })
    warn.sink = sink
    local after = weights_of(other)
    assert.not_same(before[1], after[1])
    assert.same(before[3], after[3])
    assert.matches("some weights were not loaded:\n  kernel of Dense", said)
  end)
end)

describe("a write that fails", function ()
  it("leaves the old file, and nothing beside it", function ()
    local model = k.Sequential { k.Input { shape = { 3 } }, k.layers.Dense(2) }
    for _, path in ipairs { "/no/such/folder/m.keras", "/no/such/folder/m.h5" } do
      assert.error_at_line(function ()
        hdf5.save_model(model, path, { include_optimizer = true })
      end, path .. ": cannot write there: No such file or directory")
    end
    local path = recorded.temporary ".h5"
    recorded.write(path, "old")
    model.layers[1].bias = nil
    local config = model.get_config
    rawset(model, "get_config", function () core.raise "no config" end)
    assert.has_error(function () hdf5.save_model(model, path, { include_optimizer = true }) end)
    rawset(model, "get_config", config)
    assert.equal("old", recorded.read(path))
  end)
end)

describe("files with random damage", function ()
  it("load or are refused, and the process lives", function ()
    damage.run("rocks/hdf5/spec/support/mutate.lua", 20, 200)
  end)
end)
