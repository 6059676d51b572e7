-- Weights in several files: those that real Keras wrote (golden/shards.py) and our own.

local core = require "lunula.core"
local files = require "lunula.hdf5.core"
local hdf5 = require "lunula.hdf5"
local k = require "lunula"
local recorded = require "rocks.hdf5.spec.support.recorded"

-- A folder, which goes with what is in it.
local function folder()
  local path = os.tmpname()
  os.remove(path)
  core.make_folders(path)
  return setmetatable({ path = path }, { __close = function () os.execute("rm -rf " .. path) end })
end

local function names_in(dir)
  local list = {}
  for name in io.popen("ls " .. dir.path):lines() do list[#list + 1] = name end
  return list
end

-- Keras's files of a model, in a folder: the path of the list.
local function unpack_to(dir, name)
  local archive = assert(files.open "rocks/hdf5/spec/golden/shards.zip")
  for file, entry in pairs(assert(files.zip(archive))) do
    if file:find("^" .. name) then
      recorded.write(dir.path .. "/" .. file, assert(files.unzip(archive, entry, 1 << 24)):string())
    end
  end
  return ("%s/%s.weights.json"):format(dir.path, name)
end

local function model_of(name)
  return hdf5.load_model(recorded.path { file = name .. ".keras" }, { compile = true })
end

-- All that a file of weights has of a model.
local function state(model)
  local list = {}
  for i, value in ipairs(model:get_weights()) do list[i] = value:totable() end
  for _, variable in ipairs(model.optimizer.variables) do
    list[#list + 1] = variable.value:reshape({ -1 }):totable()
  end
  return list
end

local function make_zero(model)
  for _, variable in ipairs(model.weights) do variable:assign(k.ops.zeros_like(variable.value)) end
  for i, variable in ipairs(model.optimizer.variables) do
    if i > 2 then variable:assign(k.ops.zeros_like(variable.value)) end
  end
end

local function in_bytes(n) return n / (1 << 30) end

describe("weights in several files", function ()
  for _, name in ipairs { "optimizer_adam", "nested" } do
    it("of Keras are read: " .. name, function ()
      local dir <close> = folder()
      local model = model_of(name)
      local wanted = state(model)
      make_zero(model)
      assert.not_same(wanted, state(model))
      model:load_weights(unpack_to(dir, name))
      assert.same(wanted, state(model))
    end)

    it("are divided as Keras divides them: " .. name, function ()
      local dir <close> = folder()
      local ours <close> = folder()
      local model = model_of(name)
      local path = ("%s/%s.weights.json"):format(ours.path, name)
      model:save_weights(path, { max_shard_size = in_bytes(name == "nested" and 200 or 100) })
      local function groups(file)
        local list = assert(core.json_read(recorded.read(file), false))
        for key, value in pairs(list.weight_map) do
          list.weight_map[key] = type(value) == "table" and table.concat(value, " ") or value
        end
        return list
      end
      assert.same(groups(unpack_to(dir, name)), groups(path))
      assert.same(names_in(dir), names_in(ours))
      local wanted = state(model)
      make_zero(model)
      model:load_weights(path)
      assert.same(wanted, state(model))
    end)
  end

  -- Which weights it trains is said beside its state, wherever a part of that stands.
  it("have optimizers in fields of a model", function ()
    local dir <close> = folder()
    local path = dir.path .. "/m.weights.json"
    local Two = k.model "ShardsTwo" {
      init = function (self)
        self.first, self.last = k.layers.Dense(3), k.layers.Dense(2)
        self.of_first = k.optimizers.Adam {}
      end,
      call = function (self, x) return self.last(self.first(x)) end,
    }
    local function made()
      local model = Two()
      model(k.ones { 1, 4 })
      return model
    end
    local function state_of(model)
      local list = {}
      for i, variable in ipairs(model.of_first.variables) do
        list[i] = variable.value:reshape({ -1 }):totable()
      end
      return list
    end
    local model = made()
    model.of_first:apply({ k.ones { 4, 3 }, k.ones { 3 } }, model.first.trainable_weights)
    for _, size in ipairs { 1 << 20, 100 } do
      model:save_weights(path, { max_shard_size = in_bytes(size) })
      local copy = made()
      copy:load_weights(path)
      assert.same(state_of(model), state_of(copy))
    end
    model:save_weights(dir.path .. "/m.weights.h5")
    local writer <close> = assert(files.create(path:gsub("json$", "h5")))
    for i = 0, 5 do assert(writer:dataset("of_first/vars/" .. i, "float32", {}, "abcd")) end
    assert(writer:text("of_first/vars", "trained", "0 1 0"))
    for _, layer in ipairs { "first", "last" } do
      local n = layer == "first" and 3 or 2
      local m = layer == "first" and 4 or 3
      assert(writer:dataset(layer .. "/vars/0", "float32", { m, n }, ("\0"):rep(4 * m * n)))
      assert(writer:dataset(layer .. "/vars/1", "float32", { n }, ("\0"):rep(4 * n)))
    end
    assert(writer:close())
    assert.error_at_line(function () made():load_weights(dir.path .. "/m.weights.h5") end,
      'of_first/vars: the attribute "trained" names a weight twice: 0')
  end)

  it("may be one file, or none that has anything", function ()
    local dir <close> = folder()
    local model = k.Sequential { k.Input { shape = { 3 } }, k.layers.Flatten() }
    model:save_weights(dir.path .. "/m.weights.json", { max_shard_size = 1 })
    assert.same({ "m.weights.json", "m_00000.weights.h5" }, names_in(dir))
    model:load_weights(dir.path .. "/m.weights.json")
  end)

  it("leave nothing behind when one does not fit", function ()
    local dir <close> = folder()
    local path = dir.path .. "/m.weights.json"
    local model = model_of "nested"
    assert.error_at_line(function ()
      model:save_weights(path, { max_shard_size = in_bytes(30) })
    end, "bytes, a file of max_shard_size=2.79397e-08 may have 30; give more")
    assert.same({}, names_in(dir))
  end)

  it("are not written over when that is not wished", function ()
    local dir <close> = folder()
    local path = unpack_to(dir, "nested")
    local model = model_of "nested"
    assert.error_at_line(function ()
      model:save_weights(path, { max_shard_size = 1, overwrite = false })
    end, "is there already; give overwrite=true, or another path")
    os.remove(path)
    assert.error_at_line(function ()
      model:save_weights(path, { max_shard_size = 1, overwrite = false })
    end, 'nested_00000.weights.h5" is there already')
  end)

  it("say what is wrong with them, and change nothing", function ()
    local dir <close> = folder()
    local path = unpack_to(dir, "nested")
    local text = recorded.read(path)
    local model = model_of "nested"
    local before = state(model)
    local function refused(changed, words)
      recorded.write(path, changed)
      assert.error_at_line(function () model:load_weights(path) end, words)
      assert.same(before, state(model))
    end
    refused("{", path .. ": ")
    refused("3", path .. ": there is no weight_map in it")
    refused("{}", path .. ": there is no weight_map in it")
    refused('{"weight_map": 3}', path .. ": there is no weight_map in it")
    refused('{"weight_map": {}}', "variables here and 0 in the file")
    refused((text:gsub("nested_00001", "../nested_00001")),
      path .. ": weight_map: a name of a file beside it is wanted")
    refused((text:gsub('"nested_00001.weights.h5"', "7")),
      path .. ": weight_map: a name of a file beside it is wanted")
    refused((text:gsub("nested_00001", "nested_00009")),
      path .. ': its part "' .. dir.path .. '/nested_00009.weights.h5" cannot be read: ')
    refused((text:gsub("nested_00001", "nested_00000")), "has 2 variables here and 0 in the file")
    refused((text:gsub("%[[^%]]*%]", "[]")), "weight_map: no file has layers/")
  end)

  it("are no models", function ()
    local dir <close> = folder()
    local path = unpack_to(dir, "nested")
    assert.error_at_line(function () k.models.load_model(path) end,
      "a file of that name lists weights alone; model:load_weights reads them")
    assert.error_at_line(function () model_of "nested":save(path) end,
      "a file of that name has weights alone")
  end)
end)
