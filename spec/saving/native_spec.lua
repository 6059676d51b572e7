-- lunula's own files: what is in them, what comes back, and what is said of those that do not fit.

local core = require "lunula.core"
local k = require "lunula"
local nest = require "lunula.utils.nest"
local warn = require "lunula.utils.warn"
local own = require "spec.support.own_models"
local scratch = require "spec.support.scratch"

local layers = k.layers
local load = k.models.load_model

-- Runs fn and returns the warnings.
local function warnings_of(fn)
  local said, sink = {}, warn.sink
  local _ <close> = setmetatable({}, { __close = function () warn.sink = sink end })
  warn.sink = function (text) said[#said + 1] = text end
  fn()
  return said
end

local function results(model, inputs)
  local list = {}
  for _, layer in ipairs(model.layers) do
    if layer.stateful then layer:reset_state() end
  end
  local packed = table.pack(model(#inputs == 1 and inputs[1] or inputs, { training = false }))
  for i = 1, packed.n do nest.each(packed[i], function (y) list[#list + 1] = y:totable() end) end
  return list
end

local function dense(units, name)
  return k.Sequential { k.Input { shape = { 3 } }, layers.Dense { units, name = name } }
end

local function bytes(model)
  local list = {}
  for i, weight in ipairs(model:get_weights()) do list[i] = weight:totable() end
  return list
end

describe("a model in a file", function ()
  teardown(scratch.clear)
  local path

  before_each(function ()
    path = scratch.path "model.safetensors"
    k.set_random_seed(1)
  end)

  for _, form in ipairs(own) do
    it("comes back with its numbers: " .. form.name, function ()
      warnings_of(function ()
        local model = form.make(k, layers)
        local inputs = own.inputs(k, form)
        local wanted = results(model, inputs)
        k.saving.custom_object_scope(own.custom, model.save, model, path)
        local copy = load(path, { custom_objects = own.custom })
        assert.same(wanted, results(copy, inputs))
        assert.equal(model.name, copy.name)
      end)
    end)
  end

  it("has its tensors under Keras's names", function ()
    local model = k.Sequential { k.Input { shape = { 3 } },
      layers.Dense { 2, name = "first" }, layers.BatchNormalization { name = "norm" },
      layers.Reshape { { 2, 1 } }, layers.Bidirectional { layers.LSTM { 1, name = "cells" },
      name = "both" } }
    model:compile { optimizer = k.optimizers.SGD { momentum = .9 }, loss = "mse",
      metrics = { "mae" } }
    model:fit(k.ones { 4, 3 }, k.ones { 4, 2 }, { verbose = 0 })
    model:save(path)
    local reader <close> = core.file_read(path)
    local names = table.concat(reader.names, " ")
    for _, name in ipairs { "first/kernel", "first/bias", "norm/moving_variance",
      "both/forward_cells/lstm_cell/recurrent_kernel", "both/backward_cells/lstm_cell/bias",
      "optimizer/iteration", "optimizer/learning_rate", "optimizer/first_kernel_momentum",
      "optimizer/both_forward_cells_lstm_cell_bias_momentum", "metrics/loss/total",
      "metrics/mae/count" } do
      assert(names:find(name, 1, true), name .. " is not among " .. names)
    end
    assert.equal("lunula 1", reader.metadata.format)
    assert.truthy(reader.metadata.config:find('"Sequential"', 1, true))
  end)

  it("is read by those that it was written for", function ()
    local model = dense(2)
    model:compile { optimizer = "adam", loss = "mse" }
    model:fit(k.ones { 4, 3 }, k.ones { 4, 2 }, { verbose = 0 })
    model:save(path)
    assert.truthy(load(path).optimizer)
    assert.is_nil(load(path, { compile = false }).optimizer)
    model:save(path, { include_optimizer = false })
    assert.is_nil(load(path).optimizer)
    assert.equal(2, #core.file_read(path).names)
  end)

  it("has floats of half the size when that is wished", function ()
    local model = dense(8)
    model:save(path, { dtype = "bfloat16", test = k.random.normal { 4, 3 } })
    assert.near_all(load(path, { check = true }):get_weights()[1], model:get_weights()[1], 1e-2)
    model:save(path, { dtype = "float16", test = k.random.normal { 4, 3 } })
    assert.near_all(load(path, { check = true }):get_weights()[1], model:get_weights()[1], 1e-3)
    local _, dtype = core.file_read(path):type(core.file_read(path).names[1])
    assert.equal("float16", dtype)
  end)

  it("leaves the program's random numbers alone until it is trained", function ()
    local model = dense(2)
    model:compile { optimizer = "sgd", loss = "mse" }
    model:save(path)
    k.set_random_seed(5)
    local wanted = k.random.uniform({ 3 }):totable()
    k.set_random_seed(5)
    load(path)
    assert.same(wanted, k.random.uniform({ 3 }):totable())
  end)

  it("keeps what preprocessing layers learned", function ()
    local lookup = layers.IntegerLookup { output_mode = "multi_hot" }
    lookup:adapt { 7, 9, 9, 3 }
    local x = k.Input { shape = { 2 }, dtype = "int64" }
    local model = k.Model { inputs = x, outputs = layers.Dense(2)(lookup(x)) }
    warnings_of(function () model:save(path) end)
    local given = k.tensor({ { 9, 3 }, { 7, 1 } }, { dtype = "int64" })
    assert.near_all(load(path)(given), model(given), 0)
    local scale = layers.Normalization {}
    local scaled = k.Sequential { k.Input { shape = { 2 } }, scale }
    scale:adapt(k.tensor { { 1, 2 }, { 3, 5 } })
    scaled:save(path)
    assert.near_all(load(path)(k.ones { 1, 2 }), scaled(k.ones { 1, 2 }), 0)
  end)

  it("keeps the words that it reads", function ()
    local words = layers.TextVectorization { output_mode = "tf_idf" }
    words:adapt { "a cat", "a dog", "dog and cat" }
    local model = k.Sequential { words, layers.Dense(2) }
    local texts = { "a cow and dog", "cat" }
    local wanted = model:predict(texts, { verbose = 0 })
    warnings_of(function () model:save(path) end)
    assert.near_all(load(path):predict(texts, { verbose = 0 }), wanted, 0)
  end)

  it("keeps the states of stateful layers", function ()
    local model = k.Sequential { k.Input { shape = { 3, 2 }, batch_size = 2 },
      layers.LSTM { 2, stateful = true } }
    local x = k.random.normal { 2, 3, 2 }
    model:predict(x, { batch_size = 2, verbose = 0 })
    model:save(path)
    local copy = load(path)
    assert.near_all(copy:predict(x, { batch_size = 2, verbose = 0 }),
      model:predict(x, { batch_size = 2, verbose = 0 }), 0)
  end)

  it("that was not built is saved with a warning, and is not built", function ()
    local model = k.Sequential { layers.Dense(2) }
    local said = warnings_of(function () model:save(path) end)
    assert.truthy(said[1]:find("has not been built", 1, true))
    local copy = load(path)
    assert.is_false(copy.built)
    assert.same({ 2 }, { #copy(k.ones { 1, 4 }).shape })
  end)
end)

describe("weights in a file", function ()
  teardown(scratch.clear)
  local path

  before_each(function ()
    path = scratch.path "some.safetensors"
    k.set_random_seed(2)
  end)

  local function two(units, last)
    return k.Sequential { k.Input { shape = { 3 } }, layers.Dense(units), layers.Dense(last or 1) }
  end

  it("go into a model of the same make, whatever its layers are called", function ()
    local model, copy = two(4), two(4)
    assert.not_equal(model.layers[1].name, copy.layers[1].name)
    model:save_weights(path)
    copy:load_weights(path)
    assert.same(bytes(model), bytes(copy))
  end)

  it("are those of other programs too, with Keras's paths", function ()
    local model = dense(2, "out")
    local kernel = k.random.normal { 3, 2 }
    core.file_write(path, { { "sequential/out/kernel", kernel }, { "sequential/out/bias",
      k.ones { 2 } } })
    model:load_weights(path)
    assert.near_all(model:get_weights()[1], kernel, 0)
    assert.error_at_line(function () load(path) end, "holds tensors and no model")
  end)

  it("bring the state of the optimizer, where it fits", function ()
    local function trained(optimizer)
      local model = dense(1, "out")
      model:compile { optimizer = optimizer, loss = "mse" }
      return model
    end
    local x, y = k.random.normal { 8, 3 }, k.random.normal { 8, 1 }
    local model, copy = trained "adam", trained "adam"
    model:fit(x, y, { epochs = 2, shuffle = false, verbose = 0 })
    model:save_weights(path)
    copy:load_weights(path)
    model:fit(x, y, { shuffle = false, verbose = 0 })
    copy:fit(x, y, { shuffle = false, verbose = 0 })
    assert.same(bytes(model), bytes(copy))
    model.optimizer.learning_rate = 0.3       -- which no float32 is
    model:save_weights(path)
    copy:load_weights(path)
    assert.equal(0.3, copy.optimizer.learning_rate)
    assert.equal(0.3, copy.optimizer:get_config().learning_rate)
    local said = warnings_of(function () trained("sgd"):load_weights(path) end)
    assert.truthy(said[1]:find("the state of the optimizer is left out", 1, true))
    assert.same({}, warnings_of(function () dense(1, "out"):load_weights(path) end))
  end)

  it("that do not fit are told all at once, and change nothing", function ()
    local model = k.Sequential { k.Input { shape = { 3 } }, layers.Dense { 4, name = "a" },
      layers.Dense { 2, name = "b" } }
    local other = k.Sequential { k.Input { shape = { 3 } }, layers.Dense { 5, name = "a" },
      layers.Dense { 2, name = "c" } }
    other:save_weights(path)
    local before = bytes(model)
    local ok, message = pcall(model.load_weights, model, path)
    assert.is_false(ok)
    for _, text in ipairs { "missing in the file: b/kernel (4, 2), b/bias (2,)",
      "in the file only: c/kernel (5, 2), c/bias (2,)",
      "of another shape: a/kernel is (3, 4) here and (3, 5) in the file, a/bias is (4,) here and "
        .. "(5,) in the file" } do
      assert(message:find(text, 1, true), message)
    end
    assert.same(before, bytes(model))
    assert.error_at_line(function () model:load_weights(path) end, "does not fit model")
  end)

  it("are loaded as far as they fit, with a warning", function ()
    local model, other = two(4, 1), two(4, 2)
    other:save_weights(path)
    local last = model:get_weights()[3]:totable()
    local said = warnings_of(function () model:load_weights(path, { skip_mismatch = true }) end)
    assert.truthy(said[1]:find("is (4, 1) here and (4, 2) in the file", 1, true))
    assert.same(other:get_weights()[1]:totable(), model:get_weights()[1]:totable())
    assert.same(last, model:get_weights()[3]:totable())
  end)

  -- Counted by their order dense_1 here would be dense there.
  it("are found by their names before their numbers count", function ()
    local items = {}
    for i, name in ipairs { "net/dense/kernel", "net/dense_1/kernel", "net/dense_2/kernel" } do
      items[i] = { name, k.ones { 1, 1 } * i }
    end
    core.file_write(path, items)
    local model = k.Sequential { k.Input { shape = { 1 } } }
    for _, name in ipairs { "dense_1", "dense_2" } do
      model:add(layers.Dense { 1, use_bias = false, name = name })
    end
    local said = warnings_of(function () model:load_weights(path, { skip_mismatch = true }) end)
    assert.matches("in the file only: net/dense/kernel", said[1])
    assert.same({ { { 2 } }, { { 3 } } }, bytes(model))
  end)

  it("do not need the states of stateful layers", function ()
    local function recurrent(batch)
      return k.Sequential { k.Input { shape = { 3, 2 }, batch_size = batch },
        layers.LSTM { 2, stateful = batch ~= nil } }
    end
    local model = recurrent(4)
    model:predict(k.ones { 4, 3, 2 }, { batch_size = 4, verbose = 0 })
    model:save_weights(path)
    for _, copy in ipairs { recurrent(2), recurrent(nil), recurrent(4) } do
      copy:load_weights(path)
      assert.same(bytes(model), bytes(copy))
    end
    recurrent(nil):save_weights(path)
    model:load_weights(path)
  end)

  it("may be of layers with any name", function ()
    local function named()
      local one = k.Sequential { k.Input { shape = { 3 } }, layers.Dense { 2, name = "optimizer" },
        layers.Dense { 2, name = "metrics" } }
      one:compile { optimizer = "sgd", loss = "mse" }
      return one
    end
    local model, copy = named(), named()
    model:fit(k.ones { 2, 3 }, k.ones { 2, 2 }, { verbose = 0 })
    model:save_weights(path)
    copy:load_weights(path)
    assert.same(bytes(model), bytes(copy))
    model:save(path)
    assert.same(bytes(model), bytes(load(path)))
  end)

  it("of another type of number do not fit", function ()
    core.file_write(path, { { "out/kernel", k.zeros({ 3, 2 }, "int32") },
      { "out/bias", k.zeros { 2 } } })
    assert.error_at_line(function () dense(2, "out"):load_weights(path) end,
      "out/kernel is float32 here and int32 in the file")
  end)

  it("need a model that is built", function ()
    local model = k.Sequential { layers.Dense(2) }
    assert.error_at_line(function () model:save_weights(path) end, "it has not been built")
    assert.error_at_line(function () model:load_weights(path) end, "it has not been built")
  end)
end)

describe("errors of files", function ()
  teardown(scratch.clear)
  local model = dense(2)

  local function says(fn, text) assert.error_at_line(fn, text) end

  it("tell what is wrong with a path", function ()
    local path = scratch.path "x.safetensors"
    says(function () load(scratch.path "no.safetensors") end, "there is no file")
    says(function () load(scratch.path()) end, "has no ending that says")
    says(function () load "x.txt" end,
      "the endings are .safetensors, and with the rock lunula-hdf5 .keras, .weights.h5, .h5, .hdf5")
    says(function () load(nil) end, "the path of a file is wanted, got nil")
    says(function () model:save(path, { dtype = "int8" }) end,
      'save: dtype, as which floats are stored, is "float32", "float16", "bfloat16" or')
    says(function () model:save_weights "x.weights.json" end,
      '"x.weights.json" lists weights in several files: give max_shard_size, in GB')
    says(function () model:save_weights(path, { max_shard_size = 1 }) end,
      "with max_shard_size, the path ends in .weights.json")
    for _, size in ipairs { 0, -1, 1 / 0, 0 / 0, "1" } do
      says(function () model:save_weights("x.weights.json", { max_shard_size = size }) end,
        "max_shard_size must be a positive number (of GB)")
    end
    says(function () model:save(scratch.path "no/x.safetensors") end, "there is no folder")
    says(function () model:save("") end, "the path of a file is wanted")
    model:save(path)
    says(function () model:save(path, { overwrite = false }) end,
      "is there already; give overwrite=true")
    says(function () model:save_weights(path, { overwrite = false }) end, "is there already")
    says(function () model:save(path, { overwrite = 1 }) end, "overwrite must be true or false")
    says(function () model:save(path, { overwrit = true }) end, 'did you mean "overwrite"')
    says(function () k.models.save_model({}, path) end, "save takes a model")
    says(function () model.save(path) end, "with a colon")
    core.make_folders(scratch.path "folder.safetensors")
    says(function () model:save(scratch.path "folder.safetensors") end, "is a folder")
    says(function () load(scratch.path "folder.safetensors") end, "is a folder")
  end)

  it("tell which rock is missing", function ()
    if pcall(require, "lunula.hdf5") then return end
    says(function () model:save(scratch.path "x.keras") end, "luarocks install lunula-hdf5")
    says(function () model:save_weights(scratch.path "x.weights.h5") end,
      "luarocks install lunula-hdf5")
    says(function () model:save(scratch.path "x.h5", { dtype = "float16" }) end,
      "dtype is for files that end in .safetensors, not in .h5")
  end)

  it("tell what is wrong with a file", function ()
    local path = scratch.path "x.safetensors"
    model:save(path)
    local whole = scratch.read "x.safetensors"
    for _, size in ipairs { 0, 3, 8, 100, #whole - 1 } do
      scratch.write("x.safetensors", whole:sub(1, size))
      says(function () load(path) end, path)
      says(function () model:load_weights(path) end, path)
    end
    scratch.write("x.safetensors", ("not one of ours "):rep(20))
    says(function () load(path) end, path)
    core.file_write(path, {}, { format = "lunula 9", config = "{}" })
    says(function () load(path) end, 'is of the format "lunula 9"')
    core.file_write(path, {}, { format = "lunula 1", config = "{" })
    says(function () load(path) end, "the config in")
    core.file_write(path, {}, { format = "lunula 1", config = '{"class_name": "Nonesuch"}' })
    says(function () load(path) end, 'unknown layer "Nonesuch"')
    core.file_write(path, {}, { format = "lunula 1", config = model:to_json(), state = "[" })
    says(function () load(path) end, "the state in the file is broken")
    core.file_write(path, {}, { format = "lunula 1", config = model:to_json() })
    says(function () load(path) end, "do not fit the model that it describes")
  end)
end)
