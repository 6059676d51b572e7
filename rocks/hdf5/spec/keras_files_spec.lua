-- Files of Keras 3 and Keras 2, recorded by golden/record.py: the models in them say here what they
-- said there, and training goes on with the same numbers; and what is written is read back whole.

local hdf5 = require "lunula.hdf5"
local k = require "lunula"
local states = require "lunula.hdf5.optimizer"
local going_on = require "spec.support.going_on"
local recorded = require "rocks.hdf5.spec.support.recorded"
local lua = require "spec.support.lua"

local tolerance = 2e-5

local cases = recorded.cases()

local function make_zero(model)
  for _, variable in ipairs(model.weights) do variable:assign(k.ops.zeros_like(variable.value)) end
end

-- A file of weights goes into the model of the archive beside it.
local function load(case, options)
  local path = recorded.path(case)
  options = options or { compile = true }
  if not case.file:find "%.weights%.h5$" then return hdf5.load_model(path, options) end
  local beside = { file = case.name .. ".keras" }
  local model = hdf5.load_model(recorded.path(beside), options)
  make_zero(model)
  hdf5.load_weights(model, path, {})
  return model
end

local function check_outputs(model, x, wanted)
  local outputs = recorded.predict(model, x)
  assert.equal(#wanted, #outputs)
  for i, output in ipairs(outputs) do assert.near_all(output, wanted[i]:totable(), tolerance) end
end

-- Two further steps; returns their losses.
local function train(model, data)
  local losses = {}
  for i = 1, 2 do
    model:reset_metrics()
    local results = table.pack(model:train_on_batch(data.x, data.y))
    losses[i] = type(results[1]) == "table" and results[1].loss or results[1]
  end
  return losses
end

for _, case in ipairs(cases) do
  describe(case.file, function ()
    it("says what it said in Keras", function ()
      local data = recorded.data(case)
      check_outputs(load(case), data.x, data.outputs)
    end)

    if case.trained then
      it("trains on with the same numbers", function ()
        local data = recorded.data(case)
        local model = load(case)
        local losses = train(model, data)
        if case.losses then assert.near_all(losses, case.losses, tolerance) end
        check_outputs(model, data.x, data.trained)
      end)
    end
  end)
end

-- ---- what we write -----------------------------------------------------------------------------

local function same(a, b)
  assert.equal(#a, #b)
  for i = 1, #a do assert.same(a[i]:totable(), b[i]:totable()) end
end

describe("a model that we write", function ()
  for _, case in ipairs(cases) do
    if case.file == case.name .. ".keras" then
      it(case.name .. " comes back with the same bits", function ()
        local data = recorded.data(case)
        local model = load(case)
        local wanted = recorded.predict(model, data.x)
        for _, ending in ipairs { ".keras", ".h5" } do
          local path = recorded.temporary(ending)
          local is_text = case.name:find "^text" or case.name:find "lookup"
          if not (ending == ".h5" and is_text) then    -- it has no place for vocabularies
            hdf5.save_model(model, path, { include_optimizer = true })
            local copy = hdf5.load_model(path, { compile = true })
            same(wanted, recorded.predict(copy, data.x))
            if case.losses then
              local third = load(case)
              assert.same(train(third, data), train(copy, data))
              same(recorded.predict(third, data.x), recorded.predict(copy, data.x))
            end
          end
        end
      end)
    end
  end

  it("leaves out the optimizer where that is wished", function ()
    local model = load { name = "dense", file = "dense.keras" }
    for _, ending in ipairs { ".keras", ".h5" } do
      local path = recorded.temporary(ending)
      hdf5.save_model(model, path, { include_optimizer = false })
      local copy = hdf5.load_model(path, { compile = true })
      assert.is_nil(copy.optimizer)
    end
  end)

  -- One in a field trains some of the weights.
  it("has optimizers of a train step of the user's own", function ()
    local case = going_on.cases.optimizers
    local model, path = going_on.model(case), recorded.temporary ".keras"
    going_on.fit(model, case, 0, 1)
    hdf5.save_model(model, path, { include_optimizer = true })
    local weights, iterations = model:get_weights(), model.second.iterations
    going_on.fit(model, case, 1, 2)
    hdf5.load_weights(model, path, {})
    assert.equal(iterations, model.optimizer.iterations)
    for i, value in ipairs(model:get_weights()) do assert.near_all(value, weights[i], 0) end
  end)

  it("has weights of tf_idf among the others", function ()
    local function model_with(weights)
      local layer = k.layers.TextVectorization {
        output_mode = "tf_idf", vocabulary = { "a", "b", "c" }, idf_weights = weights,
      }
      local model = k.Sequential { layer, k.layers.Dense(2) }
      model(k.tensor { { "a b" } })
      return model, layer
    end
    local path, x = recorded.temporary ".weights.h5", k.tensor { { "a b" }, { "c c" } }
    hdf5.save_weights(model_with { 1, 2, 3 }, path, {})
    local model, layer = model_with { 5, 6, 7 }
    model:predict(x)
    hdf5.load_weights(model, path, {})
    assert.same({ { 0, 1, 2, 0 }, { 0, 0, 0, 6 } }, layer(x):totable())
    local other = k.Sequential {
      k.layers.TextVectorization {
        output_mode = "tf_idf", vocabulary = { "a" }, idf_weights = { 1 }, name = "small",
      },
      k.layers.Dense(2),
    }
    other(x)
    assert.error_at_line(function () hdf5.load_weights(other, path, {}) end,
      'idf_weights of TextVectorization "small" is (2,) here and (4,) in the file')
  end)

  -- Files of Keras 2 do not have it.
  it("has Nadam's product from its steps", function ()
    local model = k.Sequential { k.Input { shape = { 1 } }, k.layers.Dense(1) }
    model:compile { optimizer = "nadam", loss = "mse" }
    for _ = 1, 3 do model:train_on_batch(k.ones { 2, 1 }, k.zeros { 2, 1 }) end
    local self = model.optimizer
    local product = self.product:item()
    self.product:assign(1)
    states.complete(self, { self._iterations, self.product })
    assert.equal(1, self.product:item())
    states.complete(self, { self._iterations })
    assert.near_all(self.product, product, 1e-7)
  end)

  it("gives them back before their first step", function ()
    local case = going_on.cases.optimizers
    local x, y = going_on.data(case)
    local model, path = going_on.model(case), recorded.temporary ".keras"
    model:train_on_batch(x, y)
    hdf5.save_model(model, path, { include_optimizer = true })
    local fresh = going_on.model(case)
    fresh(x)
    hdf5.load_weights(fresh, path, {})
    local loaded = hdf5.load_model(path, { compile = true })
    assert.is_true(fresh.second.built and fresh.rest[1].built)
    model:train_on_batch(x, y)
    for _, other in ipairs { fresh, loaded } do
      assert.equal(1, other.second.iterations)
      other:train_on_batch(x, y)
      for i, value in ipairs(other:get_weights()) do
        assert.near_all(value, model:get_weights()[i], 0)
      end
    end
  end)

  it("has the variables of optimizers that hold others", function ()
    local o = k.optimizers
    local function scaled() return o.LossScaleOptimizer { o.Nadam { 0.1 }, 8, 2 } end
    local function several()
      return o.MultiOptimizer { o.OptimizerMap { "sgd", { [".*/kernel"] = "adam" } } }
    end
    for _, make in ipairs { scaled, several } do
      for _, ending in ipairs { ".keras", ".h5" } do
        local model, path = k.Sequential { k.Input { 3 }, k.layers.Dense(2) },
          recorded.temporary(ending)
        model:compile { optimizer = make(), loss = "mse" }
        model:fit(k.ones { 4, 3 }, k.ones { 4, 2 }, { epochs = 3, verbose = 0 })
        hdf5.save_model(model, path, { include_optimizer = true })
        local copy = hdf5.load_model(path, { compile = true }).optimizer.variables
        for i, variable in ipairs(model.optimizer.variables) do
          assert.equal(variable.value:tobytes(), copy[i].value:tobytes())
        end
      end
    end
  end)

  it("is loaded without what it was compiled with", function ()
    for _, file in ipairs { "dense.keras", "k2_dense.h5" } do
      assert.is_nil(load({ file = file }, { compile = false }).optimizer)
    end
  end)
end)

describe("a word with the end of a line in it", function ()
  it("has no place among the lines of a vocabulary", function ()
    local path = recorded.temporary ".keras"
    local layer = k.layers.StringLookup()
    layer:adapt(k.tensor { "a", "b\nc" })
    local model = k.Sequential { k.Input { shape = { 1 }, dtype = "string" }, layer }
    assert.error_at_line(function () model:save(path) end, path .. ': layer "' .. layer.name
      .. '" (StringLookup) has a word with the end of a line in it, "b\\nc", which has no place')
  end)
end)

-- Under a limit of the shell for the size of files a disk is full sooner.
describe("a full disk", function ()
  for _, ending in ipairs { ".keras", ".h5", ".weights.h5", ".weights.json" } do
    it("is told for what it is, and ends no program: " .. ending, function ()
      local path, script = recorded.temporary(ending), recorded.temporary ".lua"
      recorded.write(path, "old")
      recorded.write(script, ([[
        package.path, package.cpath = %q, %q
        local k = require "lunula"
        local model = k.Sequential { k.Input { shape = { 300 } }, k.layers.Dense(500) }
        print(pcall(model[%q], model, %q, { max_shard_size = %s }))
      ]]):format(package.path, package.cpath, ending:find "weights" and "save_weights" or "save",
        path, tostring(ending == ".weights.json" or nil):gsub("true", "1")))
      local pipe = io.popen(("trap '' XFSZ; ulimit -f 100; %s %s 2>&1"):format(lua.command, script))
      local said = pipe:read "a"
      assert.is_true(pipe:close())
      assert.matches("^false%s", said)
      assert.matches(path .. ': cannot write the dataset "', said, 1, true)
      assert.matches('": File too large\n', said, 1, true)
      assert.equal("old", recorded.read(path))
    end)
  end
end)

-- ---- weights alone -----------------------------------------------------------------------------

describe("weights", function ()
  local function model_of(name, compile)
    return load({ name = name, file = name .. ".keras" }, { compile = compile })
  end
  local function zeroed(name)
    local model = model_of(name, false)
    make_zero(model)
    return model
  end

  for _, ending in ipairs { ".weights.h5", ".h5", ".keras" } do
    it("go from model to model through " .. ending, function ()
      for _, name in ipairs { "nested", "branches", "norms", "stacked_cells" } do
        local from, to = model_of(name, true), zeroed(name)
        local path = recorded.temporary(ending)
        if ending == ".keras" then hdf5.save_model(from, path, {})
        else hdf5.save_weights(from, path, {}) end
        hdf5.load_weights(to, path, {})
        same(from:get_weights(), to:get_weights())
      end
    end)
  end

  it("of a model's file of Keras 2 are read", function ()
    local to = zeroed "lstm"
    hdf5.load_weights(to, recorded.path { file = "k2_lstm.h5" }, {})
  end)

  it("are found by the names of layers", function ()
    local function layers(name) return k.Sequential { k.Input { shape = { 3 } },
      k.layers.Dense { 2, name = "one" }, k.layers.Dense { 2, name = name } } end
    local from, to = layers "two", layers "three"
    local path = recorded.temporary ".h5"
    local kept = to.layers[2]:get_weights()[1]:totable()
    hdf5.save_weights(from, path, {})
    hdf5.load_weights(to, path, { by_name = true })
    same(from.layers[1]:get_weights(), to.layers[1]:get_weights())
    assert.same(kept, to.layers[2]:get_weights()[1]:totable())
  end)
end)

-- Datasets go from the file, as it is mapped, into tensors: whoever made strings of them on the way
-- had them two and three times.
describe("weights in memory", function ()
  -- What a process that loads the file holds at most, beyond what it held before, in MB.
  local function peak_of(path)
    local script = ([[
      package.path, package.cpath = %q, %q
      local k = require "lunula"
      require "lunula.hdf5"
      local function peak()
        for line in io.lines "/proc/self/status" do
          local kb = line:match "^VmHWM:%%s+(%%d+)"
          if kb then return kb / 1024 end
        end
      end
      local before = peak()
      local model = k.models.load_model(%q)
      print(peak() - before)
    ]]):format(package.path, package.cpath, path)
    local file = recorded.temporary ".lua"
    recorded.write(file, script)
    local pipe = assert(io.popen(("%s '%s'"):format(lua.command, file)))
    local most = pipe:read "n"
    pipe:close()
    return assert(most, "no load of " .. path)
  end

  it("are there once, and the part that is read", function ()
    if os.getenv "LD_PRELOAD" then return end      -- a sanitizer keeps what was freed
    local model = k.Sequential { k.Input { shape = { 1024 } } }
    for _ = 1, 12 do model:add(k.layers.Dense(1024)) end
    for _, ending in ipairs { ".keras", ".h5" } do
      local path = recorded.temporary(ending)
      hdf5.save_model(model, path, { include_optimizer = false })
      local most = peak_of(path)
      assert.is_true(most < 1.6 * 48, ("%s: %.0f MB for 48"):format(ending, most))
    end
  end)
end)
